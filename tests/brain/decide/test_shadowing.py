"""How many frames run on both engines: the budget of a day, the spacing, and who needs them."""

import pytest

from adaptd.brain.decide.shadowing import HOURS, Spent, budget, free, share, spend
from tests.brain.decide.plant import Board, facts, feeder

HOUR_US = 3600 * 1_000_000
PLENTY = budget(20_000, 15_000)


def test_no_24_hours_hold_more_than_the_budget() -> None:
    """Frames of an hour count until 24 whole hours have passed after it; the hour after that they are forgotten."""
    assert PLENTY == 15 * 86_400 * 2 // 100
    spent = spend(Spent(), 100, HOUR_US // 2)
    for hours, counted in ((0.9, 100), (1.2, 100), (23.9, 100), (24.9, 100), (25.1, 0), (300, 0)):
        assert PLENTY - free(spend(spent, 0, int(hours * HOUR_US)), 20_000, 0, 15_000) == counted
    for minute in range(0, 60 * 49, 7):
        spent = spend(spent, 1, minute * 60 * 1_000_000)
    assert 24 * 60 / 7 <= sum(spent.frames) <= 25 * 60 / 7 + 1


def test_the_second_day_may_look_as_much_as_the_first() -> None:
    """The thinnest coin takes half of the budget in a day. Yesterday's frames fall out while today's are drawn, so the other half
    is free to look with; counting both days in full, as if nothing fell out, would leave nothing."""
    an_hour = 15 * 3600 // 100
    steady = Spent(100, (0, *[an_hour] * (HOURS - 1)))
    assert free(steady, 20_000, 10_000, 15_000) == PLENTY - 24 * an_hour == PLENTY // 2
    assert PLENTY - sum(steady.frames) - 24 * an_hour == 0


def test_looking_never_takes_what_the_account_needs_later() -> None:
    """Whoever draws all that is free at once, and the thinnest coin after that, keeps the budget in each of the hours to come."""
    an_hour = 15 * 3600 // 100
    for past in ((8000, *[an_hour] * 24), (0,) * 25, (*[0] * 20, 9000, 0, 0, 0, 3000), (12_000, *[0] * 12, *[900] * 12)):
        spent = Spent(50, past)
        now = free(spent, 20_000, 10_000, 15_000)
        spent = spend(spent, max(0, now), 50 * HOUR_US)
        for hour in range(50, 74):
            assert sum(spent.frames) <= PLENTY or now <= 0
            spent = spend(spent, an_hour, hour * HOUR_US + HOUR_US)


def test_a_clock_that_goes_back_loses_no_frame() -> None:
    """Frames booked at an earlier time count as spent now."""
    assert sum(spend(spend(Spent(), 5, 10 * HOUR_US), 7, HOUR_US).frames) == 12


@pytest.mark.parametrize(
    ("halvings", "rate_mfps", "draws_per_s"),
    [
        (0, 15_000, 2.0),  # spaced: half a second apart on average
        (0, 60_000, 2.0),
        (0, 3000, 1.5),  # never more than half of the frames
        (3, 15_000, 0.25),  # waited for in vain
        (9, 15_000, 0.0375),  # never less than the trickle, an eighth of the budgeted share
        (None, 15_000, 0.0375),
    ],
)
def test_a_guard_gets_what_it_needs(halvings: int | None, rate_mfps: int, draws_per_s: float) -> None:
    """Much while a scene is waited for, less the longer it is in vain, a trickle where nothing can be won."""
    assert share(halvings, 20_000, rate_mfps, PLENTY * 4) * rate_mfps / 1e9 == pytest.approx(draws_per_s, rel=0.01)


def test_without_a_budget_nothing_is_drawn() -> None:
    """A budget that is spent, a share of nothing, a rate of nothing: no shadow frame."""
    assert share(0, 20_000, 15_000, 0) == share(0, 0, 15_000, 9) == share(0, 20_000, 0, 9) == 0


def test_what_cannot_pay_is_drawn_at_a_trickle() -> None:
    """An engine that saves nothing under any answer is not worth a burst: at most an eighth of the budget goes to it."""
    run = list(Board(facts=facts(reference_mj=260, efficient_mj=260, priors=())).run(120))
    assert run[0].verdict.point.variant == run[-1].verdict.point.variant == "fp16"
    assert all(second.verdict.shadow_ppm <= feeder().shadow_ppm // 8 for second in run[75:])
    assert any(second.verdict.shadow_ppm > feeder().shadow_ppm for second in run[10:40])
    assert any(second.verdict.shadow_ppm > 100_000 for second in list(Board(facts=facts(priors=())).run(60)))
