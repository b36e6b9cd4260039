"""How much power heat leaves: the margins, each by what it buys."""

import math

import pytest

from adaptd.brain.decide import headroom
from adaptd.brain.decide.headroom import cap_w


def chance_over(cap: float, free: float, gain: float, sigma: float, limit: float) -> float:
    """The chance that the temperature is over the limit at this power."""
    return 0.5 * math.erfc((limit - free - gain * cap) / sigma / math.sqrt(2))


def test_the_next_tick_is_over_the_limit_once_in_thirty_thousand() -> None:
    """Four sigma of the belief: at one decision a second, once in nine hours at the very cap."""
    cap = cap_w([(1.0, 60.0, 1.0, 0.5, 0.0)], 85.0, 10.0)
    assert 2e-5 < chance_over(cap, 60.0, 1.0, 0.5, 85.0 - headroom.MARGIN_K) < 4e-5


def test_the_average_further_ahead_is_over_it_once_in_forty() -> None:
    """Two sigma: the average is corrected many times before its horizon comes."""
    cap = cap_w([(6.0, 60.0, 1.0, 0.5, 0.0)], 85.0, 10.0, headroom.MEAN_SIGMAS)
    assert 0.015 < chance_over(cap, 60.0, 1.0, 0.5, 85.0 - headroom.MARGIN_K) < 0.035


def test_what_is_known_exactly_still_leaves_room_for_rounding() -> None:
    """Without any doubt six hundredths of a kelvin stay free: more than rounding loses, and what moving air hides."""
    cap = cap_w([(1.0, 60.0, 1.25, 0.0, 0.0)], 85.0, 10.0)
    assert 0.045 < 85.0 - 60.0 - 1.25 * cap < 0.075


def test_more_power_is_taken_as_one_sigma_worse_than_believed() -> None:
    """A gain known to a fifth: of the room above the power drawn now, five sixths are used; shedding is taken a fifth weaker."""
    free_room = (85.0 - headroom.MARGIN_K - 60.0 - 1.0 * 10.0) / 1.0
    assert (cap_w([(1.0, 60.0, 1.0, 0.0, 0.2)], 85.0, 10.0) - 10.0) / free_room == pytest.approx(1 / 1.2, abs=0.03)
    over = (85.0 - headroom.MARGIN_K - 60.0 - 1.0 * 40.0) / 1.0
    assert (cap_w([(1.0, 60.0, 1.0, 0.0, 0.2)], 85.0, 40.0) - 40.0) / over == pytest.approx(1 / 0.8, abs=0.05)
    assert (cap_w([(1.0, 60.0, 1.0, 0.0, 0.9)], 85.0, 40.0) - 40.0) / over == pytest.approx(2.0, abs=0.01)


def test_the_strictest_horizon_counts() -> None:
    """A point must keep the limit at every horizon."""
    near, far = (1.0, 80.0, 0.2, 0.0, 0.0), (6.0, 70.0, 2.0, 0.0, 0.0)
    assert cap_w([near, far], 85.0, 5.0) == pytest.approx(min(cap_w([near], 85.0, 5.0), cap_w([far], 85.0, 5.0)))


def test_a_board_that_power_does_not_heat_has_a_cap_beyond_any_board() -> None:
    """Without a gain, ten kelvin of room are ten kilowatts: finite, and more than anything draws."""
    assert 8000 < cap_w([(1.0, 75.0, 0.0, 0.0, 0.0)], 85.0, 10.0) < 12_000
