"""`adaptd doctor --write-profile`: a profile of the very board, and remedies that work when they are followed."""

import argparse
from pathlib import Path

import pytest

from adaptd.cli import doctor
from adaptd.cli.errors import CommandError
from adaptd.config.profile import load_profile
from adaptd.sense.catalog import Catalog, parse_name
from adaptd.sense.source import POWER, TEMPERATURE
from adaptd.sense.sysfs import Sysfs
from tests.sense.conftest import tree
from tests.sense.test_machines import machine_files
from tests.sense.trees.machines import MACHINES


def run(*words: str) -> int:
    """The command as a person types it."""
    parser = argparse.ArgumentParser()
    doctor.register(parser.add_subparsers())
    arguments = parser.parse_args(["doctor", *words])
    return int(arguments.handler(arguments))


@pytest.mark.parametrize("board", ["orin-nx-16gb", "generic-x86", "jetson-thor", "raspberry-pi-5"])
def test_the_profile_it_writes_is_one_that_the_doctor_finds_good(board: str, tmp_path: Path) -> None:
    """What was written from a board loads, names sensors that are there, and takes the board's own trip points."""
    target = tmp_path / "mine.yaml"
    assert run("--root", str(tree(board)), "--write-profile", str(target)) == 0
    profile = load_profile(target)
    catalog = Catalog(Sysfs(tree(board)))
    for name in profile.temperature_zones:
        assert not isinstance(catalog.resolve(TEMPERATURE, parse_name(name)), str)
    assert run("--root", str(tree(board)), "--profile", str(target)) == 0


@pytest.mark.parametrize("machine", [m for m in MACHINES if m.hot_mc is not None], ids=lambda machine: machine.name)
def test_a_profile_can_be_written_on_every_strange_machine(machine: object, tmp_path: Path) -> None:
    """The trees of strangers give profiles that load, the lowest trip of any zone with them."""
    machine_files(machine, tmp_path / "root")  # type: ignore[arg-type]
    target = tmp_path / "mine.yaml"
    assert run("--root", str(tmp_path / "root"), "--write-profile", str(target)) == 0
    trips = [trip for zone in Catalog(Sysfs(tmp_path / "root")).zones for trip in zone.trips() if trip.kind == "passive"]
    assert not trips or load_profile(target).passive_mc == min(trip.at_mc for trip in trips)


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """Somebody's own numbers are not lost."""
    (tmp_path / "mine.yaml").write_text("profile: mine\n")
    with pytest.raises(CommandError, match="exists already"):
        run("--root", str(tree("orin-nx-16gb")), "--write-profile", str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize(("quantity", "board"), [(TEMPERATURE, "orin-nx-16gb"), (POWER, "orin-nx-16gb"), (POWER, "generic-x86")])
def test_a_name_that_the_doctor_shows_is_one_that_a_profile_may_hold(quantity: str, board: str) -> None:
    """`thermal:tj-thermal` and `hwmon:VDD_IN` can be copied from the doctor's lines into a profile as they stand."""
    catalog = Catalog(Sysfs(tree(board)))
    shown = [source for source in (*catalog.zones, *catalog.rails, *catalog.counters) if source.quantity == quantity]
    assert shown
    for source in shown:
        found = catalog.resolve(quantity, parse_name(source.name))
        assert not isinstance(found, str)
        assert [each.name for each in found] == [source.name]
