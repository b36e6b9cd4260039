"""Picture statistics: integers that follow the light, from a handful of samples."""

import json

import numpy as np
import pytest

from adaptd.worker.latest_frame import Frame
from adaptd.worker.picture import look, scene
from adaptd.worker.seen import LOOK_US, Seen


def frame(value: int, height: int = 480, width: int = 640) -> Frame:
    """A flat grey frame."""
    return Frame(np.full((height, width, 3), value, np.uint8), 7, 99, 10_000, 4)


@pytest.mark.parametrize("value", [0, 1, 64, 128, 200, 255])
def test_a_flat_picture_has_its_value_as_mean(value: int) -> None:
    """Mean luma is a share of full scale, and a flat picture has no spread."""
    seen = look(frame(value))
    assert abs(seen.mean_ppm - value * 1_000_000 // 255) <= 4_000
    assert seen.spread_ppm == 0


def test_black_and_white_ends_are_told() -> None:
    """A clipped sensor gives a bound, not a light: the shares of black and white samples say so."""
    assert (look(frame(0)).dark_ppm, look(frame(0)).clipped_ppm) == (1_000_000, 0)
    assert (look(frame(255)).dark_ppm, look(frame(255)).clipped_ppm) == (0, 1_000_000)


def test_half_black_half_white() -> None:
    """Mean and spread are half of full scale."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = 255
    seen = look(Frame(image, 0, 0))
    assert abs(seen.mean_ppm - 500_000) <= 4_000
    assert abs(seen.spread_ppm - 500_000) <= 4_000


def test_green_counts_most() -> None:
    """Luma weighs colours as the eye does: green over red over blue."""
    means = []
    for channel in (0, 2, 1):
        image = np.zeros((32, 32, 3), np.uint8)
        image[..., channel] = 200
        means.append(look(Frame(image, 0, 0)).mean_ppm)
    assert means == sorted(means)
    assert len(set(means)) == 3


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (31, 33), (1080, 1920)])
def test_any_size_is_sampled(size: tuple[int, int]) -> None:
    """From one pixel to full HD."""
    assert look(frame(100, *size)).mean_ppm > 300_000


def test_the_cameras_own_settings_travel_along() -> None:
    """Exposure and gain are what makes a light of a brightness."""
    seen = look(frame(100))
    assert (seen.frame, seen.at_us, seen.exposure_us, seen.gain_raw) == (7, 99, 10_000, 4)


def test_a_result_carries_the_coarse_picture_once_after_each_look() -> None:
    """Sixty-four brightnesses of the camera that was looked at, in one result; half a second later in another."""
    seen = Seen(("front", "rear"), 0)
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 4, 64, 0).repeat(3, 2)
    seen.look_now_and_then(Frame(ramp, 1, 0, camera=1), LOOK_US)
    assert seen.take_scene(0) == ""
    fields = json.loads("{" + seen.take_scene(1).removeprefix(",") + "}")
    assert len(bytes.fromhex(fields["scene"])) == 64
    assert bytes.fromhex(fields["scene"])[:3] < bytes.fromhex(fields["scene"])[5:8], "dark on the left"
    assert seen.take_scene(1) == ""
    seen.look_now_and_then(Frame(ramp, 2, 0, camera=1), LOOK_US + 1)
    assert seen.take_scene(1) == ""
    seen.look_now_and_then(Frame(ramp, 3, 0, camera=1), 2 * LOOK_US)
    assert seen.take_scene(1) != ""


def test_a_picture_smaller_than_the_grid_has_no_scene() -> None:
    """Four pixels tell nothing of a place."""
    assert scene(Frame(np.zeros((2, 2, 3), np.uint8), 1, 0)) == b""
