"""The part of the camera's picture that is looked at."""

from dataclasses import replace

import numpy as np
import pytest

from adaptd.bundle_build.data.preset import PRESETS
from adaptd.vision.preprocess import Preprocessor, region


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
