"""Five strangers' machines: each shows in a minute what the product is for, and says which of its sensors it reads."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.service import Service, verified
from tests.sense.conftest import tree
from tests.sense.test_machines import machine_files
from tests.sense.trees.machines import MACHINES, SECRET_RAPL, Machine, coretemp
from tests.sense.trees.parts import ina3221

PATIENCE_S = 60.0
WORKSTATION = Machine(
    "board-at-121-w",
    coretemp(0, ("Package id 0", 62_000)) | ina3221(3, [("VIN", 12_100, 10_000)]) | SECRET_RAPL,
    "generic-x86",
    62_000,
)
LAPTOP = next(machine for machine in MACHINES if machine.name == "laptop-on-battery-rapl-closed")
BARE = next(machine for machine in MACHINES if machine.name == "no-sysfs")
HOT_BOARD = next(machine for machine in MACHINES if machine.name == "rk3588-mainline")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[dict[str, Service]]:
    """The demonstration on every machine at once, each on its own tree."""
    roots = {"jetson": tree("orin-nx-16gb")}
    for name, machine in {"workstation": WORKSTATION, "laptop": LAPTOP, "container": BARE, "hot": HOT_BOARD}.items():
        machine_files(machine, tmp_path / name / "root")
        roots[name] = tmp_path / name / "root"
    services = {}
    for name, root in roots.items():
        (tmp_path / name).mkdir(exist_ok=True)
        services[name] = Service(tmp_path / name, "--root", root, "--threads", "1", tick="500ms")
    yield services
    for service in services.values():
        service.kill()


def swapped(document: dict[str, Any]) -> bool:
    """Whether INT8 serves now."""
    return bool(document.get("operating_point", {}).get("variant") == "int8")


def test_the_main_job_shows_the_swap_on_each_and_invents_no_temperature(started: dict[str, Service]) -> None:
    """INT8 serves within a minute on a board that draws 121 W, a laptop, a container and a Jetson; at 101 C nothing is bold.

    Temperature is the machine's own wherever it has one, and only the staged supply is simulated.
    """
    ends = time.monotonic() + PATIENCE_S
    for name in ("workstation", "laptop", "container", "jetson"):
        document = started[name].until(swapped, ends - time.monotonic())
        assert document["sensors"]["power_mw"]["simulated"] is True, name
        assert document["sensors"]["temperature_mc"]["simulated"] is (name == "container"), name
    assert started["workstation"].status()["sensors"]["temperature_mc"]["value"] == 62_000
    hot = started["hot"].until(lambda document: document.get("operating_point", {}).get("fps") == 0.0, ends - time.monotonic())
    assert hot["sensors"]["temperature_mc"]["value"] == 101_000
    for name, service in started.items():
        code, out, err, _ = service.end()
        assert code == 0, err
        assert "power simulated" in out
        assert verified(service.audit)["verdict"] == "valid", name
        if name == "workstation":
            assert "this machine's own, 121.00 W from hwmon:VIN, is not used" in out


def test_a_source_of_ones_own_has_nothing_simulated_and_each_missing_quantity_is_named(tmp_path: Path) -> None:
    """Without a demonstration nothing is invented: what is absent is missing, with its reason, in banner, status and log."""
    machine_files(BARE, tmp_path / "root")
    service = Service(tmp_path, "--root", tmp_path / "root", "--source", "pattern:64x48@15")
    try:
        document = service.until(lambda document: bool(document.get("trouble")))
        assert not [reading for reading in document["sensors"].values() if reading.get("simulated")]
        assert any("temperature missing (no temperature sensor" in line for line in document["trouble"])
        code, out, _, _ = service.end()
        assert code == 0
        assert "power missing (no power sensor" in out
        assert "adaptd camera calibrate" in out
        assert "all real" not in out
    finally:
        service.kill()
