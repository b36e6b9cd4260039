"""The rate that arrives bounds the plan."""

import pytest

from adaptd.brain.decide.planner import arriving

LEVELS = (5_000, 10_000, 15_000, 30_000, 60_000)


@pytest.mark.parametrize(
    ("source_mfps", "most_mfps"),
    [
        (None, 60_000),
        (0, 60_000),
        (60_000, 60_000),
        (15_000, 15_000),
        (15_700, 15_000),
        (14_300, 15_000),
        (29_970, 30_000),
        (1_000, 5_000),
        (90_000, 60_000),
        (20_000, 30_000),
    ],
)
def test_no_rate_is_planned_beyond_the_first_that_takes_every_frame(source_mfps: int | None, most_mfps: int) -> None:
    """A camera of 15 fps that is asked for 60 is booked at 15; an unknown rate bounds nothing, and the floor always stays."""
    assert arriving(LEVELS, source_mfps)[-1] == most_mfps
    assert arriving(LEVELS, source_mfps)[0] == LEVELS[0]
