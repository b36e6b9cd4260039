"""What a restarted daemon goes on with: a board that it knew, in heat that it did not see come."""

import math
from dataclasses import replace

import pytest

from adaptd.brain import going_on, tick
from adaptd.brain.estimate import power, thermal
from adaptd.brain.estimate.fixed import ONE, fetch
from adaptd.vocabulary import OperatingPoint, Stretch
from tests.brain.decide.plant import board, facts, feeder
from tests.brain.estimate.test_thermal import World

HOUR_US = 3_600_000_000


def learned(seconds: int = 1200, r_scale: float = 1.3, tau_scale: float = 1.2) -> World:
    """A board that was watched for twenty minutes and whose resistance is 30 % above the profile's."""
    world = World(r_scale, tau_scale, seed=4, swing_w=4.0)
    for _ in range(seconds):
        world.second()
    return world


def errors(world: World, heat: thermal.Heat, seconds: int) -> list[float]:
    """How far off the temperature a minute ahead is predicted, in each of the seconds that follow."""
    world.heat, found = heat, []
    for _ in range(seconds):
        outlook = world.second()
        _, free, gain, _, _ = outlook.ahead[2]
        truth = world.air_c + sum(world.after(world.x, world.power_w, 60.0))
        found.append(abs(free + gain * world.power_w - truth))
    return found


def test_after_a_restart_a_board_is_known_within_seconds() -> None:
    """Ten seconds down: a minute ahead is known to 0.7 K from the fifth second on; without what was learned it is not."""
    kept, anew = learned(), learned()
    fresh = thermal.start(kept.table, board())
    idle = thermal.resume(kept.heat, kept.table, fresh, 10_000_000, 4.6)
    for world in (kept, anew):
        world.x = world.after(world.x, 4.6, 10.0)
    assert max(errors(kept, idle, 60)[5:]) < 0.7
    assert max(errors(anew, fresh, 60)[5:]) > 1.4


def test_the_longer_nobody_looked_the_less_is_known_of_the_air_and_no_less_of_the_board() -> None:
    """A second, a minute and an hour: the air's doubt grows, the strengths' hardly; after an hour the heat of before is gone."""
    world = learned()
    fresh = thermal.start(world.table, board())
    after = [thermal.resume(world.heat, world.table, fresh, gap, 4.6) for gap in (1_000_000, 60_000_000, HOUR_US)]
    doubts = [fetch(one.cov)[0] ** 0.5 for one in after]
    assert doubts == sorted(doubts)
    assert doubts[0] < 1.0
    assert doubts[2] > 5.0
    assert all(one.mean[2:] == world.heat.mean[2:] for one in after)
    assert after[2].z == pytest.approx(thermal.store([4.6] * len(world.table.taus_s)), abs=ONE // 1000)
    assert after[2].age_us < after[1].age_us < after[0].age_us


@pytest.mark.parametrize("now_us", [5_000_000, HOUR_US + 86_400_000_001], ids=["reboot", "a day and more"])
def test_after_a_time_that_nobody_knows_what_was_learned_is_only_a_better_guess(now_us: int) -> None:
    """The learned strengths have the profile's doubt, the air every doubt, and the board is taken to be settled and not hot."""
    world, policy = learned(), feeder()
    brain = tick.Brain(policy, board(), facts())
    fresh = brain.start(1, now_us)
    old = replace(brain.start(1, HOUR_US), heat=world.heat)
    old = replace(old, held=old.held._replace(hot=True))
    again = brain.resume(old, 2, now_us)
    assert again.heat.mean[2:] == world.heat.mean[2:]
    assert (again.heat.cov, again.heat.z, again.heat.age_us) == (fresh.heat.cov, fresh.heat.z, 0)
    assert not again.held.hot
    assert again.paces == fresh.paces


def test_a_day_is_the_longest_gap_over_which_anything_is_trusted() -> None:
    """To the microsecond: a day is known, more is not, nor is a clock that went back."""
    assert going_on.gap_us(HOUR_US, HOUR_US + 86_400_000_000) == 86_400_000_000
    assert going_on.gap_us(HOUR_US, HOUR_US + 86_400_000_001) is None
    assert going_on.gap_us(HOUR_US, HOUR_US - 1) is None


def test_a_hot_board_is_still_hot_after_a_restart_of_the_daemon() -> None:
    """Whoever restarts the service does not cool the chip: below the limit it stays hot until ``resume_c``."""
    brain = tick.Brain(feeder(), board(), facts())
    old = brain.start(1, HOUR_US)
    old = replace(old, held=old.held._replace(hot=True))
    assert brain.resume(old, 2, HOUR_US + 3_000_000).held.hot


def test_frames_on_record_heat_the_gap() -> None:
    """Four minutes were served after the last whole state: the stored heat is that of the frames, not that of an idle board."""
    brain, frames = tick.Brain(feeder(), board(), facts()), 15 * 240
    old, gap_us = brain.start(1, HOUR_US), 240_000_000
    told = (Stretch("bright", "fp16", 0, frames, first=0, last=frames - 1),)
    served, idle = (brain.resume(old, 2, HOUR_US + gap_us, unseen) for unseen in (told, ()))
    load_w = 15 * facts()[0].energy_uj / 1e6
    part = 1.0 - math.exp(-240.0 / max(brain.tables.columns.taus_s))
    assert (served.heat.z[-1] - idle.heat.z[-1]) / ONE == pytest.approx(load_w * part, rel=0.01)


def test_what_a_frame_costs_is_not_forgotten_and_what_else_runs_is_open() -> None:
    """The scales keep their doubt, the base has that of a start."""
    split = power.start(4600, 2)
    for _ in range(600):
        split, _ = power.observe(split, [3.0, 0.0], 9100, 1.0)
    again = power.resume(split, 5.0)
    assert again.mean == split.mean
    assert again.cov[3] == pytest.approx(split.cov[3], rel=0.01)
    assert again.cov[0] > 4 * split.cov[0]
    assert again.cov[1] == again.cov[2] == 0


def test_another_model_starts_with_the_profile() -> None:
    """Under other engines nothing of what was learned is taken over."""
    brain = tick.Brain(feeder(), board(), facts())
    old = replace(brain.start(1, HOUR_US), heat=learned().heat, facts=(replace(facts()[0], energy_uj=1), *facts()[1:]))
    assert brain.resume(old, 2, HOUR_US + 1).heat == brain.start(2, HOUR_US + 1).heat


def test_the_point_of_before_is_no_point_of_now() -> None:
    """After a restart the reference is asked for at its target, as at any start, and the first decision cuts it."""
    brain = tick.Brain(feeder(), board(), facts())
    old = replace(brain.start(1, HOUR_US), point=OperatingPoint("int8", 7000))
    assert brain.resume(old, 2, HOUR_US + 1).point == OperatingPoint("fp16", 15_000)


def test_what_nobody_saw_is_open_by_a_fifth_of_its_power() -> None:
    """An hour at 10 W that nobody saw: the stored heat is known to a fifth, which the air's doubt holds."""
    world = learned()
    fresh = thermal.start(world.table, board())
    much, none = (thermal.resume(world.heat, world.table, fresh, 60_000_000, watts) for watts in (10.0, 0.0))
    keeps = [math.exp(-60.0 / tau) for tau in world.table.taus_s]
    open_k = 2.0 * sum(g * (1.0 - keep) for g, keep in zip(fetch(world.heat.mean)[2:], keeps, strict=True))
    assert fetch(much.cov)[0] - fetch(none.cov)[0] == pytest.approx(open_k**2, rel=0.01)


def test_a_longer_watch_than_three_settling_times_says_no_more() -> None:
    """After a day of watching, a gap of a time constant leaves the heat stored in it as open as after an hour of watching."""
    world = learned()
    fresh = thermal.start(world.table, board())
    gap_us = int(world.table.settle_s / 3.0 * 1e6)
    most = 3.0 * world.table.settle_s * 1e6
    after = [
        thermal.resume(world.heat._replace(age_us=age), world.table, fresh, gap_us, 4.6).age_us
        for age in (int(most), HOUR_US, 24 * HOUR_US)
    ]
    assert after[0] == after[1] == after[2] == pytest.approx(most * math.exp(-1.0), rel=1e-4)
