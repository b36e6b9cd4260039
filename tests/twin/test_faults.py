"""Every fault that a scenario can name is seen by the controller, and only while it lasts."""

import pytest

from adaptd.lab.harness import simulate
from adaptd.twin.device import TwinDevice
from adaptd.twin.words import StagedFault
from adaptd.vocabulary import QUANTITIES, Raw, RawReading, Unread
from tests.twin.worlds import EFFICIENT, FULL, Script, episode, profile, scenario

SENSORS = QUANTITIES


def _readings(sensor: str, kind: str, *, until_s: int = 20) -> list[Raw]:
    fault = StagedFault(sensor, kind, 5_000_000, 15_000_000, engine=False)
    noisy = {"noise_temperature_mc": 300, "noise_power_mw": 100, "noise_light_ppm": 50_000}
    device = TwinDevice(scenario(faults=(fault,), **noisy), profile())
    found = []
    for _ in range(until_s):
        found.append(device.read(device.t_us)[SENSORS.index(sensor)])
        device.advance(1_000_000, 100_000.0)
    return found


@pytest.mark.parametrize("sensor", SENSORS)
@pytest.mark.parametrize("kind", ["missing", "nan"])
def test_a_sensor_that_is_gone_has_no_value(sensor: str, kind: str) -> None:
    """Missing and not-a-number are Missing with a reason, from the first to the last second of the fault."""
    readings = _readings(sensor, kind)
    assert [isinstance(reading, Unread) for reading in readings] == [5 <= n < 15 for n in range(20)]


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_stuck_sensor_repeats_its_last_value_as_if_fresh(sensor: str) -> None:
    """Stuck: the same number in every new answer, and an age that says nothing."""
    stuck = _readings(sensor, "stuck")[4:15]
    assert all(isinstance(reading, RawReading) and reading.age_us == 0 for reading in stuck)
    assert len({reading.seq for reading in stuck if isinstance(reading, RawReading)}) == len(stuck)
    assert len({reading.value for reading in stuck if isinstance(reading, RawReading)}) == 1


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_hanging_sensor_grows_old(sensor: str) -> None:
    """Hang: the last value, a second older every second."""
    hanging = _readings(sensor, "hang")[5:15]
    assert [reading.age_us for reading in hanging if isinstance(reading, RawReading)] == [n * 1_000_000 for n in range(1, 11)]


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_dead_sensor_says_zero(sensor: str) -> None:
    """Zero: a number that looks like a reading."""
    assert all(isinstance(reading, RawReading) and reading.value == 0 for reading in _readings(sensor, "zero")[5:15])


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_spiking_sensor_jumps_now_and_then(sensor: str) -> None:
    """Spikes: most readings are sound, some are far off."""
    values = [reading.value for reading in _readings(sensor, "spike") if isinstance(reading, RawReading)]
    calm = max(values[:5])
    assert max(values[5:15]) > 1.4 * calm
    assert sum(value < 1.4 * calm for value in values[5:15]) >= 5


@pytest.mark.parametrize(("kind", "down_s"), [("crash", 2), ("hang", 4)])
def test_a_worker_that_dies_serves_nothing_and_comes_back(kind: str, down_s: int) -> None:
    """After a crash two seconds, after a hang four, are without a frame; then it serves what it is told again."""
    fault = StagedFault("int8", kind, 10_000_000, 10_000_000, engine=True)
    world = episode(faults=(fault,), duration_us=30_000_000)
    script = Script(EFFICIENT)
    result = simulate(world.scenario, world.policy, world.profile, world.facts, script)
    dead = [n for n, snapshot in enumerate(script.seen) if not snapshot.worker.alive]
    assert dead == list(range(11, 11 + down_s))
    assert result.frames_delivered == pytest.approx(15 * (30 - down_s))


def test_an_engine_that_answers_garbage_is_replaced_by_the_reference() -> None:
    """From the fault on INT8 is quarantined and every frame is the reference's, whatever is asked for."""
    fault = StagedFault("int8", "garbage", 10_000_000, 10_000_000, engine=True)
    world = episode(faults=(fault,), duration_us=30_000_000)
    script = Script(EFFICIENT)
    simulate(world.scenario, world.policy, world.profile, world.facts, script)
    after = script.seen[12].worker
    assert after.quarantined == ("int8",)
    assert after.point.variant == "fp16"
    assert script.seen[5].worker.point.variant == "int8"


def test_a_restart_reaches_the_controller() -> None:
    """restarts_s starts the controller anew at that time."""
    world = episode(restarts_us=(3_000_000, 7_000_000), duration_us=10_000_000)
    script = Script(FULL)
    simulate(world.scenario, world.policy, world.profile, world.facts, script)
    assert script.restarts == [3_000_000, 7_000_000]
