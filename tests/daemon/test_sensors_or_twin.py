"""The software device stands in for sensors that are absent, and never for sensors that fail."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from adaptd.config.profile import load_profile
from adaptd.daemon.sensors_or_twin import SensorsOrTwin, Simulated, picture_stats
from adaptd.protocol.messages import Picture
from adaptd.sense.camera_light import PictureStats
from adaptd.sense.sensor_hub import SensorHub, WorkerFacts
from adaptd.vocabulary import Measured, Missing, OperatingPoint, Telemetry
from tests.conftest import ROOT

IDLE = Telemetry(alive=True, point=OperatingPoint("fp16", 15_000))


@dataclass
class Invented:
    """A software device that always says the same."""

    def observe(self, now_us: int, worker: Telemetry) -> Simulated:
        """50 degC, 7 W, 100 lux, and a budget of 9 W."""
        del now_us, worker
        said = [Measured(value, 0, "twin", simulated=True) for value in (50_000, 7_000, 100_000)]
        return Simulated(said[0], said[1], said[2], 9_000)


def station(root: Path) -> SensorHub:
    """The sensors of a PC below ``root``."""
    return SensorHub.from_profile(load_profile(ROOT / "hw_profiles" / "generic-x86.yaml"), root, clock=lambda: 1_000_000)


def zone(root: Path, text: str) -> None:
    """A thermal zone that says ``text``."""
    folder = root / "sys/class/thermal/thermal_zone0"
    folder.mkdir(parents=True)
    (folder / "type").write_text("x86_pkg_temp\n")
    (folder / "temp").write_text(text)


def test_what_the_machine_has_is_read_and_the_rest_is_simulated(tmp_path: Path) -> None:
    """With a real thermal zone only power is invented, marked as such, and the outside budget comes through."""
    zone(tmp_path, "47000\n")
    blend = SensorsOrTwin(station(tmp_path), Invented())
    try:
        found = blend.read(1_000_000, IDLE, WorkerFacts(15_000))
        assert isinstance(found.temperature, Measured), found
        assert (found.temperature.value, found.temperature.simulated) == (47_000, False)
        assert isinstance(found.power, Measured)
        assert found.power.simulated
        assert (found.budget_mw, "temperature" in found.simulated) == (9_000, False)
        assert set(blend.details()) == {"temperature", "power", "light"}
    finally:
        blend.close()


def test_a_failing_sensor_is_missing_and_never_simulated(tmp_path: Path) -> None:
    """A zone that gives garbage is Missing although a software device could have given a number."""
    zone(tmp_path, "garbage\n")
    blend = SensorsOrTwin(station(tmp_path), Invented())
    try:
        assert isinstance(blend.read(1_000_000, IDLE, WorkerFacts()).temperature, Missing)
    finally:
        blend.close()


def test_forced_simulation_takes_every_reading_from_the_scenario(tmp_path: Path) -> None:
    """`--twin` replaces real sensors too, so that a scenario can be played on any machine."""
    zone(tmp_path, "47000\n")
    blend = SensorsOrTwin(station(tmp_path), Invented(), forced=True, picture_light=False)
    try:
        found = blend.read(1_000_000, IDLE, WorkerFacts())
        assert [reading.simulated for reading in (found.temperature, found.power, found.light)] == [True] * 3  # type: ignore[union-attr]
    finally:
        blend.close()


def test_without_a_software_device_absent_is_missing(tmp_path: Path) -> None:
    """`--no-twin` on a machine without sensors invents nothing."""
    blend = SensorsOrTwin(station(tmp_path), None)
    try:
        found = blend.read(1_000_000, IDLE, WorkerFacts())
        assert isinstance(found.temperature, Missing)
        assert isinstance(found.power, Missing)
        assert (found.budget_mw, found.simulated) == (None, ())
    finally:
        blend.close()


@pytest.mark.parametrize("exposure_us", [None, 12_000])
def test_the_workers_picture_reaches_the_light_sensor_unchanged(exposure_us: int | None) -> None:
    """The two rooms do not know each other; every statistic crosses by its name."""
    picture = Picture(7, 9, 400_000, 100_000, 3, 4, exposure_us)
    assert picture_stats(picture) == PictureStats(7, 9, 400_000, 100_000, 3, 4, exposure_us)
    assert picture_stats(None) is None
