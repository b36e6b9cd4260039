"""The veto and the three watchers, each number by what it lets pass and what it does not."""

from dataclasses import replace

import pytest

from adaptd.brain.decide import safety
from adaptd.brain.decide.safety import Seen, VetoFacts, Watch, expect, verify, veto
from adaptd.vocabulary import OperatingPoint

SECOND = 1_000_000
GOOD = VetoFacts("fp16", 5000, 15_000, ("int8",), True, True, True, (), 60_000, 95_000, "")
BOLD = OperatingPoint("int8", 15_000)


@pytest.mark.parametrize(
    ("changes", "point", "why"),
    [
        ({}, BOLD, ""),
        ({"log_ok": False}, OperatingPoint("fp16", 15_000), "log_down"),
        ({"worker_alive": False}, OperatingPoint("fp16", 15_000), "worker_down"),
        ({"band_known": False}, OperatingPoint("fp16", 15_000), "light_unknown"),
        ({"quarantined": ("int8",)}, OperatingPoint("fp16", 15_000), "quarantined"),
        ({"admitted": ()}, OperatingPoint("fp16", 15_000), "unproven"),
        ({"fault": "power_no_effect"}, OperatingPoint("fp16", 5000), "fault_latched"),
        ({"temperature_mc": None}, OperatingPoint("int8", 5000), "temperature_unknown"),
        ({"temperature_mc": 95_000}, OperatingPoint("int8", 0), "over_critical"),
        ({"temperature_mc": 94_999}, BOLD, ""),
        ({"target_mfps": 10_000}, OperatingPoint("int8", 10_000), "above_target"),
    ],
)
def test_each_condition_alone_is_enough_to_veto(changes: dict[str, object], point: OperatingPoint, why: str) -> None:
    """The safety part trusts no plan: one fact against it makes less of the boldest point, and names itself."""
    assert veto(BOLD, replace(GOOD, **changes)) == (point, why)  # type: ignore[arg-type]


@pytest.mark.parametrize("variant", ["fp16", "int8"])
@pytest.mark.parametrize("mfps", [0, 3000, 5000, 10_000, 15_000, 60_000])
@pytest.mark.parametrize("temperature", [None, 60_000, 99_000])
@pytest.mark.parametrize("fault", ["", "x"])
@pytest.mark.parametrize("admitted", [(), ("int8",)])
def test_a_veto_only_ever_makes_less(
    variant: str, mfps: int, temperature: int | None, fault: str, admitted: tuple[str, ...]
) -> None:
    """Whatever the facts, the rate never rises and the engine never becomes another than the reference."""
    facts = replace(GOOD, temperature_mc=temperature, fault=fault, admitted=admitted)
    point, why = veto(OperatingPoint(variant, mfps), facts)
    assert point.fps_mfps <= mfps
    assert point.variant in (variant, "fp16")
    assert bool(why) is (point != OperatingPoint(variant, mfps))


def seen(
    now_s: float, power_mw: int | None = 8000, temperature_mc: int | None = 60_000, stored_mk: int = 0, **changes: bool
) -> Seen:
    """A look at a worker that obeys."""
    return Seen(
        int(now_s * SECOND),
        **{"alive": True, "taken": True, **changes},
        power_mw=power_mw,
        temperature_mc=temperature_mc,
        stored_mk=stored_mk,
    )


@pytest.mark.parametrize(("after_s", "fault"), [(9.0, ""), (11.0, "setpoint_not_taken")])
def test_a_worker_has_ten_seconds_to_take_a_setpoint(after_s: float, fault: str) -> None:
    """Long enough to load a cold engine, short enough that nobody waits for it."""
    watch = verify(Watch(), seen(1, taken=False))
    assert verify(watch, seen(1 + after_s, taken=False)).fault == fault
    assert verify(verify(watch, seen(5)), seen(1 + after_s, taken=False)).fault == ""


@pytest.mark.parametrize(
    ("step_mw", "noise_mw", "watched"),
    [(1100, 100, True), (900, 100, False), (-1100, 100, True), (1600, 300, True), (1400, 300, False)],
)
def test_only_a_step_that_can_be_seen_is_waited_for(step_mw: int, noise_mw: int, watched: bool) -> None:
    """A watt, and five sigma of the sensor: other programs and noise move power by less all the time."""
    assert (expect(Watch(), 8000, step_mw, noise_mw, 0).from_mw is not None) is watched
    assert expect(Watch(), None, 5000, 10, 0).from_mw is None


@pytest.mark.parametrize(("moved_mw", "strikes", "open_"), [(1000, 0, False), (800, 4, True), (-800, 4, True), (-1000, 4, False)])
def test_a_third_of_the_step_must_show(moved_mw: int, strikes: int, open_: bool) -> None:
    """Three tenths clear all strikes; as much the other way was another program, and says nothing; less is waited for."""
    watch = expect(Watch(), 8000, 3000, 100, 0)._replace(strikes=4)
    after = verify(watch, seen(1, 8000 + moved_mw))
    assert (after.strikes, after.from_mw is not None) == (strikes, open_)


@pytest.mark.parametrize(("at_s", "strikes"), [(9.0, 0), (10.5, 1)])
def test_power_has_ten_seconds_to_answer(at_s: float, strikes: int) -> None:
    """The slowest sensor averages over seconds; a minute later nobody could tell what moved it."""
    assert verify(expect(Watch(), 8000, 3000, 100, 0), seen(at_s)).strikes == strikes


def struck(times: int, every_s: float) -> str:
    """The fault after so many actions in a row that showed nothing."""
    watch = Watch()
    for at in range(times):
        watch = expect(watch, 8000, 3000 * (-1) ** at, 100, int(at * every_s * SECOND))
        watch = verify(watch, seen((at + 1) * every_s - 0.001))
    return verify(expect(watch, 8000, 3000, 100, int(times * every_s * SECOND)), seen(times * every_s + 0.001)).fault


@pytest.mark.parametrize(
    ("times", "every_s", "fault"), [(7, 11, ""), (8, 11, "power_no_effect"), (40, 1.2, ""), (60, 1.2, "power_no_effect")]
)
def test_eight_strikes_over_a_minute_latch(times: int, every_s: float, fault: str) -> None:
    """One may be chance, eight in a row are not; a sensor that froze is found by its gauge within the minute, and forgiven."""
    assert struck(times, every_s) == fault


def heated(swing_mk: int, moved_mc: int, times: int) -> Watch:
    """So many swings of stored heat, each answered by so much temperature."""
    watch, stored, temperature = verify(Watch(), seen(0)), 0, 60_000
    for at in range(times):
        up = 1 if at % 2 == 0 else -1
        stored, temperature = stored + up * swing_mk, temperature + up * moved_mc
        watch = verify(watch, seen(at + 1, None, temperature, stored))
    return watch


@pytest.mark.parametrize(
    ("swing_mk", "moved_mc", "times", "fault"),
    [
        (4500, 600, 3, "temperature_no_effect"),
        (4500, 600, 2, ""),
        (3500, 0, 9, ""),
        (4500, 1100, 9, ""),
        (4500, 700, 9, "temperature_no_effect"),
    ],
)
def test_a_thermometer_must_follow_three_swings_of_stored_heat(swing_mk: int, moved_mc: int, times: int, fault: str) -> None:
    """A swing of four kelvin (thirteen sigma of a sensor) of which not a fifth shows is no weather; three in a row latch."""
    assert heated(swing_mk, moved_mc, times).fault == fault


def test_a_fault_stays() -> None:
    """Nothing that is seen later clears it."""
    watch = Watch(fault="setpoint_not_taken")
    for at in range(100):
        watch = verify(watch, seen(at, 8000 + at * 100, 60_000 + at * 100, at * 100))
    assert watch.fault == "setpoint_not_taken"


def swung(watch: safety.Watch, now_s: int, stored_mk: int, temperature_mc: int = 60_000) -> safety.Watch:
    """The watch after a look at stored heat and temperature."""
    return safety.verify(watch, safety.Seen(now_s * 1_000_000, True, True, 8000, temperature_mc, stored_mk))


@pytest.mark.parametrize(("seconds", "strikes"), [(110, 1), (130, 0)])
def test_a_swing_slower_than_two_minutes_may_be_the_airs(seconds: int, strikes: int) -> None:
    """Five kelvin of stored heat that do not show within two minutes are a strike, and over a longer time nothing."""
    watch = swung(swung(safety.Watch(), 0, 10_000), 1, 10_000)
    half = swung(watch, seconds // 2, 12_500)
    late = swung(half, min(100, seconds - 5), 13_500)
    late = swung(late, 121, 13_500) if seconds > 120 else late
    assert swung(late, seconds, 15_000).heat_strikes == strikes


@pytest.mark.parametrize(("minutes", "strikes"), [(50, 2), (70, 1)])
def test_strikes_are_forgotten_after_an_hour(minutes: int, strikes: int) -> None:
    """What was odd an hour ago does not count with what is odd now."""
    watch = swung(swung(safety.Watch(), 0, 10_000), 10, 15_000)
    assert watch.heat_strikes == 1
    again = swung(swung(watch, minutes * 60, 15_000), minutes * 60 + 10, 20_000)
    assert again.heat_strikes == strikes
    old = safety.Watch(from_mw=8000, step_mw=3000, until_us=0, strikes=3, struck_at_us=0)
    assert safety.verify(old, safety.Seen(minutes * 60_000_000, True, True, 8000, None, 0)).strikes == (4 if minutes < 60 else 1)


def test_a_power_sensor_that_shows_an_action_again_clears_its_fault() -> None:
    """And no other fault: a worker that does not obey stays one."""
    seen = safety.Seen(1_000_000, True, True, 11_000, None, 0)
    waiting = safety.Watch(from_mw=8000, step_mw=3000, until_us=5_000_000, strikes=8, fault="power_no_effect")
    assert safety.verify(waiting, seen).fault == ""
    assert safety.verify(waiting._replace(fault="setpoint_not_taken"), seen).fault == "setpoint_not_taken"


def test_a_thermometer_that_shows_a_swing_again_clears_its_fault() -> None:
    """A latched fault of the thermometer ends with the first swing of stored heat that it shows, and with nothing less."""
    latched = safety.Watch(fault="temperature_no_effect", heat_strikes=3)
    begun = swung(latched, 0, 10_000, 60_000)
    assert swung(begun, 20, 15_000, 60_000).fault == "temperature_no_effect"
    cleared = swung(begun, 20, 15_000, 64_000)
    assert (cleared.fault, cleared.heat_strikes) == ("", 0)
