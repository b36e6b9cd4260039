"""How full the battery is, from the kernel's files and from a process that pushes it."""

from pathlib import Path

import pytest

from adaptd.sense.battery import discover
from adaptd.sense.gauge import ChargeSource, Gauge
from adaptd.sense.push import PushInbox
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Missing, Unread
from adaptd.vocabulary.battery import BatteryReading, Supply


def supply(root: Path, name: str, **files: object) -> None:
    """One battery in ``power_supply``."""
    folder = root / "sys/class/power_supply" / name
    folder.mkdir(parents=True)
    for key, value in {"type": "Battery", "status": "Discharging", **files}.items():
        (folder / key).write_text(f"{value}\n")


def source(root: Path) -> ChargeSource:
    """All batteries below ``root``."""
    sysfs = Sysfs(root)
    return ChargeSource(sysfs, discover(sysfs))


def test_energy_over_a_full_one(tmp_path: Path) -> None:
    """30 of 50 Wh are 60 %, and 50 Wh is what a full one holds."""
    supply(tmp_path, "BAT0", energy_now=30_000_000, energy_full=50_000_000, capacity=61)
    one = source(tmp_path)
    assert one.read(0) == 600_000
    assert one.said == (Supply.DISCHARGING, 50 * 3_600_000_000, 1000)


def test_charge_needs_volts_to_be_energy(tmp_path: Path) -> None:
    """2 of 4 Ah at 12 V are half of 48 Wh; a bare percentage says nothing of what a full one holds."""
    supply(tmp_path, "BAT0", charge_now=2_000_000, charge_full=4_000_000, voltage_min_design=12_000_000)
    one = source(tmp_path)
    assert (one.read(0), one.said[1]) == (500_000, 48 * 3_600_000_000)
    supply(tmp_path / "b", "BAT0", capacity=73, status="Full")
    bare = source(tmp_path / "b")
    assert (bare.read(0), bare.said) == (730_000, (Supply.RESTING, None, 10_000))


def test_two_batteries_are_one(tmp_path: Path) -> None:
    """A full one of 30 Wh and an empty one of 10 Wh are three quarters of 40; one that charges feeds the board."""
    supply(tmp_path, "BAT0", energy_now=30_000_000, energy_full=30_000_000, status="Not charging")
    supply(tmp_path, "BAT1", energy_now=0, energy_full=10_000_000, status="Charging")
    one = source(tmp_path)
    assert (one.read(0), one.said[1]) == (750_000, 40 * 3_600_000_000)
    assert one.said[0] is not Supply.DISCHARGING


@pytest.mark.parametrize("files", [{"capacity": 150}, {"capacity": "n/a"}, {}])
def test_what_is_no_charge_is_missing(tmp_path: Path, files: dict[str, object]) -> None:
    """Nothing is made of a number that cannot be, or of none."""
    supply(tmp_path, "BAT0", **files)
    assert isinstance(source(tmp_path).read(0), Missing)


def test_a_battery_without_a_driver_is_pushed() -> None:
    """Only a source that the profile names; 0 to full in ppm; whether it is charging comes along."""
    inbox = PushInbox()
    gauge = Gauge([(inbox.open("battery", "bms"), None)])
    assert isinstance(gauge.sample(0), Unread)
    message = {"quantity": "battery", "source": "bms", "value": 640_000, "stamp_us": 1, "charging": True}
    assert inbox.push(message, 5) == ""
    said = gauge.sample(5)
    assert isinstance(said, BatteryReading)
    assert (said.charge_ppm, said.supply, said.at_us, said.full_uj) == (640_000, Supply.CHARGING, 5, None)
    for wrong in ({"value": -1}, {"value": 1_000_001}, {"charging": "yes"}, {"source": "other"}, {"value": float("nan")}):
        assert inbox.push({**message, "stamp_us": 2, **wrong}, 6) != "", wrong
