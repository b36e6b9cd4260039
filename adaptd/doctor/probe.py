"""What a machine offers to the sensors, read under the same deadlines as in the daemon: one finding a source, with its remedy."""

import time
from collections.abc import Sequence
from pathlib import Path

from adaptd.base.clock import monotonic_us
from adaptd.brain.judge.judge import Memory, judge
from adaptd.brain.judge.rules import rules_of
from adaptd.brain.judge.words import why_missing
from adaptd.config.profile import HardwareProfile
from adaptd.doctor import Finding, Level
from adaptd.sense import firmware
from adaptd.sense.battery import Battery
from adaptd.sense.board import JETSONS, RASPBERRY_PIS, Board
from adaptd.sense.camera_light import CALIBRATE
from adaptd.sense.catalog import JTOP_SOCKET, Catalog, nvidia_present
from adaptd.sense.deadline import ReaderPool
from adaptd.sense.jtop import first_line
from adaptd.sense.missing_policy import meaning_of
from adaptd.sense.nvml import NvmlGpu, NvmlPower, NvmlTemperature
from adaptd.sense.nvpmodel import Nvpmodel
from adaptd.sense.rapl import Rapl
from adaptd.sense.sensor_hub import SensorHub
from adaptd.sense.source import LIGHT, POWER, TEMPERATURE, Source
from adaptd.sense.sysfs import Sysfs
from adaptd.sense.thermal_zone import ThermalZone, denied
from adaptd.vocabulary import (
    MODE_FAULT_WORDS,
    QUANTITIES,
    Measured,
    MissingReason,
    OperatingPoint,
    Raw,
    RawReading,
    Reading,
    Snapshot,
    Telemetry,
    Unread,
    of_judged,
)

_MOST = 256
_PAUSE_S = 0.2
_LATE_S = 0.6
_STALE_US = 3_000_000  # what the shipped policies say
I2C_LIGHT = "bh1750 0x23"
# The I2C bus at pins 3 and 5 of the developer kits' 40-pin header; where it is not known the person has to look.
_BUSES = {"jetson-nano": "1", "xavier-nx": "8", "orin-nano-super": "7", "orin-nx-16gb": "7", "agx-orin": "7"}
_UNCALIBRATED = "not calibrated: its light stays missing"


def read_all(sources: Sequence[Source]) -> dict[str, Raw]:
    """Every source read twice, a moment apart (counters need a difference); what hangs is Missing after its deadline."""
    pool = ReaderPool(monotonic_us, grace_s=_PAUSE_S, limit=_MOST)
    readers = [(source.quantity + " " + source.name, pool.add(source)) for source in sources]
    pool.collect(monotonic_us())
    if any(isinstance(reader.sample(monotonic_us()), Unread) for _, reader in readers):
        time.sleep(_PAUSE_S)
        pool.collect(monotonic_us())
        if any(reader.busy for _, reader in readers):
            time.sleep(_LATE_S)
    now_us = monotonic_us()
    readings = {name: reader.sample(now_us) for name, reader in readers}
    pool.close()
    return readings


def sensor_findings(sysfs: Sysfs, catalog: Catalog, board: Board) -> list[Finding]:
    """Temperature, power and light sources of this machine, and those that could be added."""
    sources: list[Source] = [*catalog.zones, *catalog.chips, *catalog.rails]
    sources += [*catalog.counters, *catalog.batteries, *catalog.lights]
    if nvidia_present(sysfs) and str(sysfs.root) == "/":
        gpu = NvmlGpu(0)
        sources += [NvmlTemperature(gpu), NvmlPower(gpu)]
    readings = read_all(sources)
    found = [_finding(source, readings[f"{source.quantity} {source.name}"]) for source in sources]
    found += _left_out(sysfs)
    for quantity in (TEMPERATURE, POWER, LIGHT):
        if not any(source.quantity == quantity for source in sources):
            found.append(_nothing(quantity, board))
    return found + _firmware(sysfs) + _jtop(sysfs, board) + _cameras(sysfs) + power_mode(Nvpmodel(sysfs))


def power_mode(board: Nvpmodel) -> list[Finding]:
    """The board's power mode, which figures of engines hold for, and whether adaptd may switch it; nothing on other machines."""
    seen = board.read()
    if board.broken:
        remedy = "mend the file, or install nvidia-l4t-nvpmodel anew"
        return [Finding("machine", "power mode", Level.MISSING, board.broken, remedy)]
    if seen is None:
        return []
    if seen.fault is not None:
        words = f"{MODE_FAULT_WORDS[seen.fault]}: its cores or clocks are not those that /etc/nvpmodel.conf declares"
        return [Finding("machine", "power mode", Level.MISSING, words, "sudo nvpmodel -m ID, then look again")]
    may = f"may switch to {', '.join(name for name, _ in seen.open)}" if seen.open else "may not switch it"
    memory = f", memory clock at most {seen.memory_khz // 1000} MHz" if seen.memory_khz else ""
    words = f"{seen.name}{memory}; adaptd {may}; engines count in the mode they were qualified in"
    return [Finding("machine", "power mode", Level.OK, words)]


def reading_findings(profile: HardwareProfile, root: Path, there: Sequence[Finding] = ()) -> list[Finding]:
    """What the daemon would read now with this profile: every guard and cross-check included.

    ``there`` are the sources that the machine has: one that the profile does not name is pointed out where nothing else is read.
    """
    station = SensorHub(profile, root, grace_s=_PAUSE_S)
    memory, idle = Memory(), Telemetry(False, OperatingPoint("", 0))
    judging = rules_of(_STALE_US, None, profile)
    for _ in range(2):
        now_us = monotonic_us()
        sampled = station.sample(now_us)
        snapshot = Snapshot(now_us, sampled.raw, idle)
        memory, senses = judge(memory, snapshot, judging)
        time.sleep(_PAUSE_S)
    station.close()
    readings = {name: of_judged(snapshot, one, name) for name, one in zip(QUANTITIES, senses.judged, strict=True)}
    unread = {one.area: one.item for one in reversed(there) if one.level is Level.OK}
    found = [
        _reading(quantity, reading, quantity in sampled.absent, unread, unwatched=profile.unwatched)
        for quantity, reading in readings.items()
    ]
    return found + _calibration(profile, readings[LIGHT])


def _calibration(profile: HardwareProfile, light: Reading) -> list[Finding]:
    """A camera without a table or the unit of its gain is no light sensor; better to know before the night."""
    if isinstance(light, Measured) or "camera" not in profile.light_sources:
        return []
    remedy = f"{CALIBRATE}; or write camera:gain=STEPS under sensors.light of a copy of the profile, see docs/sensors.md"
    return [Finding("reading", "light camera", Level.MISSING, _UNCALIBRATED, remedy)]


def _no_thermometer(counts: str, *, unwatched: bool) -> Finding:
    """A machine that cannot say how hot it is serves a source of its own only where its owner has said so."""
    if unwatched:
        return Finding("reading", TEMPERATURE, Level.NOTE, "unwatched, as the profile says: no more than floor_fps is served")
    remedy = (
        "push readings (push:NAME in the profile), or where the machine has none and is kept cool otherwise: "
        "--profile no-thermometer, or sensors.thermometer: none in a profile of its own; floor_fps is then served"
    )
    return Finding("reading", TEMPERATURE, Level.MISSING, f"no sensor: {counts}", remedy)


def _reading(quantity: str, reading: Reading, absent: bool, unread: dict[str, str], *, unwatched: bool = False) -> Finding:
    if isinstance(reading, Measured):
        return Finding("reading", quantity, Level.OK, f"{shown(quantity, reading.value)} from {reading.source}")
    if absent:
        counts = f"counts as {meaning_of(quantity).taken_as}; only the demonstration and --twin simulate it"
        if quantity in unread:
            remedy = f"name {unread[quantity]} in the profile, or give --profile of this board"
            return Finding("reading", quantity, Level.MISSING, f"the profile names no sensor that is here: {counts}", remedy)
        if quantity == TEMPERATURE:
            return _no_thermometer(counts, unwatched=unwatched)
        return Finding("reading", quantity, Level.NOTE, f"no sensor: {counts}")
    if reading.reason is MissingReason.NOT_READ and quantity == LIGHT:
        return Finding("reading", quantity, Level.NOTE, "from the camera, once frames come")
    words = f"{why_missing(reading)}: counts as {meaning_of(quantity).taken_as}"
    return Finding("reading", quantity, Level.MISSING, words, "see the sources above")


def _finding(source: Source, raw: Raw) -> Finding:
    if isinstance(raw, RawReading):
        return Finding(source.quantity, source.name, Level.OK, shown(source.quantity, raw.value) + _extras(source))
    return Finding(source.quantity, source.name, Level.MISSING, raw.text, _remedy(source, raw))


def shown(quantity: str, value: int) -> str:
    """A value in the units a person uses."""
    unit = {TEMPERATURE: "C", POWER: "W", LIGHT: "lux"}[quantity]
    return f"{value / 1000:.{1 if quantity == TEMPERATURE else 2}f} {unit}"


def _extras(source: Source) -> str:
    if not isinstance(source, ThermalZone):
        return f" from {source.node}" if hasattr(source, "node") else ""
    trips = [f"{trip.kind} {trip.at_mc / 1000:g} C" for trip in source.trips() if trip.kind in {"passive", "hot", "critical"}]
    return f" ({', '.join(dict.fromkeys(trips))})" if trips else ""


def _remedy(source: Source, raw: Unread) -> str:
    if raw.reason is MissingReason.NO_ACCESS and isinstance(source, Rapl):
        return "give the service's group the counter: see RAPL in docs/sensors.md for the udev rule"
    if raw.reason is MissingReason.NO_ACCESS:
        return "add the user to the group that owns the file, then log in again"
    if raw.reason is MissingReason.ZERO:
        return "a captured tree stands still; on a running machine the driver is at fault, look at dmesg"
    if raw.reason is MissingReason.UNSUPPORTED and isinstance(source, (NvmlPower, NvmlTemperature)):
        return raw.text.partition(": ")[2] or "nothing to do: this GPU does not tell it"
    if raw.reason is MissingReason.UNSUPPORTED and isinstance(source, Battery):
        return "nothing to do: it counts only while the machine runs from it"
    if isinstance(source, ThermalZone):
        return "nothing to do if another zone speaks: zones of parts that are off or not fitted cannot be read"
    return "check wiring and driver: dmesg shows what the bus said"


def _left_out(sysfs: Sysfs) -> list[Finding]:
    kinds = [sysfs.read_text(path) for path in sysfs.glob("sys/class/thermal/thermal_zone*/type")]
    names = sorted({kind for kind in kinds if isinstance(kind, str) and denied(kind)})
    text = "never read: constant, estimated, or not of the processor"
    return [Finding(TEMPERATURE, f"thermal:{name}", Level.NOTE, text) for name in names]


def _nothing(quantity: str, board: Board) -> Finding:
    remedies = {
        TEMPERATURE: "push readings (push:NAME in the profile); until then adaptd run simulates it and says so",
        POWER: "push readings (push:NAME under power_rails of the profile); until then adaptd run simulates it and says so",
        LIGHT: overlay(board),
    }
    return Finding(quantity, "no sensor", Level.MISSING, f"this machine shows no {quantity} sensor", remedies[quantity])


def overlay(board: Board) -> str:
    """The line that makes an I2C light sensor appear under IIO."""
    if board.profile in RASPBERRY_PIS:
        return "light comes from the camera; for a sensor on I2C add to config.txt: dtoverlay=i2c-sensor,bh1750"
    if board.profile in JETSONS:
        bus = _BUSES.get(board.profile, "BUS")
        node = f"/sys/bus/i2c/devices/i2c-{bus}/new_device"
        which = "" if bus.isdigit() else " (i2cdetect -l lists the buses)"
        return (
            f"light comes from the camera; for a sensor on I2C: sudo modprobe bh1750 && echo {I2C_LIGHT} | sudo tee {node}{which}"
        )
    return f"light comes from the camera; calibrate it: {CALIBRATE}"


def _firmware(sysfs: Sysfs) -> list[Finding]:
    """A Raspberry Pi's own account of under-voltage and throttling."""
    bits = firmware.mask(sysfs)
    if bits is None:
        return []
    if not isinstance(bits, int):
        return [Finding("sensors", "firmware", Level.NOTE, bits.text, "vcgencmd get_throttled shows the same mask")]
    said = firmware.words(bits)
    level = Level.BAD if " now" in said else Level.NOTE if said else Level.OK
    remedy = "use the supply and cable the board asks for, and a cooler" if said else ""
    return [Finding("sensors", "firmware", level, said or "no under-voltage, no throttling since the start", remedy)]


def _jtop(sysfs: Sysfs, board: Board) -> list[Finding]:
    """The service is asked for a line, since a client of another version is refused although the socket is there."""
    if not sysfs.exists(JTOP_SOCKET):
        if board.profile not in JETSONS:
            return []
        remedy = "optional: pip install 'adaptd[jetson]' && sudo jtop --install-service, user in group jtop"
        return [Finding("sensors", "jtop", Level.NOTE, "no service; the kernel's own files are the first source anyway", remedy)]
    if str(sysfs.root) != "/":
        return [Finding("sensors", "jtop", Level.OK, "the service's socket is there")]
    told = first_line()
    if isinstance(told, str):
        remedy = "give client and service one version: pip install 'jetson-stats==VERSION' with the one that jtop --version shows"
        return [Finding("sensors", "jtop", Level.MISSING, told, remedy if "version" in told.lower() else "see `jtop` itself")]
    zones, rails = told.get("temperature_mc"), told.get("power_mw")
    counts = [len(each) if isinstance(each, dict) else 0 for each in (zones, rails)]
    said = f"jetson-stats {told.get('version', '')}: {counts[0]} zones, {counts[1]} rails"
    return [Finding("sensors", "jtop", Level.OK, said)]


def _cameras(sysfs: Sysfs) -> list[Finding]:
    nodes = sysfs.glob("dev/video*")
    if nodes:
        return [Finding("camera", node.rpartition("/")[2], Level.OK, "node is there") for node in nodes]
    return [Finding("camera", "no camera", Level.NOTE, "no /dev/video*", "plug one in, or give --source a file or a pipeline")]
