"""The software device stands in for sensors that are absent, and never for sensors that fail."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from adaptd.config.profile import load_profile
from adaptd.daemon.sensors_or_twin import SensorsOrTwin, picture_stats
from adaptd.protocol.messages import Picture
from adaptd.sense.camera_light import PictureStats
from adaptd.sense.sensor_hub import SensorHub
from adaptd.vocabulary import (
    POWER,
    QUANTITIES,
    TEMPERATURE,
    Measured,
    Missing,
    MissingReason,
    OperatingPoint,
    Raw,
    RawReading,
    Telemetry,
    first,
)
from tests.conftest import ROOT
from tests.readings import raw

IDLE = Telemetry(alive=True, point=OperatingPoint("fp16", 15_000))


@dataclass
class Invented:
    """A software device that always says the same."""

    def observe(self, now_us: int, worker: Telemetry) -> tuple[tuple[Raw, ...], int | None]:
        """50 degC, 7 W, 100 lux, and a budget of 9 W."""
        del worker
        said = zip(QUANTITIES, (50_000, 7_000, 100_000), strict=True)
        return tuple(raw(name, value, now_us, source="twin", simulated=True) for name, value in said), 9_000

    def battery(self, now_us: int) -> None:
        """It has none."""
        del now_us


def station(root: Path) -> SensorHub:
    """The sensors of a PC below ``root``."""
    return SensorHub(load_profile(ROOT / "hw_profiles" / "generic-x86.yaml"), root, clock=lambda: 1_000_000)


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
        found = blend.read(1_000_000, IDLE, None, log_ok=True)
        temperature, power = first(found, TEMPERATURE), first(found, POWER)
        assert temperature == Measured(47_000, 0, "thermal:x86_pkg_temp")
        assert power == Measured(7_000, 0, "twin", simulated=True)
        assert found.budget_mw == 9_000
    finally:
        blend.station.close()


def test_a_failing_sensor_is_missing_and_never_simulated(tmp_path: Path) -> None:
    """A zone that gives garbage is Missing although a software device could have given a number."""
    zone(tmp_path, "garbage\n")
    blend = SensorsOrTwin(station(tmp_path), Invented())
    try:
        assert isinstance(first(blend.read(1_000_000, IDLE, None, log_ok=True), TEMPERATURE), Missing)
    finally:
        blend.station.close()


def test_forced_simulation_takes_every_reading_from_the_scenario(tmp_path: Path) -> None:
    """`--twin` replaces real sensors too, so that a scenario can be played on any machine."""
    zone(tmp_path, "47000\n")
    blend = SensorsOrTwin(station(tmp_path), Invented(), forced=True, picture_light=False)
    try:
        found = blend.read(1_000_000, IDLE, None, log_ok=True)
        assert [(one.quantity, one.simulated) for one in found.raw] == [(name, True) for name in QUANTITIES]
    finally:
        blend.station.close()


def test_without_a_software_device_absent_is_missing(tmp_path: Path) -> None:
    """`--no-twin` on a machine without sensors invents nothing."""
    blend = SensorsOrTwin(station(tmp_path), None)
    try:
        found = blend.read(1_000_000, IDLE, None, log_ok=True)
        assert [one.quantity for one in found.raw if isinstance(one, RawReading)] == []
        assert found.budget_mw is None
        assert first(found, TEMPERATURE) == Missing(MissingReason.NO_SENSOR)
    finally:
        blend.station.close()


@pytest.mark.parametrize("exposure_us", [None, 12_000])
def test_the_workers_picture_reaches_the_light_sensor_unchanged(exposure_us: int | None) -> None:
    """The two rooms do not know each other; every statistic crosses by its name."""
    picture = Picture(7, 9, 400_000, 100_000, 3, 4, exposure_us)
    assert picture_stats(picture) == PictureStats(7, 9, 400_000, 100_000, 3, 4, exposure_us)
    assert picture_stats(None) is None
