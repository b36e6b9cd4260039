"""The chance of being in time, against the error function."""

import math

import pytest

from adaptd.brain.decide.deadline import NORMAL_PPM, in_time


@pytest.mark.parametrize("at", range(33))
def test_the_table_is_the_normal_distribution(at: int) -> None:
    """Each entry is Phi(at/8) to the last digit."""
    assert NORMAL_PPM[at] == pytest.approx(1e6 * 0.5 * math.erfc(-at / 8 / math.sqrt(2)), abs=1)


def test_between_entries_a_chance_is_right_to_a_thousandth() -> None:
    """Any latency, scatter and deadline: within 0.1 points of the exact chance, and never falling with a longer deadline."""
    before = 0.0
    for deadline_us in range(60_000, 150_000, 250):
        chance = in_time(100_000.0, 0.1, deadline_us)
        exact = 0.5 * math.erfc(-(deadline_us - 100_000) / 10_000 / math.sqrt(2))
        assert chance == pytest.approx(exact, abs=0.001)
        assert chance >= before
        before = chance


@pytest.mark.parametrize(
    ("latency", "scatter", "deadline", "chance"),
    [(0.0, 0.1, 1, 1.0), (10.0, 0.0, 11, 1.0), (10.0, 0.0, 9, 0.0), (1000.0, 0.2, 1000, 0.5)],
)
def test_the_ends_of_the_scale(latency: float, scatter: float, deadline: int, chance: float) -> None:
    """No latency is in time, no scatter decides by the mean alone, and the mean at the deadline is a coin."""
    assert in_time(latency, scatter, deadline) == chance
