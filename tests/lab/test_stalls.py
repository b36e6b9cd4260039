"""The share of late frames that a policy allows, on boards that stall: kept by what was seen, not by mean and deviation."""

from dataclasses import replace

import pytest

from adaptd.brain.decide.planner import Option, Plan, punctual, punctual_first
from adaptd.brain.estimate.tail import Tail
from tests.lab.stalls import ALLOWED_PPM, hour, played
from tests.twin.worlds import policy

MINUTE_US = 60_000_000
STALLS = Tail(10_000, (60_000, 60_000, 0, 0, 0, 0, 0), 15_000, 60_000)  # 0.6 % of the frames take over twice as long


def engine(name: str, latency_us: float, tail: Tail | None = STALLS) -> Option:
    """An engine that scatters by 2 %."""
    return Option(name, 0.1, latency_us, 0.02, (0.0, 0.0, 0.0), tail=tail)


def plan(name: str, worth_w: float) -> Plan:
    """A plan that is worth so much."""
    return Plan(name, 15_000, 15_000, 0.0, worth_w, 5.0, "most_worth")


@pytest.mark.parametrize("blind", [False, True])
def test_a_cheap_power_mode_is_not_entered_where_its_stalls_are_late(blind: bool) -> None:
    """The first 22 minutes of an hour that nothing was tuned on: within 0.3 %, and over by mean and deviation alone."""
    found = played(hour(101, 2, 22 * MINUTE_US), blind=blind)
    assert (found.late_pct > ALLOWED_PPM / 10_000) is blind


def test_a_variant_that_is_late_too_often_gives_way_to_one_that_is_not() -> None:
    """However much more its frames are worth; where every variant is late too often the best of them serves."""
    strict = replace(policy(), deadline_us=20_000, late_ppm=5_000)
    slow, quick = engine("fp16", 11_000.0), engine("int8", 7_000.0)
    kept, others = punctual_first([plan("fp16", 9.0), plan("int8", 1.0)], [slow, quick], strict, "fp16")
    assert [one.variant for one in kept] == ["int8"]
    assert [one.variant for one in others] == ["fp16"]
    late = [plan("fp16", 9.0), plan("int8", 1.0)]
    assert punctual_first(late, [slow, engine("int8", 11_000.0)], strict, "fp16") == (late, [])


def test_without_an_allowance_lateness_only_costs_what_its_frames_are_worth() -> None:
    """`late_pct` left out: nothing is ruled out."""
    free = replace(policy(), deadline_us=20_000, late_ppm=None)
    assert punctual(engine("fp16", 11_000.0), free)


def test_who_left_for_being_late_comes_back_well_within_the_allowance() -> None:
    """At 0.6 % late and one deviation of 0.15 %, 0.8 % is enough to stay and not to return."""
    for late_ppm, stays, returns in ((7_000, False, False), (8_000, True, False), (11_000, True, True)):
        rules = replace(policy(), deadline_us=20_000, late_ppm=late_ppm)
        option = engine("fp16", 11_000.0)
        assert punctual(option, rules, "fp16") is stays
        assert punctual(option, rules, "int8") is returns
