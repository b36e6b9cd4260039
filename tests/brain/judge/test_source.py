"""What one source may say and still be believed: of today, of this machine, moving when it has to."""

import random
from dataclasses import replace

import pytest

from adaptd.brain.judge.rules import rules_of
from adaptd.brain.judge.source import EFFECT_US, FORGOTTEN_US, FROZEN_AFTER, FUTURE_US, SLOW_SHARE, Life, Trace, hear
from adaptd.config.errors import ConfigError
from adaptd.config.profile import parse_profile
from adaptd.vocabulary import MissingReason, RawReading, Unread
from tests.brain.judge.rig import RULES, Rig, S
from tests.conftest import ROOT

M = MissingReason


def test_a_believed_answer_only_grows_old() -> None:
    """A sensor slower than the tick is no repeated reading; it is judged once, and after the policy's limit it is stale."""
    rig = Rig()
    assert rig.feed(50_000) is None
    same = RawReading(50_000, 3 * S, rig.seq, "probe", "temperature")
    rig.now_us += 3 * S
    assert rig.ask(same) is None
    rig.now_us += 1
    assert rig.ask(replace(same, age_us=3 * S + 1)) is M.STALE
    assert rig.trace.value == 50_000


@pytest.mark.parametrize("back_us", [0, S])
def test_a_new_answer_with_an_old_time_is_a_clock_fault(back_us: int) -> None:
    """A time that does not advance is no new knowledge; the next answer with a time of its own is believed."""
    rig = Rig()
    rig.feed(50_000)
    assert rig.feed(50_100, after_s=0.5, age_us=S // 2 + back_us) is M.CLOCK
    assert rig.feed(50_100) is None


@pytest.mark.parametrize(("ahead_us", "why"), [(90_000, None), (110_000, M.CLOCK)])
def test_an_answer_from_the_future_is_a_clock_fault(ahead_us: int, why: MissingReason | None) -> None:
    """Nothing can be newer than now, by more than a tenth of a second of two clocks' difference."""
    assert Rig("light").feed(400_000, age_us=-ahead_us) is why
    assert FUTURE_US == 100_000


@pytest.mark.parametrize("value", [-40_001, 150_001, -256_000, 58_000_000])
def test_a_temperature_outside_the_profiles_range_is_missing(value: int) -> None:
    """-256 C and a million degrees are no temperatures, and they are not clamped to one."""
    limits = replace(RULES.of["temperature"], low=-40_000, high=150_000)
    assert Rig(limits=limits).feed(value) is M.OUT_OF_RANGE


def test_a_temperature_of_exactly_zero_is_what_dead_sensors_are_given() -> None:
    """0 C is believed only from a sensor that was within 2 K of it before."""
    rig = Rig()
    assert rig.feed_all([0, 50_000, 0]) == [M.ZERO, None, M.ZERO]
    cold = Rig()
    assert cold.feed_all([1_900, 0, -300, 0]) == [None] * 4
    assert Rig().feed_all([2_900, 0]) == [None, M.ZERO]


def test_a_temperature_cannot_jump() -> None:
    """10 K in a second is believed, 30 K is not, and the good value after a spike is."""
    rig = Rig()
    assert rig.feed_all([50_000, 60_000, 90_000, 61_000]) == [None, None, M.TOO_FAST, None]


def test_a_level_that_stays_is_believed_in_the_end() -> None:
    """A fall of 40 K is refused for half a minute, by a tenth of the slew a second, and at once after a minute of silence."""
    rig = Rig()
    rig.feed(80_000)
    refused = 0
    while rig.feed(40_000):
        refused += 1
    assert refused == 26
    assert SLOW_SHARE == 10
    for silence_s, why in ((FORGOTTEN_US / S + 1, None), (45, M.TOO_FAST)):
        patient = Rig()
        patient.feed(90_000)
        assert patient.feed(20_000, after_s=silence_s) is why


def test_a_spike_of_power_needs_a_second_answer() -> None:
    """One reading of 30 W between readings of 6 W is never taken; a step that lasts is, one answer later."""
    rig = Rig("power")
    values = [6_000, 30_000, 6_100, 30_000, 31_000]
    assert rig.feed_all(values) == [None, M.UNCONFIRMED, None, M.UNCONFIRMED, None]


def test_a_refused_read_leaves_what_was_believed() -> None:
    """What the kernel said is the reason, and a stream of nonsense leaves the last good stamp where it was."""
    rig = Rig()
    rig.feed(50_000)
    stamp_us = rig.trace.at_us
    assert rig.ask(Unread(M.MOMENTARY, "EIO: bus or device failed", "probe", "temperature")) is M.MOMENTARY
    assert set(rig.feed_all([999_000] * 5)) == {M.OUT_OF_RANGE}
    assert rig.trace.at_us == stamp_us


def test_a_note_makes_a_reading_suspect_and_keeps_it() -> None:
    """A bound is used and named."""
    rig = Rig("light")
    assert rig.ask(RawReading(9_000, 0, 1, "probe", "light", note=M.BOUND)) is M.BOUND
    assert not rig.refused


def test_a_temperature_that_stands_still_while_power_moves_is_stuck() -> None:
    """First suspect, after a second Missing; it is believed again when it moves."""
    rig = Rig()
    whys = [rig.feed(50_000, cause=power) for power in (6_000, 6_100, 14_000, 14_000, 14_000)]
    assert whys[:2] == [None, None]
    assert M.MAYBE_STUCK in whys
    assert whys[-1] is M.STUCK
    assert rig.feed(50_000, cause=6_000) is M.STUCK
    assert rig.feed(50_300, cause=6_000) is None


def test_a_cause_must_last_a_second_before_its_effect_is_missed() -> None:
    """Ten times a second: the verdict comes a second after the effect was due, the cause being seen behind a second's lag."""
    rig = Rig()
    rig.feed(50_000, cause=6_000)
    whys = [rig.feed(50_000, after_s=0.1, cause=16_000) for _ in range(30)]
    first = whys.index(M.MAYBE_STUCK)
    assert whys.index(M.STUCK) - first == EFFECT_US // 100_000
    assert 1 <= first <= 4


def test_a_temperature_that_stands_still_while_nothing_moves_is_good() -> None:
    """An idle machine has a steady temperature."""
    rig = Rig()
    assert {rig.feed(50_000, cause=6_000 + step % 2 * 40) for step in range(50)} == {None}
    assert {rig.feed(50_000) for _ in range(50)} == {None}


def test_a_burst_of_power_is_no_reason_to_doubt_a_temperature() -> None:
    """A tenth of a second of 9 W more warms nothing: the sensor may stand still."""
    rig = Rig()
    powers = [6_000] * 20 + [15_000] + [6_000] * 20
    assert {rig.feed(50_000, after_s=0.1, cause=power) for power in powers} <= {None, M.MAYBE_STUCK}
    assert not rig.refused


def test_a_coarse_sensor_may_stand_still_longer_than_a_fine_one() -> None:
    """With steps of two degrees a rise of 2 K proves nothing yet; once finer changes were seen, it does."""
    coarse, fine = Rig(step=2_000), Rig(step=2_000)
    fine.feed(50_031, cause=6_000)
    for rig in (coarse, fine):
        rig.feed(50_000, cause=6_000)
    assert {coarse.feed(50_000, cause=13_000) for _ in range(5)} == {None}
    assert [fine.feed(50_000, cause=13_000) for _ in range(5)][-1] is M.STUCK


def noisy(seconds: int, level: int = 60_000) -> list[int]:
    """A healthy sensor with 0.3 K of noise in millidegrees."""
    rng = random.Random(1)
    return [int(level + rng.gauss(0, 300)) for _ in range(seconds)]


def test_a_healthy_sensor_is_always_believed() -> None:
    """Noise, slow drift and a coarse step are no lies."""
    assert set(Rig().feed_all(noisy(500))) == {None}
    assert set(Rig().feed_all([value // 1000 * 1000 for value in noisy(2000)])) == {None}
    assert set(Rig().feed_all([60_000] * 500)) == {None}


def test_a_frozen_sensor_is_found_after_half_a_minute_and_believed_when_it_thaws() -> None:
    """A sensor whose noise turned up and down all the time does not say the same value thirty times."""
    rig = Rig()
    whys = rig.feed_all([*noisy(200), *[60_123] * 60])
    assert set(whys[: 200 + FROZEN_AFTER]) == {None}
    assert set(whys[200 + FROZEN_AFTER :]) == {M.FROZEN}
    assert rig.feed(60_300) is None


def test_a_sensor_that_toggles_between_two_steps_may_stand_still() -> None:
    """A sensor of whole degrees that toggles at an edge and then rests within a step is healthy."""
    toggling = [60_000 + 1000 * (n % 2) for n in range(100)]
    assert set(Rig().feed_all([*toggling, *[60_000] * 300])) == {None}


def test_darkness_may_stand_still_at_zero() -> None:
    """A light sensor that says 0 all night is not frozen: below the policy's darkest edge it may stand still."""
    rng = random.Random(2)
    day = [int(500_000 * (1 + rng.gauss(0, 0.05))) for _ in range(200)]
    assert set(Rig("light").feed_all([*day, *[0] * 300])[203:]) == {None}
    assert Rig("light").feed_all([*day, *[400_000] * 60])[-1] is M.FROZEN


def lively(answers: int) -> list[int]:
    """A sensor that turns at every answer, by amounts from a tenth to a whole kelvin."""
    return [60_000 + (-1) ** at * (10 + 490 * ((at + 5) % 7) // 6) for at in range(answers)]


@pytest.mark.parametrize(("equal", "frozen"), [(27, False), (34, True)])
def test_thirty_equal_readings_of_a_lively_sensor_are_too_many(equal: int, frozen: bool) -> None:
    """A sensor that turns at every second answer says one value thirty times with a chance of 2^-30."""
    assert (M.FROZEN in Rig().feed_all([*noisy(300), *[60_123] * equal])) is frozen


@pytest.mark.parametrize(("answers", "frozen"), [(36, False), (60, True)])
def test_a_sensor_is_known_to_be_lively_after_a_minute(answers: int, frozen: bool) -> None:
    """Over a memory of 64 answers; a sensor that has only just begun may stand still."""
    assert (M.FROZEN in Rig().feed_all([*lively(answers), *[60_123] * 40])) is frozen


def standing(life: Life) -> bool:
    """Whether forty equal answers after this life are found to be frozen."""
    rig = Rig()
    rig.trace = rig.trace._replace(life=life, value=60_000, at_us=rig.now_us)
    return M.FROZEN in rig.feed_all([60_000] * 40)


@pytest.mark.parametrize(("turning", "frozen"), [(0.42, False), (0.60, True)])
def test_only_a_sensor_that_turns_at_half_of_its_readings_can_freeze(turning: float, frozen: bool) -> None:
    """White noise turns at two thirds of them, a slow drift at none: the border lies between."""
    assert standing(Life(60_000, 1, 0, int(turning * 1_000_000 * 64 / 61), 5000, 100)) is frozen


@pytest.mark.parametrize(("lively_ppm", "frozen"), [(528_000, True), (520_000, False)])
def test_of_a_run_of_equal_readings_three_count(lively_ppm: int, frozen: bool) -> None:
    """More would make a frozen sensor look calm before it is found, fewer would let one pause look like a freeze."""
    assert standing(Life(60_000, 1, 0, lively_ppm, 5000, 100)) is frozen


@pytest.mark.parametrize(("rustle", "frozen"), [(430, True), (370, False)])
def test_a_sensor_that_moves_by_single_steps_may_stand_still(rustle: int, frozen: bool) -> None:
    """A usual change of four smallest steps makes standing still odd; below it the value may lie within a step."""
    assert standing(Life(60_000, 1, 0, 900_000, rustle * 64 // 61, 100)) is frozen


def test_a_pushed_source_may_hold_for_longer_where_the_profile_says_so() -> None:
    """A room's light that is sent once a minute is no silent sensor; every other source keeps the policy's limit."""
    text = (
        (ROOT / "hw_profiles" / "generic-x86.yaml").read_text().replace("light: [iio, camera]", 'light: ["push:room@60s", iio]')
    )
    profile = parse_profile(text)
    assert profile.valid_us == (("push:room", 60_000_000),)
    limits = rules_of(3_000_000, None, profile).of["light"]
    assert (limits.own_us, limits.stale_us) == ({"push:room": 60_000_000}, 3_000_000)
    slow = RawReading(400_000, 59_000_000, 1, "push:room", "light")
    held = hear((slow,), [Trace("push:room", "light")], 100_000_000, limits, None)
    late = hear((replace(slow, age_us=61_000_000),), [Trace("push:room", "light")], 100_000_000, limits, None)
    other = hear((replace(slow, source="iio:veml6030"),), [Trace("iio:veml6030", "light")], 100_000_000, limits, None)
    assert [held[0][1], late[0][1], other[0][1]] == [None, M.STALE, M.STALE]


@pytest.mark.parametrize("name", ["push:room@soon", "push:room@601s", "push:room@0s", "push:room@"])
def test_a_time_that_cannot_be_is_refused_in_one_line(name: str) -> None:
    """With an example of what would be right."""
    text = (ROOT / "hw_profiles" / "generic-x86.yaml").read_text().replace("light: [iio, camera]", f'light: ["{name}"]')
    with pytest.raises(ConfigError, match=r"says no time to hold, write push:NAME@60s, at most 600 s"):
        parse_profile(text)
