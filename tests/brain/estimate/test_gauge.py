"""A sensor that lies is absent."""

import random

import pytest
from adaptd.brain.estimate.gauge import FROZEN_AFTER, Gauge, Limits, read

from adaptd.vocabulary import Measured, Missing, Reading

LIMITS = Limits(3_000_000, -20_000, 120_000, 10_000, 4_000)


def feed(values: list[int | None], limits: Limits = LIMITS, gauge: Gauge | None = None, from_s: int = 0) -> list[str]:
    """Why each reading, one a second, was refused (empty: believed)."""
    gauge, whys = gauge or Gauge(), []
    for second, value in enumerate(values, from_s):
        reading: Reading = Missing("gone") if value is None else Measured(value, 0, "test")
        gauge, believed, why = read(gauge, reading, second * 1_000_000, limits)
        assert (believed is None) == bool(why)
        whys.append(why)
    return whys


def noisy(seconds: int, level: int = 60_000) -> list[int]:
    """A healthy sensor with 0.3 K of noise in millidegrees."""
    rng = random.Random(1)
    return [int(level + rng.gauss(0, 300)) for _ in range(seconds)]


def test_a_healthy_sensor_is_always_believed() -> None:
    """Noise, slow drift and a coarse step are no lies."""
    assert set(feed(noisy(500))) == {""}
    assert set(feed([value // 1000 * 1000 for value in noisy(2000)])) == {""}
    assert set(feed([60_000] * 500)) == {""}


@pytest.mark.parametrize(
    ("value", "why"), [(130_000, "implausible"), (-30_000, "implausible"), (0, "zero"), (90_000, "too_fast"), (None, "missing")]
)
def test_each_lie_has_its_name(value: int | None, why: str) -> None:
    """Outside the board's range, exactly zero, faster than physics, or not there at all."""
    assert feed([*noisy(10), value])[-1] == why


def test_a_stale_reading_is_missing() -> None:
    """Older than the policy allows is as good as none, on the microsecond."""
    assert read(Gauge(), Measured(50_000, 3_000_000, "test"), 0, LIMITS)[1] == 50_000
    assert read(Gauge(), Measured(50_000, 3_000_001, "test"), 0, LIMITS)[2] == "stale"


def test_a_frozen_sensor_is_found_after_half_a_minute() -> None:
    """A sensor whose noise turned up and down all the time does not say the same value thirty times."""
    whys = feed([*noisy(200), *[60_123] * 60])
    assert set(whys[: 200 + FROZEN_AFTER]) == {""}
    assert set(whys[200 + FROZEN_AFTER :]) == {"frozen"}


def test_a_thawed_sensor_is_believed_again_at_once() -> None:
    """The first different value ends the refusal."""
    assert feed([*noisy(200), *[60_123] * 60, 60_300])[-1] == ""


def test_a_coarse_sensor_may_stand_still() -> None:
    """A sensor of whole degrees that toggles at an edge and then rests within a step is healthy."""
    toggling = [60_000 + 1000 * (n % 2) for n in range(100)]
    assert set(feed([*toggling, *[60_000] * 300])) == {""}


def test_darkness_may_stand_still_at_zero() -> None:
    """A light sensor that says 0 all night is not frozen: zero is real for light, and below the darkest edge it may freeze."""
    limits = Limits(3_000_000, 0, 200_000_000, zero_is_real=True, may_freeze_below=15_000)
    rng = random.Random(2)
    day = [int(500_000 * (1 + rng.gauss(0, 0.05))) for _ in range(200)]
    assert set(feed([*day, *[0] * 300], limits)) == {""}
    assert feed([*day, *[400_000] * 60], limits)[-1] == "frozen"


def test_after_a_long_silence_a_new_level_is_believed() -> None:
    """How far a reading may have moved grows with the time since the last one that was believed."""
    values: list[int | None] = [*noisy(10), *[None] * 30, 90_000]
    assert feed(values)[-1] == ""


def lively(readings: int) -> list[int]:
    """A sensor that turns at every reading, by amounts from a tenth to a whole kelvin."""
    return [60_000 + (-1) ** at * (10 + 490 * ((at + 5) % 7) // 6) for at in range(readings)]


@pytest.mark.parametrize(("equal", "frozen"), [(27, False), (34, True)])
def test_thirty_equal_readings_of_a_lively_sensor_are_too_many(equal: int, frozen: bool) -> None:
    """A sensor that turns at every second reading says one value thirty times with a chance of 2^-30."""
    assert ("frozen" in feed([*noisy(300), *[60_123] * equal])) is frozen


@pytest.mark.parametrize(("readings", "frozen"), [(36, False), (60, True)])
def test_a_sensor_is_known_to_be_lively_after_a_minute(readings: int, frozen: bool) -> None:
    """Over a memory of 64 readings; a sensor that has only just begun may stand still."""
    assert ("frozen" in feed([*lively(readings), *[60_123] * 40])) is frozen


@pytest.mark.parametrize(("turning", "frozen"), [(0.42, False), (0.60, True)])
def test_only_a_sensor_that_turns_at_half_of_its_readings_can_freeze(turning: float, frozen: bool) -> None:
    """White noise turns at two thirds of them, a slow drift at none: the border lies between."""
    gauge = Gauge(60_000, 1, 0, int(turning * 1_000_000 * 64 / 61), 5000, 100, 60_000, 0)
    assert ("frozen" in feed([60_000] * 40, gauge=gauge)) is frozen


@pytest.mark.parametrize(("lively_ppm", "frozen"), [(528_000, True), (520_000, False)])
def test_of_a_run_of_equal_readings_three_count(lively_ppm: int, frozen: bool) -> None:
    """More would make a frozen sensor look calm before it is found, fewer would let one pause look like a freeze."""
    gauge = Gauge(60_000, 1, 0, lively_ppm, 5000, 100, 60_000, 0)
    assert ("frozen" in feed([60_000] * 40, gauge=gauge)) is frozen


@pytest.mark.parametrize(("rustle", "frozen"), [(430, True), (370, False)])
def test_a_sensor_that_moves_by_single_steps_may_stand_still(rustle: int, frozen: bool) -> None:
    """A usual change of four smallest steps makes standing still odd; below it the value may lie within a step."""
    gauge = Gauge(60_000, 1, 0, 900_000, rustle * 64 // 61, 100, 60_000, 0)
    assert ("frozen" in feed([60_000] * 40, gauge=gauge)) is frozen
