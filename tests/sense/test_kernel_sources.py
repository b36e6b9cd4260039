"""Thermal zones, power monitors, energy counters, batteries: found by name, in whole units, or Missing."""

import errno
from pathlib import Path

import pytest

from adaptd.sense import battery, chip_temperature, hwmon, rapl, thermal_zone
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Missing
from tests.sense.conftest import tree
from tests.sense.fakes import FaultySysfs
from tests.sense.judged import said

TJ = "sys/class/thermal/thermal_zone8/temp"
HWMON4 = "sys/class/hwmon/hwmon4"


def put(root: Path, files: dict[str, str]) -> None:
    """Write kernel files below ``root``."""
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text + "\n")


def test_a_zone_is_found_by_its_type_whatever_its_number() -> None:
    """tj-thermal is zone 8 on one board and zone 4 on another, and both are read."""
    for board, value in (("orin-nano-super", 49593), ("jetson-thor", 55100)):
        zones = thermal_zone.discover(Sysfs(tree(board)))
        (zone,) = thermal_zone.find(zones, "tj-thermal")
        assert zone.read(0) == value


def test_a_zone_is_found_in_the_spelling_of_another_jetpack() -> None:
    """A profile that says cpu-thermal finds CPU-therm, and the other way round."""
    zones = thermal_zone.discover(Sysfs(tree("jetson-nano")))
    assert [thermal_zone.find(zones, name) for name in ("cpu-thermal", "cpu_thermal")] == [
        thermal_zone.find(zones, "CPU-therm")
    ] * 2
    assert thermal_zone.find(zones, "tj-thermal") == []


@pytest.mark.parametrize("kind", ["PMIC-Die", "thermal-fan-est", "thermal_fan_est", "iwlwifi_1", "PMIC_Die"])
def test_a_zone_that_never_says_how_hot_the_machine_is_is_left_out(kind: str, tmp_path: Path) -> None:
    """The constant 100 C of the power chip can never shed load."""
    put(tmp_path, {"sys/class/thermal/thermal_zone0/type": kind, "sys/class/thermal/thermal_zone0/temp": "100000"})
    assert thermal_zone.discover(Sysfs(tmp_path)) == []


def test_the_junction_comes_before_the_processor_without_a_profile() -> None:
    """A machine that nobody described is judged by its hottest place first."""
    zones = thermal_zone.preferred(thermal_zone.discover(Sysfs(tree("agx-orin"))))
    assert [zone.name for zone in zones][:2] == ["thermal:tj-thermal", "thermal:cpu-thermal"]


def test_a_zone_that_was_bound_anew_is_found_again(tmp_path: Path) -> None:
    """When the driver comes back under another number, the zone is found by its type; while it is away it is Missing."""
    zone0, zone1 = "sys/class/thermal/thermal_zone0", "sys/class/thermal/thermal_zone1"
    put(tmp_path, {f"{zone0}/type": "tj-thermal", f"{zone0}/temp": "50000"})
    zone = thermal_zone.discover(Sysfs(tmp_path))[0]
    (tmp_path / zone0).rename(tmp_path / "away")
    assert said(zone.read(0)) == "gone: ENOENT: file is gone"
    (tmp_path / "away").rename(tmp_path / zone1)
    assert zone.read(0) == 50000


def test_another_zone_in_the_old_place_is_not_read(tmp_path: Path) -> None:
    """Zones that change numbers keep their names: the cool board sensor that takes the junction's number is not the junction."""
    zone0, zone1 = "sys/class/thermal/thermal_zone0", "sys/class/thermal/thermal_zone1"
    put(tmp_path, {f"{zone0}/type": "tj-thermal", f"{zone0}/temp": "90000"})
    zone = thermal_zone.discover(Sysfs(tmp_path))[0]
    put(tmp_path, {f"{zone0}/type": "board-thermal", f"{zone0}/temp": "30000"})
    assert said(zone.read(0)) == "gone: its place is now board-thermal's, not tj-thermal's"
    put(tmp_path, {f"{zone1}/type": "tj-thermal", f"{zone1}/temp": "90000"})
    assert zone.read(0) == 90000


def test_trip_points_are_read_and_zero_ones_left_out() -> None:
    """The kernel's own limits are known; a trip of 0 C is an unset one."""
    zones = thermal_zone.discover(Sysfs(tree("orin-nx-16gb")))
    assert zones[0].trips() == (thermal_zone.Trip("passive", 99_000), thermal_zone.Trip("critical", 104_500))
    (pc,) = thermal_zone.find(thermal_zone.discover(Sysfs(tree("generic-x86"))), "x86_pkg_temp")
    assert pc.trips() == ()


def test_a_rail_is_volt_times_ampere_under_its_label() -> None:
    """VDD_IN of an Orin NX at idle is 5.112 V times 0.9 A."""
    rails = {rail.label: rail for rail in hwmon.discover_rails(Sysfs(tree("orin-nx-16gb")))}
    assert rails["VDD_IN"].read(0) == 4601
    assert set(rails) == {"VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"}


def test_shunt_channels_sums_and_unconnected_channels_are_never_read() -> None:
    """Channels 4 to 7 of an INA3221 and those labelled NC are no rails."""
    sysfs = FaultySysfs(tree("agx-orin"))
    for rail in hwmon.discover_rails(sysfs):
        rail.read(0)
    assert not [path for path in sysfs.reads if path.endswith(("in4_input", "in5_input", "in6_input", "in7_input"))]
    assert {rail.label for rail in hwmon.discover_rails(sysfs)} == {"VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"}


def test_an_ina238_is_read_in_microwatt() -> None:
    """Thor's input of 25,990,400 uW is 25,990 mW."""
    rails = {rail.label: rail for rail in hwmon.discover_rails(Sysfs(tree("jetson-thor")))}
    assert rails["VIN"].read(0) == 25_990


@pytest.mark.parametrize(("board", "label", "value"), [("xavier-nx", "VDD_IN", 3_800), ("jetson-nano", "POM_5V_IN", 1_498)])
def test_an_older_l4t_shows_the_rails_through_iio_in_milliwatt(board: str, label: str, value: int) -> None:
    """The same chip is found behind another driver."""
    rails = {rail.label: rail for rail in hwmon.discover_rails(Sysfs(tree(board)))}
    assert rails[label].read(0) == value


def test_no_sum_is_made_of_the_rest_when_one_rail_fails() -> None:
    """A total without its failed rail would look frugal, so there is none."""
    sysfs = FaultySysfs(tree("agx-orin"))
    total = hwmon.RailSum(hwmon.discover_rails(sysfs))
    assert isinstance(total.read(0), int)
    sysfs.fail(f"{HWMON4}/in2_input", errno.EIO)  # VDD_CPU_CV
    reading = total.read(0)
    assert isinstance(reading, Missing)
    assert "no sum is made of the rest" in said(reading)


@pytest.mark.parametrize(("file", "text"), [("curr1_input", "81920\n"), ("curr1_input", "-12\n"), ("in1_input", "x\n")])
def test_an_impossible_current_is_missing(orin_nx: FaultySysfs, file: str, text: str) -> None:
    """All-ones registers, negative currents and garbage are no power."""
    orin_nx.say(f"{HWMON4}/{file}", text)
    rail = next(rail for rail in hwmon.discover_rails(orin_nx) if rail.label == "VDD_IN")
    assert isinstance(rail.read(0), Missing)


def rail_files(folder: str, label: str, milliampere: int) -> dict[str, str]:
    """One INA3221 with one rail."""
    return {
        f"{folder}/name": "ina3221",
        f"{folder}/in1_label": label,
        f"{folder}/in1_input": "5000",
        f"{folder}/curr1_input": str(milliampere),
    }


def test_a_rail_that_was_bound_anew_is_found_again(tmp_path: Path) -> None:
    """hwmon numbers change when a driver is bound anew; the label does not."""
    put(tmp_path, rail_files(HWMON4, "VDD_IN", 1000))
    rail = hwmon.discover_rails(Sysfs(tmp_path))[0]
    (tmp_path / HWMON4).rename(tmp_path / "away")
    assert isinstance(rail.read(0), Missing)
    (tmp_path / "away").rename(tmp_path / "sys/class/hwmon/hwmon9")
    assert rail.read(0) == 5000


def test_another_chip_in_the_old_place_is_not_read(tmp_path: Path) -> None:
    """Two power monitors that swap their numbers keep their rails: a small rail in the place of the total looks frugal."""
    hwmon5 = "sys/class/hwmon/hwmon5"
    put(tmp_path, rail_files(HWMON4, "VDD_IN", 4000) | rail_files(hwmon5, "VDD_SOC", 100))
    rail = next(rail for rail in hwmon.discover_rails(Sysfs(tmp_path)) if rail.label == "VDD_IN")
    put(tmp_path, rail_files(HWMON4, "VDD_SOC", 100))
    assert said(rail.read(0)) == "gone: its place is now VDD_SOC's, not VDD_IN's"
    put(tmp_path, rail_files(hwmon5, "VDD_IN", 4000))
    assert rail.read(0) == 20_000


def test_a_chip_that_was_bound_anew_is_found_again_and_no_other_is_read(tmp_path: Path) -> None:
    """The disk's sensor that takes the processor's number is not the processor."""
    files = {"name": "k10temp", "temp1_label": "Tctl", "temp1_input": "91000"}
    put(tmp_path, {f"{HWMON4}/{key}": text for key, text in files.items()})
    chip = chip_temperature.discover(Sysfs(tmp_path))[0]
    put(tmp_path, {f"{HWMON4}/name": "nvme", f"{HWMON4}/temp1_input": "30000"})
    assert said(chip.read(0)) == "gone: its place is now nvme's, not k10temp's"
    put(tmp_path, {f"sys/class/hwmon/hwmon7/{key}": text for key, text in files.items()})
    assert chip.read(0) == 91_000


def test_the_package_sensor_of_a_pc_is_found_by_its_label() -> None:
    """coretemp's package is read, not one of its cores and not the disk."""
    chips = chip_temperature.discover(Sysfs(tree("generic-x86")))
    assert [(chip.name, chip.read(0)) for chip in chips] == [("hwmon:coretemp", 44_000)]


def test_rapl_is_energy_over_time_and_never_a_first_or_wrapped_guess() -> None:
    """30 J in 2 s are 15 W; without a difference there is no power."""
    sysfs = FaultySysfs(tree("generic-x86"))
    counter = rapl.discover(sysfs)[0]
    path = "sys/class/powercap/intel-rapl:0/energy_uj"
    assert counter.name == "rapl:package"
    sysfs.say(path, "1000000\n")
    assert said(counter.read(0)) == "gap: first read of an energy counter"
    sysfs.say(path, "31000000\n")
    assert counter.read(2_000_000) == 15_000
    assert isinstance(counter.read(2_000_001), Missing)
    sysfs.say(path, "5\n")
    assert said(counter.read(4_000_000)) == "gap: the energy counter wrapped"


def test_rapl_without_permission_is_missing_and_not_zero_watt() -> None:
    """A counter that only root may read says so."""
    sysfs = FaultySysfs(tree("generic-x86"))
    sysfs.fail("sys/class/powercap/intel-rapl:0/energy_uj", errno.EACCES)
    reading = rapl.discover(sysfs)[0].read(0)
    assert isinstance(reading, Missing)
    assert said(reading).startswith("EACCES: no permission to read")


def test_a_battery_speaks_for_the_load_only_while_it_discharges(tmp_path: Path) -> None:
    """Charging power is not the machine's power."""
    base = {"type": "Battery", "status": "Charging", "voltage_now": "12000000", "current_now": "500000"}
    put(tmp_path, {f"sys/class/power_supply/BAT0/{key}": text for key, text in base.items()})
    found = battery.discover(Sysfs(tmp_path))[0]
    assert isinstance(found.read(0), Missing)
    put(tmp_path, {"sys/class/power_supply/BAT0/status": "Discharging"})
    assert found.read(0) == 6_000


def test_the_sign_of_a_battery_current_is_configured_and_not_guessed(tmp_path: Path) -> None:
    """A negative discharge is refused with the remedy, and accepted once the profile says inverted."""
    base = {"type": "Battery", "status": "Discharging", "power_now": "-7500000"}
    put(tmp_path, {f"sys/class/power_supply/BAT0/{key}": text for key, text in base.items()})
    refused = battery.Battery(Sysfs(tmp_path), "BAT0").read(0)
    assert isinstance(refused, Missing)
    assert "battery:BAT0:inverted" in said(refused)
    assert battery.Battery(Sysfs(tmp_path), "BAT0", inverted=True).read(0) == 7_500


def test_a_usb_port_is_no_battery() -> None:
    """USB-PD entries describe a contract and are not found as power sources."""
    assert battery.discover(Sysfs(tree("jetson-thor"))) == []
