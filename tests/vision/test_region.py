"""The part of the camera's picture that is looked at."""

import argparse
from dataclasses import replace

import numpy as np
import pytest

from adaptd.bundle_build.data.labels import _within
from adaptd.bundle_build.data.pictures import PRESETS
from adaptd.cli.engine_words import _roi
from adaptd.config.manifest import around
from adaptd.vision.preprocess import GREY, Preprocessor, region


def test_only_the_region_reaches_the_network() -> None:
    """The right lower quarter of a picture gives the batch that this quarter alone would give."""
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    whole, part = PRESETS["unit"], replace(PRESETS["unit"], roi_ppm=(500_000, 500_000, 500_000, 500_000))
    seen = Preprocessor(part.words((16, 16)))(picture)
    assert np.array_equal(seen, Preprocessor(whole.words((16, 16)))(picture[30:, 40:]))
    same = Preprocessor(part.words((30, 40)))(picture)
    assert np.array_equal(same, Preprocessor(whole.words((30, 40)))(picture[30:, 40:]))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 7), (480, 640)])
def test_a_region_is_never_empty(height: int, width: int) -> None:
    """However small the picture, a pixel at least is looked at, inside the picture."""
    rows, columns = region((999_999, 999_999, 1, 1), height, width)
    assert 0 <= rows.start < rows.stop <= height
    assert 0 <= columns.start < columns.stop <= width


TRIANGLE = ((200_000, 200_000), (800_000, 200_000), (200_000, 800_000))


def test_outside_a_polygon_the_network_sees_grey() -> None:
    """Inside the triangle the picture is as it was, behind its long side everything is mid grey, and the camera keeps its own."""
    words = replace(PRESETS["raw"], roi_ppm=around(TRIANGLE), roi_points_ppm=TRIANGLE).words((60, 60))
    picture = np.full((100, 100, 3), 200, np.uint8)
    seen = Preprocessor(words)(picture)[0, 0]
    assert (seen[5:20, 5:20] == 200).all()
    assert (seen[45:, 45:] == GREY).all()
    share = float((seen == 200).mean())
    assert 0.48 < share < 0.54, "half of the square around it"
    assert (picture == 200).all()


def test_a_polygon_follows_a_camera_that_changes_its_size() -> None:
    """The mask is that of the picture at hand."""
    words = replace(PRESETS["raw"], roi_ppm=around(TRIANGLE), roi_points_ppm=TRIANGLE).words((60, 60))
    seen = Preprocessor(words)
    first = seen(np.full((100, 100, 3), 200, np.uint8)).copy()
    other = seen(np.full((400, 200, 3), 200, np.uint8)).copy()
    again = seen(np.full((100, 100, 3), 200, np.uint8))
    assert np.array_equal(first, again)
    assert abs(float((other == 200).mean() - (first == 200).mean())) < 0.05


def test_boxes_whose_centre_lies_outside_the_polygon_are_no_truth() -> None:
    """Qualification scores what the network can see."""
    words = replace(PRESETS["yolo"], roi_ppm=around(TRIANGLE), roi_points_ppm=TRIANGLE).words((64, 64))
    table = np.array([[0, 0.3, 0.3, 0.1, 0.1], [1, 0.7, 0.7, 0.1, 0.1], [2, 0.1, 0.1, 0.1, 0.1]])
    kept, size = _within(table, (100, 100), words)
    assert kept[:, 0].tolist() == [0]
    assert size == (60, 60)


@pytest.mark.parametrize(
    "text",
    [
        "0.5,0.5,0.6,0.2",
        "-0.1,0,0.5,0.5",
        "0,0,0,1",
        "0.1,0.1:0.9,0.1",
        "0,0:1,0:1,1.2",
        "0,0:1,0:0.5,0",
        "a,b,c,d",
        "0,0:1,nan:1,1",
    ],
)
def test_a_region_outside_the_picture_is_refused_in_one_line(text: str) -> None:
    """A rectangle or a polygon that does not lie in the picture, or has no area, is said so with an example."""
    with pytest.raises(argparse.ArgumentTypeError, match="is no part of the picture, give left,top,width,height"):
        _roi(text)


def test_a_rectangle_and_a_polygon_are_read() -> None:
    """Shares become millionths; the part around a polygon goes with it."""
    assert _roi("0.1,0.2,0.5,0.6") == {"roi_ppm": (100_000, 200_000, 500_000, 600_000)}
    assert _roi("0.2,0.2:0.8,0.2:0.2,0.8") == {"roi_ppm": (200_000, 200_000, 600_000, 600_000), "roi_points_ppm": TRIANGLE}
