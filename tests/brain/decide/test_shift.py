"""Power modes as a knob: seldom, only where it pays for the reference too, and over after a switch that went wrong."""

from dataclasses import replace

import pytest

from adaptd.brain.decide.planner import Caps, Option, Plan, plan_between
from adaptd.brain.decide.shift import COST_J, DWELL_US, GAIN_SHARE, TAKES_US, Modes, OtherMode, Shift, choose, follow
from adaptd.vocabulary import ModeFault, PowerMode

S = 1_000_000
OPEN = Caps(6.0, 1e9, 1e9, 1e9)
LOW = OtherMode("15W", {"fp16": (0.718, 1.384), "int8": (0.667, 1.404)}, 0.0)
HERE = PowerMode("MAXN", 3_199_000, (("15W", 2_133_000),))


def options(slow: float = 1.0, *, shut: bool = False) -> list[Option]:
    """FP16 and INT8 of a small detector in MAXN; ``shut``: INT8 may not serve."""
    return [
        Option("fp16", 0.0362, 4430.0 * slow, 0.03, (0.0, 0.0, 0.0)),
        Option("int8", 0.0228, 3490.0 * slow, 0.03, (0.0, 0.0, 0.0), "account_open" if shut else ""),
    ]


def best(option: Option, caps: Caps) -> Plan | None:
    """Thirty frames a second at 0.3 J each, due in 33 ms."""
    return plan_between(option, 10_000, 30_000, caps, 0.3, 33_000)


def after(seconds: int, memory: Shift, *others: OtherMode, slow: float = 1.0, shut: bool = False) -> Shift:
    """The memory after so many ticks of a second, the last of them at ``DWELL_US`` plus that."""
    for at in range(seconds):
        memory = choose(
            Modes(memory, list(others), True, "fp16"), options(slow, shut=shut), OPEN, best, bool, DWELL_US + at * S, 1.0
        )
    return memory


def test_a_better_mode_is_asked_for_once_it_has_earned_what_a_switch_costs() -> None:
    """FP16 at 30 fps saves 0.31 W in 15W, less the margin of a hundredth of the idle power: ten joules take 41 seconds."""
    gain_w = 30 * 0.0362 * (1 - 0.718) - GAIN_SHARE * 6.0
    needed = int(COST_J / gain_w) + 1
    assert (COST_J, GAIN_SHARE, needed) == (10.0, 0.01, 41)
    assert after(needed - 1, Shift("MAXN", 0), LOW, shut=True).asked == ""
    asked = after(needed, Shift("MAXN", 0), LOW, shut=True)
    assert (asked.asked, asked.asked_at_us) == ("15W", DWELL_US + (needed - 1) * S)


def test_a_mode_is_held_for_ten_minutes() -> None:
    """A mode that was entered a moment ago stays, however much another one would earn."""
    assert DWELL_US == 600 * S
    assert after(600, Shift("MAXN", DWELL_US), LOW).asked == ""
    assert after(601, Shift("MAXN", DWELL_US), LOW).asked == "15W"


def test_a_mode_in_which_the_reference_is_late_is_not_entered_however_cheap_the_other_variant_is() -> None:
    """Slowed by 5.6, INT8 would still be in time in 15W and FP16 would not: the fallback must be whole."""
    assert after(3000, Shift("MAXN", 0), LOW, slow=5.6).asked == ""
    assert after(3000, Shift("MAXN", 0), LOW, slow=1.0).asked == "15W"
    high = OtherMode("MAXN", {"fp16": (1 / 0.718, 1 / 1.384), "int8": (1 / 0.667, 1 / 1.404)}, 0.0)
    low = [replace(one, joules=one.joules * 0.7, latency_us=one.latency_us * 1.39) for one in options(5.6)]
    memory = choose(Modes(Shift("15W", 0), [high], True, "fp16"), low, OPEN, best, bool, DWELL_US, 10.0)
    assert memory.asked == "MAXN"


def test_gain_that_comes_and_goes_does_not_add_up() -> None:
    """What a mode would lose is taken off what it has earned, never below nothing."""
    memory = after(20, Shift("MAXN", 0), LOW, shut=True)
    assert memory.earned_uj > 0
    dear = OtherMode("15W", {"fp16": (1.5, 1.0)}, 0.5)
    assert after(20, memory, dear, shut=True).earned_uj == 0


def test_idle_power_of_the_mode_counts() -> None:
    """A mode that idles a watt higher earns nothing by its frames."""
    assert after(3000, Shift("MAXN", 0), replace(LOW, idle_w=1.0)).asked == ""


def test_a_mode_that_is_taken_begins_its_time_and_one_that_is_not_ends_switching() -> None:
    """Read back within half a minute, or never again."""
    assert TAKES_US == 30 * S
    asked = Shift("MAXN", 0, asked="15W", asked_at_us=100 * S)
    taken = follow(asked, PowerMode("15W", 2_133_000), 5970, 101 * S)
    assert (taken.here, taken.since_us, taken.asked, taken.off) == ("15W", 101 * S, "", None)
    assert follow(asked, HERE, 5970, 100 * S + TAKES_US - 1).asked == "15W"
    late = follow(asked, HERE, 5970, 100 * S + TAKES_US)
    assert (late.asked, late.off) == ("", ModeFault.NOT_TAKEN)
    assert after(3000, late, LOW).asked == ""


@pytest.mark.parametrize("fault", list(ModeFault))
def test_a_fault_that_the_hand_reports_stays_until_a_person_has_looked(fault: ModeFault) -> None:
    """Later looks without it change nothing: only a reload of the policy forgets."""
    off = follow(Shift("MAXN", 0, asked="15W"), replace(HERE, fault=fault), 5970, S)
    assert (off.off, off.asked) == (fault, "")
    assert follow(off, HERE, 5970, 2 * S).off is fault


def test_somebody_else_who_switches_ends_it() -> None:
    """Never a fight over the board: the mode that somebody else set stays."""
    moved = follow(Shift("MAXN", 0), PowerMode("15W", 2_133_000), 5970, S)
    assert moved.off is ModeFault.CHANGED_ELSEWHERE
    assert after(3000, moved, LOW).asked == ""
