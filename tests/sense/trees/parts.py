"""What a captured device tree is made of: the kernel files that adaptd reads, by kind of chip.

A tree holds the files that adaptd reads, as the kernel of that board shows them: zone types, rail labels, units, trip points and
the ways in which that board's sensors are known to misbehave. Where a number or a name comes from stands in each SOURCE.md.
Zones that answer EAGAIN on the real board cannot do so in a folder; they are left empty, which is as unreadable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Files = dict[str, str]


@dataclass(frozen=True)
class Zone:
    """One thermal zone: type, temperature (empty for one that cannot be read), trips as (type, millidegrees)."""

    kind: str
    temp: str
    trips: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True)
class Tree:
    """One board: its files, and what is known about them."""

    name: str
    files: Files
    sources: Sequence[str]
    assumed: Sequence[str] = field(default_factory=tuple)


def zones(listed: Sequence[Zone]) -> Files:
    """The thermal class."""
    files: Files = {}
    for index, zone in enumerate(listed):
        folder = f"sys/class/thermal/thermal_zone{index}"
        files[f"{folder}/type"] = zone.kind
        files[f"{folder}/temp"] = zone.temp
        files[f"{folder}/mode"] = "enabled"
        for number, (kind, at_mc) in enumerate(zone.trips):
            files[f"{folder}/trip_point_{number}_type"] = kind
            files[f"{folder}/trip_point_{number}_temp"] = str(at_mc)
    return files


def ina3221(number: int, rails: Sequence[tuple[str, int, int]]) -> Files:
    """One INA3221 behind hwmon: label, millivolt, milliampere a channel, and the shunt channels that must not be read."""
    folder = f"sys/class/hwmon/hwmon{number}"
    files = {f"{folder}/name": "ina3221"}
    for channel, (label, millivolt, milliampere) in enumerate(rails, start=1):
        files[f"{folder}/in{channel}_label"] = label
        files[f"{folder}/in{channel}_input"] = str(millivolt)
        files[f"{folder}/curr{channel}_input"] = str(milliampere)
        files[f"{folder}/in{channel + 3}_input"] = str(milliampere * 5)
    files[f"{folder}/in7_label"] = "sum of shunt voltages"
    files[f"{folder}/in7_input"] = str(sum(rail[2] for rail in rails) * 5)
    return files


def iio_ina3221(bus: str, rails: Sequence[tuple[str, int, int]]) -> Files:
    """The same chip as L4T 32 shows it: through IIO, with a power file in milliwatt."""
    folder = f"sys/bus/i2c/drivers/ina3221x/{bus}/iio:device0"
    files: Files = {}
    for channel, (label, millivolt, milliampere) in enumerate(rails):
        files[f"{folder}/rail_name_{channel}"] = label
        files[f"{folder}/in_voltage{channel}_input"] = str(millivolt)
        files[f"{folder}/in_current{channel}_input"] = str(milliampere)
        files[f"{folder}/in_power{channel}_input"] = str(millivolt * milliampere // 1000)
    return files


def hwmon(number: int, name: str, values: Mapping[str, str]) -> Files:
    """Any other hwmon chip."""
    return {f"sys/class/hwmon/hwmon{number}/{key}": value for key, value in {"name": name, **values}.items()}


def iio_light(number: int, name: str, values: Mapping[str, str]) -> Files:
    """A light sensor with a kernel driver."""
    return {f"sys/bus/iio/devices/iio:device{number}/{key}": value for key, value in {"name": name, **values}.items()}


def device_tree(model: str, compatible: str) -> Files:
    """The board's own name and part numbers."""
    return {"proc/device-tree/model": model, "proc/device-tree/compatible": compatible}
