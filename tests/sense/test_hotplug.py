"""Sensors that come after the start: found, put in the place that the profile gives them, and believed like any other."""

import shutil
from pathlib import Path

import pytest

from adaptd.sense import hotplug as room
from adaptd.sense.sensor_hub import SensorHub
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Measured, Missing
from tests.sense.conftest import profile, tree
from tests.sense.fakes import HandClock
from tests.sense.judged import JudgedHub

BOARD = "orin-nx-16gb"


@pytest.fixture
def early(tmp_path: Path) -> Path:
    """An Orin NX before its thermal, power and light drivers are there."""
    root = tmp_path / "root"
    shutil.copytree(tree(BOARD), root, symlinks=True)
    for part in ("sys/class/thermal", "sys/class/hwmon", "sys/bus"):
        if (root / part).exists():
            (root / part).rename(root / part.replace("/", "-"))
    return root


def come(root: Path, part: str) -> None:
    """A driver has been loaded."""
    (root / part.replace("/", "-")).rename(root / part)


def started(root: Path, clock: HandClock) -> JudgedHub:
    """A station whose lookout looks only when it is told to, and whose ticks wait for every read."""
    hub = SensorHub(profile(BOARD), root, sysfs=Sysfs(root), clock=clock, grace_s=20.0)
    return JudgedHub(profile(BOARD), hub)


def test_drivers_that_are_loaded_after_the_start_are_noticed(early: Path, clock: HandClock) -> None:
    """Missing at first, on this board never simulated; after the next look all is read, in the profile's order."""
    late = started(early, clock)
    first = late.sample(clock.advance(1))
    assert isinstance(first.temperature, Missing)
    assert isinstance(first.power, Missing)
    assert first.absent == ()
    come(early, "sys/class/thermal")
    come(early, "sys/class/hwmon")
    come(early, "sys/bus")
    late.lookout.look()
    second = late.sample(clock.advance(1))
    late.close()
    assert second.temperature == Measured(58_000, 0, "thermal:tj-thermal")
    assert second.power == Measured(4_601, 0, "hwmon:VDD_IN")
    assert isinstance(second.light, Measured)
    zones = [one.source for one in second.snapshot.raw if one.quantity == "temperature"]
    assert zones[:2] == ["thermal:tj-thermal", "thermal:cpu-thermal"]
    assert [one.source for one in second.snapshot.raw if one.quantity == "light"] == ["iio:veml6030", "camera"], (
        "iio comes before camera"
    )
    assert [name for name, _ in late.unresolved] == ["jtop:tot"]


def test_what_has_not_come_is_looked_for_again(early: Path, clock: HandClock) -> None:
    """A look that finds nothing changes nothing, and the next one may."""
    late = started(early, clock)
    late.lookout.look()
    assert late.lookout.take() == []
    come(early, "sys/class/thermal")
    late.lookout.look()
    assert isinstance(late.sample(clock.advance(1)).temperature, Measured)
    assert {name.text for _, name in late.lookout.wanted} >= {"VDD_IN", "iio"}
    late.close()


def test_a_quantity_that_is_simulated_stays_simulated_until_the_next_start(tmp_path: Path, clock: HandClock) -> None:
    """On a machine whose profile is no description of it, an absent quantity is not looked for: prices go with the device."""
    bare = SensorHub(profile("generic-x86"), tmp_path, sysfs=Sysfs(tmp_path), clock=clock, grace_s=20.0)
    bare.close()
    assert bare.absent == ("temperature", "power")
    assert [name.text for _, name in bare.lookout.wanted] == ["iio"]


def test_the_lookout_ends_when_all_has_come(early: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread looks by itself, and costs nothing once there is nothing left to look for."""
    monkeypatch.setattr(room, "EVERY_S", 0.001)
    run = early / "run"
    run.mkdir(exist_ok=True)
    (run / "jtop.sock").touch()
    for part in ("sys/class/thermal", "sys/class/hwmon", "sys/bus"):
        come(early, part)
    shutil.move(early / "sys/bus", early / "later")
    late = started(early, clock)
    assert [name.text for _, name in late.lookout.wanted] == ["iio"]
    shutil.move(early / "later", early / "sys/bus")
    late.lookout._thread.join(timeout=60)
    assert not late.lookout._thread.is_alive()
    assert isinstance(late.sample(clock.advance(1)).light, Measured)
    late.close()
