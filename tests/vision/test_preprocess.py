"""Preprocessing: the manifest's arithmetic to the last bit, and the right part of the picture in the right place."""

from typing import Any

import numpy as np
import pytest

from adaptd.config.manifest import Preprocessing
from adaptd.vision.preprocess import GREY, Preprocessor

IMAGENET = {"mean_ppm": (485_000, 456_000, 406_000), "std_ppm": (229_000, 224_000, 225_000)}


def words(**changes: Any) -> Preprocessing:
    """An 8 x 12 network that wants plain pixels over 255, red first."""
    plain = {"size": (8, 12), "divisor": 255, "mean_ppm": (0, 0, 0), "std_ppm": (1_000_000,) * 3, "colour_order": "rgb"}
    return Preprocessing(**(plain | changes))


def picture(height: int, width: int, seed: int = 0) -> Any:
    """Random pixels."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_the_arithmetic_is_the_manifests_in_double_precision(order: str) -> None:
    """(value / divisor - mean) / std per channel, rounded once to float32, for every one of the 256 values."""
    image = np.arange(8 * 12 * 3, dtype=np.int64).reshape(8, 12, 3).astype(np.uint8)
    batch = Preprocessor(words(colour_order=order, **IMAGENET))(image)
    source = image[..., ::-1] if order == "rgb" else image
    mean, std = (np.array(IMAGENET[key], np.float64) / 1e6 for key in ("mean_ppm", "std_ppm"))
    expected = ((source / np.float64(255) - mean) / std).astype(np.float32).transpose(2, 0, 1)[None]
    assert batch.tobytes() == expected.tobytes()


def test_the_batch_is_one_buffer_made_once() -> None:
    """No memory is allocated per frame: the engine may bind to the buffer and keep it."""
    prepare = Preprocessor(words())
    assert prepare(picture(8, 12)) is prepare(picture(30, 40))


def test_nothing_of_the_last_picture_is_left() -> None:
    """A picture gives the same batch whatever came before it."""
    prepare = Preprocessor(words(fit="letterbox"))
    fresh = prepare(picture(20, 20)).copy()
    prepare(picture(50, 10, seed=1))
    assert np.array_equal(prepare(picture(20, 20)), fresh)


def test_letterbox_keeps_proportions_between_grey_bars() -> None:
    """A square picture fills the middle of a wide network; the bars are mid grey."""
    batch = Preprocessor(words(fit="letterbox"))(np.full((16, 16, 3), 255, np.uint8))
    columns = batch[0, 0, 0].tolist()
    assert columns[:2] == columns[-2:] == [np.float32(GREY / 255)] * 2
    assert columns[2:10] == [1.0] * 8


def test_centre_crop_takes_the_middle() -> None:
    """A wide picture loses its sides: pixels outside the crop have no influence."""
    prepare = Preprocessor(words(size=(8, 8), fit="centre_crop"))
    image = picture(8, 24)
    batch = prepare(image).copy()
    image[:, :8] = 0
    image[:, 16:] = 255
    assert np.array_equal(prepare(image), batch)


def test_a_crop_share_shrinks_the_middle() -> None:
    """With crop_ppm 500,000 only the inner half of each side counts."""
    prepare = Preprocessor(words(size=(8, 8), fit="centre_crop", crop_ppm=500_000))
    image = picture(16, 16)
    batch = prepare(image).copy()
    image[:4], image[12:], image[:, :4], image[:, 12:] = 0, 0, 0, 0
    assert np.array_equal(prepare(image), batch)


def test_shrinking_averages_instead_of_picking() -> None:
    """A checkerboard shrunk by four is grey everywhere; picking pixels would give black or white."""
    image = np.zeros((32, 48, 3), np.uint8)
    image[::2, ::2] = image[1::2, 1::2] = 255
    batch = Preprocessor(words())(image)
    assert float(np.ptp(batch)) < 0.01
    assert abs(float(batch.mean()) - 0.5) < 0.01


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 12), np.uint8),
        np.zeros((8, 12, 4), np.uint8),
        np.zeros((8, 12, 3), np.float32),
        np.zeros((0, 12, 3), np.uint8),
    ],
    ids=["grey", "four channels", "floats", "empty"],
)
def test_what_is_no_picture_is_refused(image: Any) -> None:
    """Only 8-bit pictures of three channels are served; the message says what came."""
    with pytest.raises(ValueError, match="8-bit with three channels"):
        Preprocessor(words())(image)
