"""All sensors of a machine behind one call a tick, on every captured board."""

import errno
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from adaptd.config.profile import HardwareProfile
from adaptd.sense.board import Board, identify
from adaptd.sense.camera_light import Calibration, PictureStats
from adaptd.sense.catalog import Catalog, parse_name
from adaptd.sense.nvml import NvmlGpu
from adaptd.sense.sensor_hub import SensorHub
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Measured, Missing, MissingReason, Reading
from tests.conftest import ROOT
from tests.sense.conftest import TREES, profile, tree
from tests.sense.fakes import FakeNvml, FaultySysfs, HandClock
from tests.sense.judged import JudgedHub, WorkerFacts, said

TABLE = Calibration(((50_000, 1_000), (250_000, 100_000), (600_000, 10_000_000)))
EXPECTED = {
    "orin-nano-super": (49_593, "thermal:tj-thermal", 6_209, "hwmon:VDD_IN"),
    "orin-nx-16gb": (58_000, "thermal:tj-thermal", 4_601, "hwmon:VDD_IN"),
    "agx-orin": (46_500, "thermal:tj-thermal", 8_307, "hwmon:VDD_GPU_SOC+VDD_CPU_CV+VIN_SYS_5V0+VDDQ_VDD2_1V8AO"),
    "xavier-nx": (43_500, "thermal:CPU-therm", 3_800, "hwmon:VDD_IN"),
    "jetson-nano": (33_500, "thermal:CPU-therm", 1_498, "hwmon:POM_5V_IN"),
    "jetson-thor": (55_100, "thermal:tj-thermal", 25_990, "hwmon:VIN"),
    "raspberry-pi-5": (52_350, "thermal:cpu-thermal", None, ""),
    "generic-x86": (44_000, "thermal:x86_pkg_temp", None, ""),
}


def station(board: HardwareProfile, sysfs: Sysfs, clock: HandClock, **options: object) -> JudgedHub:
    """A station that waits for every read of a tick, and the judge of its readings."""
    hub = SensorHub(board, sysfs.root, sysfs=sysfs, clock=clock, grace_s=20.0, **options)  # type: ignore[arg-type]
    return JudgedHub(board, hub)


def seen(reading: Reading) -> tuple[object, str]:
    """Value and source, or nothing."""
    return (reading.value, reading.source) if isinstance(reading, Measured) else (None, "")


@pytest.mark.parametrize("board", sorted(EXPECTED))
def test_every_captured_board_gives_its_temperature_and_its_power(board: str, clock: HandClock) -> None:
    """The shipped profile finds the junction and the total of its board, by type and label."""
    shown = station(profile(board), Sysfs(tree(board)), clock)
    sampled = shown.sample(clock.advance(1))
    shown.close()
    temperature, temperature_source, power, power_source = EXPECTED[board]
    assert seen(sampled.temperature) == (temperature, temperature_source)
    assert seen(sampled.power) == (power, power_source)


def test_every_captured_board_is_recognised() -> None:
    """The device tree's part numbers lead to the profile of the same name."""
    for name in EXPECTED:
        assert identify(Sysfs(tree(name))).profile == name
    assert identify(Sysfs(tree("generic-x86"))) == Board("", "generic-x86", certain=False)
    assert {path.name for path in TREES.iterdir() if path.is_dir() and not path.name.startswith("_")} == set(EXPECTED)


def test_an_h200_is_recognised_by_its_driver(tmp_path: Path) -> None:
    """A server has no device tree; the driver names the GPU."""
    folder = tmp_path / "proc/driver/nvidia/gpus/0000:00:00.0"
    folder.mkdir(parents=True)
    (folder / "information").write_text("Model: \t\t NVIDIA H200\nIRQ: 5\n")
    assert identify(Sysfs(tmp_path)) == Board("NVIDIA H200", "h200", certain=True)


def test_a_machine_without_sensors_says_what_is_absent(tmp_path: Path, clock: HandClock) -> None:
    """On a bare machine the daemon may simulate temperature and power; the camera is still there for the light."""
    bare = station(profile("generic-x86"), Sysfs(tmp_path), clock)
    sampled = bare.sample(clock.advance(1))
    bare.close()
    assert sampled.absent == ("temperature", "power")
    assert said(sampled.temperature) == "no sensor"
    assert said(sampled.light) == "no picture yet"
    assert [name for name, _ in bare.unresolved] == [
        "x86_pkg_temp",
        "hwmon:coretemp",
        "hwmon:k10temp",
        "rapl:psys",
        "rapl:package",
        "iio",
    ]


def test_a_sensor_that_its_own_board_must_have_is_lost_and_not_absent(tmp_path: Path, clock: HandClock) -> None:
    """An Orin NX whose sensors all vanished before the start may not be given simulated ones."""
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/compatible").write_bytes(b"nvidia,p3767-0000\0nvidia,tegra234\0")
    lost = station(profile("orin-nx-16gb"), Sysfs(tmp_path), clock)
    sampled = lost.sample(clock.advance(1))
    lost.close()
    assert sampled.absent == ()
    assert isinstance(sampled.temperature, Missing)


def test_a_board_without_a_power_monitor_is_absent_there_only(clock: HandClock) -> None:
    """A Raspberry Pi has a temperature and a light sensor, and no power in its files."""
    pi = station(profile("raspberry-pi-5"), Sysfs(tree("raspberry-pi-5")), clock)
    picture = PictureStats(frame=1, at_us=clock.now_us, mean_ppm=250_000)
    sampled = pi.sample(clock.advance(1), WorkerFacts(picture=picture))
    pi.close()
    assert sampled.absent == ("power",)
    assert seen(sampled.light) == (290_000, "iio:bh1750")


def test_a_profile_for_another_board_falls_back_to_what_is_there(clock: HandClock) -> None:
    """A PC with a profile that names tj-thermal still reads its package."""
    other = station(profile("jetson-thor"), Sysfs(tree("generic-x86")), clock)
    sampled = other.sample(clock.advance(1))
    other.close()
    assert seen(sampled.temperature) == (44_000, "thermal:x86_pkg_temp")


def test_a_gpu_is_read_where_a_driver_is_loaded(tmp_path: Path, clock: HandClock) -> None:
    """The H200 profile takes temperature and power from the library."""
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").write_text("NVRM version: test\n")
    library = FakeNvml()
    server = station(profile("h200"), Sysfs(tmp_path), clock, gpu=lambda index: NvmlGpu(index, lambda: library))
    server.sample(clock.advance(1))
    library.energy_mj += 130_000
    sampled = server.sample(clock.advance(1))
    server.close()
    assert seen(sampled.temperature) == (41_000, "nvml:0")
    assert seen(sampled.power) == (130_000, "nvml:0")


def test_the_picture_gives_the_light_where_no_sensor_does(clock: HandClock) -> None:
    """A calibrated camera alone is enough for light, and its age is the frame's."""
    nano = station(profile("orin-nano-super"), Sysfs(tree("orin-nano-super")), clock, camera=TABLE)
    picture = PictureStats(frame=9, at_us=clock.now_us, mean_ppm=250_000)
    sampled = nano.sample(clock.advance(0.5), WorkerFacts(picture=picture))
    nano.close()
    assert sampled.light == Measured(100_000, 500_000, "camera")


def test_a_calibration_in_the_profile_is_used(clock: HandClock) -> None:
    """camera:MEAN%=LUX under light is all that a fixed camera needs."""
    board = replace(profile("orin-nano-super"), light_sources=("camera:5%=1,25%=100",))
    fixed = station(board, Sysfs(tree("orin-nano-super")), clock)
    sampled = fixed.sample(clock.advance(1), WorkerFacts(picture=PictureStats(frame=1, at_us=clock.now_us, mean_ppm=50_000)))
    fixed.close()
    assert seen(sampled.light) == (1_000, "camera")


def test_a_calibration_that_is_none_is_reported_and_gives_no_light(clock: HandClock) -> None:
    """A slip in the profile costs the camera's light, not the daemon."""
    board = replace(profile("orin-nano-super"), light_sources=("camera:25%=1,5%=100",))
    broken = station(board, Sysfs(tree("orin-nano-super")), clock)
    sampled = broken.sample(clock.advance(1), WorkerFacts(picture=PictureStats(frame=1, at_us=clock.now_us, mean_ppm=250_000)))
    broken.close()
    assert isinstance(sampled.light, Missing)
    assert "ascending" in dict(broken.unresolved)["camera:25%=1,5%=100"]


def test_more_sources_than_threads_are_reported(tmp_path: Path, clock: HandClock) -> None:
    """A profile that names thirty zones gets the first of them, and is told of the rest."""
    for number in range(30):
        folder = tmp_path / f"sys/class/thermal/thermal_zone{number}"
        folder.mkdir(parents=True)
        (folder / "type").write_text(f"zone{number}-thermal\n")
        (folder / "temp").write_text("50000\n")
    board = replace(profile("generic-x86"), temperature_zones=tuple(f"zone{number}-thermal" for number in range(30)))
    many = station(board, Sysfs(tmp_path), clock)
    sampled = many.sample(clock.advance(1))
    many.close()
    assert isinstance(sampled.temperature, Measured)
    assert sum("name fewer" in why for _, why in many.unresolved) == 6


def test_a_pushed_reading_reaches_the_tick(tmp_path: Path, clock: HandClock) -> None:
    """A ROS 2 node's lux arrives through the push API, and goes stale when the node stops."""
    board = replace(profile("generic-x86"), light_sources=("push:ros2-lux",))
    pushed = station(board, Sysfs(tmp_path), clock)
    message = {"quantity": "light", "source": "ros2-lux", "value": 120_000, "stamp_us": 1}
    assert pushed.inbox.push(message, clock.advance(1)) == ""
    assert seen(pushed.sample(clock.now_us).light) == (120_000, "push:ros2-lux")
    assert pushed.inbox.push({**message, "source": "someone"}, clock.now_us) != ""
    assert pushed.sample(clock.advance(2.5)).source("light", "push:ros2-lux") == ("stale", "stale: 2500 ms old")
    pushed.close()


@pytest.mark.parametrize(
    ("quantity", "name"), [("temperature", "temperature_zones"), ("power", "power_rails"), ("light", "light_sources")]
)
@pytest.mark.parametrize("stamp_us", [5, 4])
def test_a_repeated_or_backward_stamp_of_a_sender_is_missing(
    tmp_path: Path, clock: HandClock, quantity: str, name: str, stamp_us: int
) -> None:
    """For every quantity, a sender whose time does not advance is not believed."""
    board = replace(profile("orin-nx-16gb"), **{name: ("push:node",)})
    pushed = station(board, Sysfs(tmp_path), clock)
    message = {"quantity": quantity, "source": "node", "value": 50_000, "stamp_us": 5}
    pushed.inbox.push(message, clock.advance(1))
    assert isinstance(getattr(pushed.sample(clock.now_us), quantity), Measured)
    pushed.inbox.push({**message, "stamp_us": stamp_us}, clock.advance(1))
    reading = getattr(pushed.sample(clock.now_us), quantity)
    pushed.close()
    assert isinstance(reading, Missing)
    assert said(reading).startswith("clock")


def test_a_tick_whose_time_goes_back_has_no_readings(clock: HandClock) -> None:
    """Time that goes back in the daemon itself is Missing everywhere, until it goes on."""
    nano = station(profile("orin-nano-super"), Sysfs(tree("orin-nano-super")), clock)
    nano.sample(clock.advance(1))
    sampled = nano.sample(clock.now_us - 1)
    assert {one.reason for one in sampled.judged} == {MissingReason.CLOCK}
    assert isinstance(nano.sample(clock.advance(1)).temperature, Measured)
    nano.close()


def test_a_camera_that_tells_exposure_and_gain_is_a_light_sensor(clock: HandClock) -> None:
    """With the unit of its gain written down, the same picture at four times the gain was taken in a quarter of the light."""
    board = replace(profile("orin-nx-16gb"), light_sources=("camera:gain=16",))
    light = station(board, Sysfs(tree("orin-nx-16gb")), clock)
    seen_mlx = []
    for frame, gain_raw in enumerate((16, 64)):
        picture = PictureStats(frame=frame, at_us=clock.advance(1), mean_ppm=400_000, exposure_us=10_000, gain_raw=gain_raw)
        reading = light.sample(clock.now_us, WorkerFacts(picture=picture)).light
        assert isinstance(reading, Measured)
        seen_mlx.append(reading.value)
    blind = light.sample(
        clock.advance(1), WorkerFacts(picture=replace(picture, frame=9, at_us=clock.now_us, gain_raw=None))
    ).light
    light.close()
    assert seen_mlx[0] == pytest.approx(4 * seen_mlx[1], rel=0.001)
    assert said(blind) == "camera is not calibrated: adaptd camera calibrate --source SOURCE"


def test_one_moment_of_eagain_is_bridged_with_its_true_age(orin_nx: FaultySysfs, clock: HandClock) -> None:
    """At ten ticks a second a single busy sensor does not throw the device to its reference; a second of it does."""
    board = replace(profile("orin-nx-16gb"), temperature_zones=("tj-thermal",))
    busy = station(board, orin_nx, clock)
    busy.sample(clock.advance(0.1))
    orin_nx.fail("sys/class/thermal/thermal_zone8/temp", errno.EAGAIN)
    readings = [busy.sample(clock.advance(0.1)).temperature for _ in range(10)]
    busy.close()
    assert readings[0] == Measured(58_000, 100_000, "thermal:tj-thermal")
    assert readings[7] == Measured(58_000, 800_000, "thermal:tj-thermal")
    assert said(readings[8]) == "EAGAIN: sensor is off or busy"


def test_a_gated_zone_does_not_hide_the_others(clock: HandClock) -> None:
    """Thor's gpu-thermal cannot be read while the GPU is off; the junction still speaks and the zone is named."""
    thor = station(profile("jetson-thor"), Sysfs(tree("jetson-thor")), clock)
    sampled = thor.sample(clock.advance(1))
    thor.close()
    assert sampled.source("temperature", "thermal:gpu-thermal") == ("failed", "empty")
    assert isinstance(sampled.temperature, Measured)


def test_a_junction_below_another_zone_is_suspect_and_the_hottest_counts(orin_nx: FaultySysfs, clock: HandClock) -> None:
    """tj cannot be 6 K cooler than the processor."""
    orin_nx.say("sys/class/thermal/thermal_zone0/temp", "64001\n")
    hot = station(profile("orin-nx-16gb"), orin_nx, clock)
    sampled = hot.sample(clock.advance(1))
    hot.close()
    assert seen(sampled.temperature) == (64_001, "thermal:cpu-thermal")
    quality, why = sampled.source("temperature", "thermal:tj-thermal")
    assert (quality, "the hottest counts" in why) == ("suspect", True)


def serving(expected_mw: int | None) -> WorkerFacts:
    """A worker that delivers frames."""
    return WorkerFacts(delivered_mfps=15_000, expected_mw=expected_mw)


def test_a_serving_machine_takes_at_least_half_of_its_idle_power(orin_nx: FaultySysfs, clock: HandClock) -> None:
    """2 W on a board that idles at 4.6 W is a rail that lost its current, once frames are delivered."""
    orin_nx.say("sys/class/hwmon/hwmon4/curr1_input", "400\n")
    board = station(profile("orin-nx-16gb"), orin_nx, clock)
    assert seen(board.sample(clock.advance(1)).power) == (2_045, "hwmon:VDD_IN")
    reading = board.sample(clock.advance(1), serving(None)).power
    board.close()
    assert isinstance(reading, Missing)
    assert reading.reason is MissingReason.TOO_LOW


def test_an_assumed_idle_power_refuses_nothing(tmp_path: Path, clock: HandClock) -> None:
    """On a PC nobody knows the idle power, so a low reading is believed."""
    board = replace(profile("generic-x86"), power_rails=("push:meter",))
    pc = station(board, Sysfs(tmp_path), clock)
    pc.inbox.push({"quantity": "power", "source": "meter", "value": 2_000, "stamp_us": 1}, clock.advance(1))
    reading = pc.sample(clock.now_us, serving(20_000)).power
    pc.close()
    assert seen(reading) == (2_000, "push:meter")


def test_half_of_the_expected_power_counts_once_sensor_and_expectation_agreed(orin_nx: FaultySysfs, clock: HandClock) -> None:
    """A wrong expectation refuses no good sensor; a confirmed one names a sensor that lost most of its reading."""
    current = "sys/class/hwmon/hwmon4/curr1_input"
    board = station(profile("orin-nx-16gb"), orin_nx, clock)
    never = [board.sample(clock.advance(1), serving(20_000)).power for _ in range(6)]
    assert all(isinstance(reading, Measured) for reading in never)
    orin_nx.say(current, "3800\n")
    for _ in range(6):
        board.sample(clock.advance(1), serving(20_000))
    orin_nx.say(current, "1500\n")
    reading = board.sample(clock.advance(1), serving(20_000)).power
    board.close()
    assert isinstance(reading, Missing)
    assert reading.reason is MissingReason.TOO_LOW


def test_the_trip_points_of_the_device_are_known(clock: HandClock) -> None:
    """The kernel's own limits are at hand for the comparison with the profile."""
    nano = station(profile("orin-nano-super"), Sysfs(tree("orin-nano-super")), clock)
    nano.close()
    assert min(trip.at_mc for trip in nano.trips if trip.kind == "passive") == 99_000


def test_every_source_has_a_quality_of_its_own(clock: HandClock) -> None:
    """`adaptd status` can say of each source whether it is believed."""
    nano = station(profile("orin-nano-super"), Sysfs(tree("orin-nano-super")), clock)
    assert nano.sample(clock.advance(1)).source("temperature", "thermal:tj-thermal") == ("good", "")
    nano.close()


def test_jtop_is_a_second_source_where_its_service_runs(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile that names jtop:tot gets the total from the child process."""
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parent / 'fake_jtop'}:{ROOT}")
    monkeypatch.setenv("JTOP_SCRIPT", str(tmp_path / "script"))
    (tmp_path / "script").write_text('board {"power": {"tot": {"power": 6210}}, "temperature": {}}\nhang\n')
    (tmp_path / "run").mkdir()
    (tmp_path / "run/jtop.sock").touch()
    board = replace(profile("orin-nano-super"), power_rails=("jtop:tot",))
    command = (sys.executable, "-m", "adaptd.sense.jtop_child")
    with_jtop = JudgedHub(board, SensorHub(board, tmp_path, jtop_command=command))
    pause, reading = threading.Event(), with_jtop.sample(1).power
    for now_us in range(2, 2000):
        if isinstance(reading, Measured):
            break
        pause.wait(0.01)
        reading = with_jtop.sample(max(now_us, with_jtop._pool.clock())).power
    with_jtop.close()
    assert seen(reading) == (6210, "jtop:tot")


def test_without_the_jtop_service_the_name_is_reported(clock: HandClock) -> None:
    """No child is started where there is nothing to talk to."""
    nano = station(profile("orin-nano-super"), Sysfs(tree("orin-nano-super")), clock)
    nano.close()
    assert ("jtop:tot", "the jtop service is not running") in nano.unresolved


@pytest.mark.parametrize(
    ("quantity", "name"),
    [
        ("temperature", "nowhere"),
        ("temperature", "nvml:0"),
        ("power", "A+B"),
        ("power", "battery:BAT9"),
        ("light", "iio:none"),
        ("power", "nvml:x"),
    ],
)
def test_a_name_that_leads_nowhere_has_a_reason(quantity: str, name: str) -> None:
    """Every name in a profile is found or explained."""
    assert isinstance(Catalog(Sysfs(tree("orin-nx-16gb"))).resolve(quantity, parse_name(name)), str)


def test_a_battery_and_a_counter_are_found_by_name() -> None:
    """battery:BAT0:inverted and rapl:package are sources of power."""
    catalog = Catalog(Sysfs(tree("generic-x86")))
    for name in ("battery:BAT0:inverted", "rapl:package"):
        assert len(catalog.resolve("power", parse_name(name))) == 1
    assert [source.name for source in catalog.fallback("power")] == ["rapl:package", "battery:BAT0"]
