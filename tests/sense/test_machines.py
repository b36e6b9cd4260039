"""Thirty machines that nobody here has made: each gives the one right temperature and power, or none and the reason."""

import errno
from pathlib import Path

import pytest

from adaptd.config.profile import load_profile
from adaptd.config.shipped import profiles_dir
from adaptd.sense.board import identify
from adaptd.sense.sensor_hub import SensorHub
from adaptd.vocabulary import POWER, TEMPERATURE, Raw, RawReading
from tests.sense.fakes import FaultySysfs, HandClock
from tests.sense.trees.machines import DENIED_MODE, MACHINES, Machine


def machine_files(machine: Machine, root: Path) -> FaultySysfs:
    """The machine's tree below ``root``; what nobody may read is refused as the kernel refuses it."""
    sysfs = FaultySysfs(root)
    for path, text in machine.files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text + ("\0" if path.startswith("proc/device-tree") else "\n") if text else "")
        if text == DENIED_MODE:
            sysfs.fail(path, errno.EACCES)
    return sysfs


def said(answers: tuple[Raw, ...], quantity: str) -> list[tuple[int, str]]:
    """Value and source of what was read, the hottest or the first of trust first."""
    found = [(one.value, one.source) for one in answers if isinstance(one, RawReading) and one.quantity == quantity]
    return sorted(found, reverse=True) if quantity == TEMPERATURE else found


def test_there_are_thirty_of_them_and_no_two_alike() -> None:
    """The table is as long as it says."""
    assert len({machine.name for machine in MACHINES}) == len(MACHINES) >= 30


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_a_strange_machine_is_read_right(machine: Machine, tmp_path: Path, clock: HandClock) -> None:
    """The hottest place that is of the machine counts, whatever it is called; a meter is one that can be read, and no mouse."""
    sysfs = machine_files(machine, tmp_path)
    board = identify(sysfs)
    assert board.profile == machine.profile
    station = SensorHub(load_profile(profiles_dir() / f"{board.profile}.yaml"), sysfs=sysfs, clock=clock, grace_s=20.0)
    station.sample(clock.advance(1))
    sampled = station.sample(clock.advance(1))
    station.close()
    hottest, meters = said(sampled.raw, TEMPERATURE), said(sampled.raw, POWER)
    assert hottest[:1] == ([] if machine.hot_mc is None else [(machine.hot_mc, machine.hot_from)])
    assert meters[:1] == ([] if machine.power_mw is None else [(machine.power_mw, machine.power_from)])
    assert sorted({trip.at_mc for trip in station.trips}) == sorted(machine.trips_mc)


def test_without_the_rule_the_hottest_place_would_be_overlooked(tmp_path: Path) -> None:
    """Control: the RK3588 at 101 C has neither tj nor x86_pkg_temp nor cpu, so known names alone read nothing."""
    from adaptd.sense import thermal_zone

    sysfs = machine_files(MACHINES[0], tmp_path)
    assert all(thermal_zone.find(thermal_zone.discover(sysfs), name) == [] for name in ("tj", "x86-pkg-temp", "cpu", "soc"))
