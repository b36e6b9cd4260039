"""The price of energy: no switch, one price for what must last, the floor where nobody knows, what cannot be reached is said."""

from dataclasses import replace

import pytest

from adaptd.brain.decide.endure import Kind, Memory, Range, best, judge, keep, levelled, rate_at
from adaptd.brain.decide.planner import Caps, Option
from adaptd.brain.estimate.battery import Belief
from adaptd.brain.estimate.fixed import ONE
from adaptd.config.endurance import Endurance
from adaptd.vocabulary import Snapshot
from adaptd.vocabulary.battery import BatteryReading, Goal, Supply
from tests.brain.decide.plant import Board, facts, feeder

HOUR_US = 3_600_000_000
SPAN = Range(4.0, 20.0, 0.5)
OPEN = Caps(5.0, 1e9, 1e9, 1e9)
MIX = Memory((Kind(HOUR_US, 125_000_000), Kind()), 1, 5_000_000)


def charge(left_wh: float) -> Belief:
    """A battery of 100 Wh with so much left."""
    full = 100 * HOUR_US
    return Belief(int(left_wh / 100 * ONE), ONE, (0, 0, 0), full, 0, 0, 0, 0)


def engine(joules: float) -> Option:
    """An engine that is always in time."""
    return Option("fp16", joules, 10_000.0, 0.01, (0.0, 0.0, 0.0))


def test_a_frame_worth_a_millijoule_more_moves_the_rate_by_a_little() -> None:
    """At 125 mJ a frame: worth 124 or 126 mJ gives rates within half a frame, where a switch gives 4 or 20."""
    rates = [rate_at(1.0, 0.125, Range(4.0, 20.0, value)) for value in (0.124, 0.126)]
    assert abs(rates[0] - rates[1]) < 0.6
    assert all(10.0 < rate < 14.0 for rate in rates)


@pytest.mark.parametrize("left_wh", [45.0, 48.0, 52.0, 56.0, 59.0])
def test_the_price_is_the_one_at_which_the_energy_lasts(left_wh: float) -> None:
    """With eight hours to go, the planned power times eight hours is what is left above the reserve."""
    said = judge(MIX, Goal(0, until_us=8 * HOUR_US), charge(left_wh), SPAN, 0).said
    assert said is not None
    assert said.reachable
    assert abs(said.lasts_us - 8 * HOUR_US) < 0.01 * HOUR_US
    assert said.rate_mfps == pytest.approx((left_wh / 8 - 5.0) / 0.125 * 1000, rel=0.01)


def test_plenty_has_no_price_and_what_is_out_of_reach_is_said() -> None:
    """With more than the target rate needs the price is one; with less than the floor needs it says how long the floor lasts."""
    plenty = judge(MIX, Goal(0, until_us=8 * HOUR_US), charge(90.0), SPAN, 0).said
    assert plenty is not None
    assert (plenty.price_ppm, plenty.rate_mfps) == (1_000_000, 20_000)
    short = judge(MIX, Goal(100_000, until_us=8 * HOUR_US), charge(43.0), SPAN, 0).said
    assert short is not None
    assert not short.reachable
    assert short.rate_mfps == pytest.approx(4000, abs=1)
    assert short.floor_us == pytest.approx(6 * HOUR_US, rel=0.01)


def test_energy_that_would_be_left_over_is_spent_on_frames() -> None:
    """A frame that costs more than the policy says it is worth: what is above the reserve buys it all the same, and lasts."""
    dear = Memory((Kind(HOUR_US, 750_000_000), Kind()), 1, 5_000_000)
    said = judge(dear, Goal(0, until_us=8 * HOUR_US), charge(100.0), SPAN, 0).said
    assert said is not None
    assert said.price_ppm < 1_000_000
    assert 9000 < said.rate_mfps < 11_000
    assert abs(said.lasts_us - 8 * HOUR_US) < 0.01 * HOUR_US


def test_energy_is_never_free() -> None:
    """However much would be left over, a joule counts for a fifth of the policy's word."""
    dear = Memory((Kind(HOUR_US, 1_500_000_000), Kind()), 1, 1_000_000)
    said = judge(dear, Goal(0, until_us=2 * HOUR_US), charge(100.0), SPAN, 0).said
    assert said is not None
    assert (said.price_ppm, said.rate_mfps) == (200_000, 20_000)


def test_the_mix_is_that_of_the_last_hour() -> None:
    """After ten minutes a sixth of what was seen is forgotten: dear and cheap times of one hour share one price."""
    goal = Goal(0, until_us=8 * HOUR_US)
    first = judge(MIX, goal, charge(50.0), SPAN, 0)
    later = judge(first, goal, charge(50.0), SPAN, HOUR_US // 6)
    assert later.kinds[0].weight_us == HOUR_US - HOUR_US // 6


def test_a_joule_goes_where_it_buys_most() -> None:
    """Half of the time a frame costs twice as much: the dear half is served at the floor, and the cheap one gets the rest."""
    mix = Memory((Kind(HOUR_US, 125_000_000), Kind(HOUR_US, 62_500_000)), 1, 5_000_000)
    said = judge(mix, Goal(0, until_us=8 * HOUR_US), charge(46.0), SPAN, 0).said
    assert said is not None
    price = said.price_ppm / 1e6
    assert rate_at(price, 0.125, SPAN) == 4.0
    assert rate_at(price, 0.0625, SPAN) > 7.0


def test_the_plan_follows_the_price_and_names_it() -> None:
    """No price leaves the target, a price lowers the rate and is its rule, an endless one leaves the floor; a cap still holds."""
    free = best(engine(0.125), SPAN, OPEN, 1_000_000, 1_000_000)
    dear = best(engine(0.125), SPAN, OPEN, 4_000_000, 1_000_000)
    unknown = best(engine(0.125), SPAN, OPEN, 1_000_000_000, 1_000_000)
    capped = best(engine(0.125), SPAN, Caps(5.0, 1e9, 1e9, 6.0), 1_000_000, 1_000_000)
    assert free is not None
    assert dear is not None
    assert unknown is not None
    assert capped is not None
    assert (free.low_mfps, free.rule) == (20_000, "most_worth")
    assert (dear.low_mfps, dear.rule) == (12_000, "endurance")
    assert (unknown.low_mfps, unknown.rule) == (4_000, "endurance")
    assert (capped.low_mfps, capped.rule) == (8_000, "power_budget")


def test_a_camera_with_levels_serves_two_of_them_in_turns() -> None:
    """12 of levels 4, 10 and 20 is 10 in most ticks and 20 in a fifth of them."""
    plan = levelled(engine(0.125), (4_000, 10_000, 20_000), SPAN, OPEN, 4_000_000, 1_000_000)
    assert plan is not None
    assert (plan.low_mfps, plan.high_mfps) == (10_000, 20_000)
    assert plan.mean_mfps == pytest.approx(12_000)


def test_after_the_goal_the_floor_is_served() -> None:
    """What the owner wanted left is not burnt by frames after the hour."""
    said = judge(MIX, Goal(100_000, until_us=HOUR_US), charge(50.0), SPAN, 2 * HOUR_US).said
    assert said is not None
    assert said.rate_mfps == pytest.approx(4000, abs=1)


def test_cheap_frames_are_served_as_soon_as_they_are_cheap() -> None:
    """Another program that slowed frames by 1.6 ends: the price that gave 8 fps gives the target now, within half a minute."""
    wh_us = HOUR_US  # microjoules of a watt hour

    def told(second: int, snapshot: Snapshot) -> Snapshot:
        left = 10 * 8.5  # Wh: what 8.5 W take until the goal, of a battery of 200 Wh
        said = BatteryReading(int(left / 200 * 1e6), Supply.DISCHARGING, snapshot.now_us, 200 * wh_us, 1000, "test")
        return replace(snapshot, battery=said, goal=Goal(0, until_us=snapshot.now_us + 10 * HOUR_US))

    goal = Endurance(0, lasts_us=10 * HOUR_US)
    slow = Board(
        policy=replace(feeder(), efficient=(), endurance=goal),
        facts=facts(priors=()),
        ambient_c=lambda second: 15.0,
        slow_down=lambda second: 1.6 if second <= 300 else 1.0,
        change=told,
    )
    run = list(slow.run(330))
    before, after = run[298].verdict, run[-1].verdict
    assert before.lasting is not None
    assert before.lasting.price_ppm > 1_000_000
    assert 6000 < before.point.fps_mfps < 10_000
    assert after.point.fps_mfps == 15_000


def test_half_of_the_worth_lies_between_floor_and_target() -> None:
    """A frame that costs three quarters of its worth is served at the target, one that costs five quarters at the floor."""
    assert [round(rate_at(1.0, part * 0.5, SPAN), 6) for part in (0.75, 0.875, 1.0, 1.25)] == [20.0, 16.0, 12.0, 4.0]


def test_the_price_is_sought_once_a_minute_and_the_last_minute_is_a_whole_one() -> None:
    """59 s later it is the same word, 61 s later a new one; half a minute before the end the energy is spread over a minute."""
    goal = Goal(0, until_us=8 * HOUR_US)
    first = judge(MIX, goal, charge(50.0), SPAN, 0)
    assert judge(first, goal, charge(40.0), SPAN, 59_000_000) is first
    later = judge(first, goal, charge(50.0), SPAN, 61_000_000).said
    assert later is not None
    assert later.at_us == 61_000_000
    said = judge(MIX, goal, charge(6.25 / 60), SPAN, 8 * HOUR_US - 30_000_000).said
    assert said is not None
    assert said.lasts_us == pytest.approx(60_000_000, rel=0.03)


@pytest.mark.parametrize(("now", "kept"), [(10_350, True), (10_450, False), (9650, True), (9550, False)])
def test_a_rate_within_four_per_cent_of_the_wanted_one_is_kept(now: int, kept: bool) -> None:
    """At 10 fps wanted, 10.35 and 9.65 stay, 10.45 and 9.55 do not."""
    plan = best(engine(0.5), SPAN, OPEN, 1_062_500, 10**9)
    assert plan is not None
    assert plan.low_mfps == 10_000
    assert (keep(plan, engine(0.5), now, 4000).low_mfps == now) is kept
