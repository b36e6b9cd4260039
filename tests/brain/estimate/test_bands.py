"""Light bands overlap, and the overlap is the hysteresis."""

import pytest

from adaptd.brain.estimate.bands import UNKNOWN, edges, follow
from tests.brain.decide.plant import feeder

BANDS = edges(feeder().bands)


@pytest.mark.parametrize(
    ("band", "lux", "after"),
    [
        ("dim", 200, "dim"),
        ("bright", 200, "bright"),
        ("dim", 251, "bright"),
        ("dim", 250, "dim"),
        ("bright", 149, "dim"),
        ("bright", 150, "bright"),
        ("bright", 1, "night"),
        ("night", 10_000, "bright"),
        ("night", 12, "night"),
        ("dim", 12, "dim"),
    ],
)
def test_a_band_is_left_only_across_its_own_edge(band: str, lux: int, after: str) -> None:
    """Inside the overlap the band stays; across several edges it goes all the way in one step."""
    assert follow(BANDS, band, (lux * 1000, lux * 1000)) == after


@pytest.mark.parametrize(("lux", "after"), [(12, "night"), (20, "dim"), (200, "dim"), (300, "bright")])
def test_from_the_unknown_the_darkest_band_that_fits_is_entered(lux: int, after: str) -> None:
    """Where two bands would do, the darker one is taken: its proof is the harder one."""
    assert follow(BANDS, UNKNOWN, (lux * 1000, lux * 1000)) == after


def test_without_a_reading_the_band_is_unknown() -> None:
    """A band is never remembered across a missing reading."""
    assert follow(BANDS, "bright", None) == UNKNOWN
