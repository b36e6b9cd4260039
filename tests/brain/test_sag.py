"""A budget that sags just when a burst has shaken the belief of the base: the rate falls, and serves while a point fits."""

from dataclasses import replace

import pytest

from adaptd.brain.decide.words import explain
from adaptd.vocabulary import Snapshot
from tests.brain.decide.plant import Board, Second, facts, feeder

SAG_S = 60


def sagged(budget_mw: int, burst_s: int, seed: int) -> list[Second]:
    """A board of which another program takes 2 W more until the supply sags; 5.1 W without a frame, 6.4 W at the floor."""

    def told(second: int, snapshot: Snapshot) -> Snapshot:
        return replace(snapshot, budget_mw=budget_mw if second >= SAG_S else None)

    board = Board(
        policy=replace(feeder(), budget_mw=12_000, efficient=()),
        facts=facts(priors=()),
        change=told,
        other_w=lambda second: 2.5 if SAG_S - burst_s <= second < SAG_S else 0.5,
        seed=seed,
    )
    return list(board.run(SAG_S + 60))[SAG_S - 1 :]


@pytest.mark.parametrize("burst_s", [0, 1, 2, 5])
def test_a_sag_lowers_the_rate_and_pauses_nothing_while_the_floor_fits(burst_s: int) -> None:
    """Ten noises each: 7 W hold the floor of 6.4 W, so not a second is without frames."""
    for seed in range(10):
        assert min(second.verdict.point.fps_mfps for second in sagged(7000, burst_s, seed)) >= 5000


def test_a_sag_in_which_nothing_fits_pauses() -> None:
    """The guard of the test above: 5.3 W hold 5.1 W and no frame worth its name, so the rate falls below the floor."""
    rates = [second.verdict.point.fps_mfps for second in sagged(5300, 1, 0)]
    assert max(rates[10:]) < 1500
    assert 0 in rates


def test_a_rate_below_the_floor_says_what_limits_what_it_needs_and_what_is_left() -> None:
    """No word of a protected device: the floor's power with its margin, the budget, and who set it."""
    last = sagged(6000, 0, 1)[-1]
    assert 0 < last.verdict.point.fps_mfps < 5000
    said = explain(last.verdict)
    assert "even at floor_fps, 5 fps, power 6." in said
    assert "would pass the budget of 6.0 W, lowered from 12.0 W by the supply, so the rate falls below it" in said
    assert "protected" not in said
