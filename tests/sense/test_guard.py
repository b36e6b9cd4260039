"""What one source may say and still be believed."""

import pytest
from adaptd.sense.guard import EFFECT_US, FORGOTTEN_US, Cause, Guard, Limits, Quality

from adaptd.sense.source import Sample
from adaptd.vocabulary import Measured, Missing

S = 1_000_000
TEMPERATURE = Limits(-25_000, 125_000, stale_us=2 * S, slew_per_s=10_000)
POWER = Limits(1_000, 60_000, stale_us=2 * S, sure_step=13_800)
LIGHT = Limits(0, 150_000_000, stale_us=2 * S, sure_factor=8)


class Rig:
    """A guard that is fed one value a second."""

    def __init__(self, quantity: str = "temperature", limits: Limits = TEMPERATURE) -> None:
        self.guard = Guard("probe", quantity, limits)
        self.now_us = 1_000 * S
        self.seq = 0

    def feed(self, value: int, after_s: float = 1.0, cause: Cause | None = None) -> str:
        """The quality and reason of the next value, or an empty text where it is good."""
        self.now_us += round(after_s * S)
        self.seq += 1
        judged = self.guard.judge(self.now_us, Sample(self.seq, self.now_us, Measured(value, 0, "probe")), cause)
        assert isinstance(judged.reading, Missing) == (judged.quality in {Quality.STALE, Quality.FAILED})
        return "" if judged.quality is Quality.GOOD else judged.reason


def test_a_believed_reading_has_its_value_age_and_name() -> None:
    """A value of half a second ago is half a second old."""
    guard = Guard("probe", "temperature", TEMPERATURE)
    judged = guard.judge(10 * S, Sample(1, 10 * S - 500_000, Measured(50_000, 0, "x")))
    assert judged.reading == Measured(50_000, 500_000, "probe")
    assert judged.quality is Quality.GOOD


def test_the_same_sample_only_grows_old() -> None:
    """A sensor slower than the tick is not a repeated reading; after the limit it is stale."""
    guard = Guard("probe", "temperature", TEMPERATURE)
    sample = Sample(1, 10 * S, Measured(50_000, 0, "x"))
    assert guard.judge(10 * S, sample).reading == Measured(50_000, 0, "probe")
    assert guard.judge(12 * S, sample).reading == Measured(50_000, 2 * S, "probe")
    stale = guard.judge(12 * S + 1000, sample)
    assert (stale.reading, stale.quality) == (Missing("stale: 2001 ms old"), Quality.STALE)


@pytest.mark.parametrize(("at_us", "word"), [(10 * S, "repeats"), (9 * S, "went backwards")])
def test_a_new_reading_with_an_old_time_is_a_clock_fault(at_us: int, word: str) -> None:
    """A time that does not advance is no new knowledge."""
    guard = Guard("probe", "temperature", TEMPERATURE)
    guard.judge(10 * S, Sample(1, 10 * S, Measured(50_000, 0, "x")))
    judged = guard.judge(10 * S + 1, Sample(2, at_us, Measured(50_000, 0, "x")))
    assert isinstance(judged.reading, Missing)
    assert word in judged.reading.reason
    after = guard.judge(10 * S + 2, Sample(3, 10 * S + 2, Measured(50_000, 0, "x")))
    assert isinstance(after.reading, Measured)


def test_a_reading_from_the_future_is_a_clock_fault() -> None:
    """Nothing can be newer than now."""
    judged = Guard("probe", "light", LIGHT).judge(10 * S, Sample(1, 11 * S, Measured(5, 0, "x")))
    assert judged.reading == Missing("clock: the reading is from the future")


@pytest.mark.parametrize("value", [-25_001, 125_001, -256_000, 58_000_000])
def test_a_temperature_outside_the_profiles_range_is_missing(value: int) -> None:
    """-256 C and a million degrees are no temperatures, and they are not clamped to one."""
    assert Rig().feed(value).startswith("implausible")


@pytest.mark.parametrize("value", [0, -1, 999, 60_001])
def test_a_power_outside_the_profiles_range_is_missing(value: int) -> None:
    """A running machine never takes 0 W."""
    assert Rig("power", POWER).feed(value).startswith("implausible")


def test_a_temperature_of_exactly_zero_is_what_dead_sensors_are_given() -> None:
    """0 C is believed only from a sensor that was near 0 C before."""
    rig = Rig()
    assert "exactly 0" in rig.feed(0)
    assert rig.feed(50_000) == ""
    assert "exactly 0" in rig.feed(0)
    cold = Rig()
    assert [cold.feed(value) for value in (1_500, 400, 0, -300, 0)] == [""] * 5


def test_a_temperature_cannot_jump() -> None:
    """10 K in a second is believed, 30 K is not, and the good value after a spike is."""
    rig = Rig()
    assert [rig.feed(value) for value in (50_000, 60_000)] == ["", ""]
    assert rig.feed(90_000).startswith("jump: 30000 mc")
    assert rig.feed(61_000) == ""


def test_a_level_that_stays_is_believed_in_the_end() -> None:
    """A fall of 40 K is refused for half a minute and then taken, by a tenth of the slew a second."""
    rig = Rig()
    rig.feed(80_000)
    refused = 0
    while rig.feed(40_000):
        refused += 1
    assert refused == 30
    patient = Rig()
    patient.feed(80_000)
    assert patient.feed(20_000, after_s=FORGOTTEN_US / S + 1) == ""


def test_a_spike_of_power_needs_a_second_sample() -> None:
    """One reading of 30 W between readings of 6 W is never taken; a step that lasts is, one sample later."""
    rig = Rig("power", POWER)
    assert rig.feed(6_000) == ""
    assert "second sample" in rig.feed(30_000)
    assert rig.feed(6_100) == ""
    assert "second sample" in rig.feed(30_000)
    assert rig.feed(31_000) == ""


def test_a_spike_of_light_needs_a_second_sample() -> None:
    """A factor of eight is taken at once, a factor of a hundred only twice running; the first lux is no factor at all."""
    rig = Rig("light", LIGHT)
    assert [rig.feed(value) for value in (500_000, 3_900_000, 500_000)] == ["", "", ""]
    assert "second sample" in rig.feed(50_000_000)
    assert rig.feed(480_000) == ""
    dark = Rig("light", LIGHT)
    assert [dark.feed(value) for value in (0, 5_000, 0)] == ["", "", ""]


def watts(milliwatt: int) -> Cause:
    """A power behind the temperature: 0.28 K/W show within a second."""
    return Cause(milliwatt, 280, 500)


def test_a_temperature_that_stands_still_while_power_moves_is_stuck() -> None:
    """First suspect, after a second Missing; it is believed again when it moves."""
    rig = Rig()
    assert [rig.feed(50_000, cause=watts(power)) for power in (6_000, 6_100)] == ["", ""]
    assert rig.feed(50_000, cause=watts(12_000)) == "unchanged although its cause moved"
    assert rig.feed(50_000, cause=watts(12_000)) == "stuck: unchanged although its cause moved"
    assert rig.feed(50_000, cause=watts(6_000)).startswith("stuck")
    assert rig.feed(50_300, cause=watts(6_000)) == ""
    assert EFFECT_US == S


def test_a_temperature_that_stands_still_while_nothing_moves_is_good() -> None:
    """An idle machine has a steady temperature."""
    rig = Rig()
    assert {rig.feed(50_000, cause=watts(6_000 + step % 2 * 40)) for step in range(50)} == {""}
    assert {rig.feed(50_000) for _ in range(50)} == {""}


def test_a_burst_of_power_is_no_reason_to_doubt_a_temperature() -> None:
    """A tenth of a second of 9 W more warms nothing: the sensor may stand still."""
    rig = Rig()
    powers = [6_000] * 20 + [15_000] + [6_000] * 20
    assert {rig.feed(50_000, after_s=0.1, cause=watts(power)) for power in powers} == {""}


def test_a_coarse_sensor_may_stand_still_longer_than_a_fine_one() -> None:
    """With steps of a whole degree a rise of 1.2 K proves nothing yet; once finer changes were seen, it does."""
    coarse, fine = Rig(), Rig()
    coarse.guard._step = fine.guard._step = 1_000
    fine.feed(50_031, cause=watts(6_000))
    for rig in (coarse, fine):
        rig.feed(50_000, cause=watts(6_000))
    steps = [watts(10_400)] * 5
    assert {coarse.feed(50_000, cause=cause) for cause in steps} == {""}
    assert [fine.feed(50_000, cause=cause) for cause in steps][-1].startswith("stuck")


def test_refused_values_do_not_keep_a_source_alive() -> None:
    """The stamp advances only on an accepted value: a stream of nonsense leaves the last good stamp where it was."""
    rig = Rig()
    rig.feed(50_000)
    stamp_us = rig.guard._stamp_us
    for _ in range(5):
        rig.feed(999_000)
    assert rig.guard._stamp_us == stamp_us


def test_a_note_makes_a_reading_suspect_and_keeps_it() -> None:
    """A bound is used and named."""
    judged = Guard("camera", "light", LIGHT).judge(S, Sample(1, S, Measured(9, 0, "x"), "bound: at least"))
    assert (judged.quality, judged.reason) == (Quality.SUSPECT, "bound: at least")
    assert isinstance(judged.reading, Measured)


def test_a_failed_read_has_its_own_reason() -> None:
    """What the kernel said is what the person reads."""
    judged = Guard("probe", "temperature", TEMPERATURE).judge(S, Sample(1, S, Missing("EIO: bus or device failed")))
    assert (judged.quality, judged.reason) == (Quality.FAILED, "EIO: bus or device failed")
