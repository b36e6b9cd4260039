"""Power that another program makes rise, fast or slowly, under a budget that is a hard cap."""

import random
from dataclasses import replace

import pytest

from adaptd.brain.estimate import power
from adaptd.brain.estimate.power import Creep
from tests.brain.decide.plant import Board, facts, feeder

FAST, SLOW = (4.5, 5, 10_600), (0.8, 10, 9000)  # the load at the end, the seconds that it takes, the budget


def over_s(world: tuple[float, int, int], seed: int) -> int:
    """For how many seconds the board draws more than its budget while another program's load rises from 0.5 W."""
    to_w, seconds, budget_mw = world

    def other_w(second: int) -> float:
        return 0.5 + (to_w - 0.5) * min(1.0, max(0.0, (second - 300) / seconds))

    board = Board(
        policy=replace(feeder(), budget_mw=budget_mw, efficient=()),
        facts=facts(priors=()),
        other_w=other_w,
        noise=(0.3, 0.1, 0.05),
        seed=seed,
    )
    run = list(board.run(300 + seconds + 40))[290:]
    return sum(board_w(one.verdict.point.fps_mfps, other_w(at)) > budget_mw / 1000 for at, one in enumerate(run, 292))


def board_w(mfps: int, other_w: float) -> float:
    """What the plant draws at a rate."""
    return 4.6 + other_w + 0.26 * mfps / 1000


@pytest.mark.parametrize(("world", "most"), [(FAST, 1), (SLOW, 9)], ids=["fast", "slow"])
def test_a_load_that_rises_over_seconds_passes_the_budget_for_few_of_them(world: tuple[float, int, int], most: int) -> None:
    """From two rises in a row the next is foreseen, and a creeping one is found by Page's test; five noises each."""
    assert max(over_s(world, seed) for seed in range(5)) <= most


def test_without_either_the_same_loads_pass_the_budget_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard of the test above: no look ahead, and no search for small steps."""
    with_both = [sum(over_s(world, seed) for seed in range(5)) for world in (FAST, SLOW)]
    monkeypatch.setattr(power, "climb", lambda *_: (None, 0.0))
    monkeypatch.setattr(power, "creeps", lambda before, _: (before, 0.0))
    without = [sum(over_s(world, seed) for seed in range(5)) for world in (FAST, SLOW)]
    assert without[0] > with_both[0]
    assert without[1] > with_both[1]


def test_two_rises_in_a_row_foresee_a_third_and_a_change_of_the_own_rate_is_none() -> None:
    """The lesser of the two counts; what the own frames draw more is no rise of anything else; noise is none."""
    ramp, ahead = power.climb(None, 8000, 2.0, 2.0, 0.1)
    ramp, ahead = power.climb(ramp, 9000, 2.0, 2.0, 0.1)
    assert ahead == 0.0
    ramp, ahead = power.climb(ramp, 9500, 2.0, 2.0, 0.1)
    assert ahead == 0.5
    ramp, ahead = power.climb(ramp, 11_200, 3.0, 3.0, 0.1)
    assert ahead == 0.5, "0.7 W of the 1.7 W are the other program's"
    ramp, ahead = power.climb(ramp, 11_590, 3.0, 3.0, 0.1)
    assert ahead == 0.0, "0.39 W are less than four deviations of a reading"
    assert power.climb(ramp, None, 3.0, 3.0, 0.1) == (None, 0.0)


def test_a_small_step_is_found_within_ten_looks_and_noise_takes_most_of_an_hour() -> None:
    """A step of 1.5 deviations against white noise: found on average within ten looks; a false one every half hour or more."""
    draw = random.Random(3)

    def looks(step: float) -> int:
        creep = Creep()
        for count in range(1, 100_000):
            creep, rose = power.creeps(creep, draw.gauss(step, 1.0))
            if rose:
                return count
        return 100_000

    assert 4 < sum(looks(1.5) for _ in range(200)) / 200 < 10
    assert 1800 < sum(looks(0.0) for _ in range(30)) / 30 < 6000
