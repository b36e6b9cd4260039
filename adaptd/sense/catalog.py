"""From the names in a profile to the sources on this machine.

    temperature_zones   ZONE_TYPE | thermal:ZONE_TYPE | hwmon:CHIP | nvml:INDEX | jtop:ZONE | push:NAME
    power_rails         LABEL | hwmon:LABEL | LABEL+LABEL | rapl:psys | rapl:package | battery:NAME[:inverted] | battery:all
                        nvml:INDEX | jtop:RAIL | push:NAME
    light               iio | iio:CHIP | camera | camera:MEAN%=LUX,... | camera:gain=STEPS | push:NAME

A name that leads nowhere on this machine is reported with the reason; what the profile does not name is looked for by type.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adaptd.sense import battery, chip_temperature, hwmon, iio_light, rapl, thermal_zone
from adaptd.sense.nvml import NvmlGpu, NvmlPower, NvmlTemperature
from adaptd.sense.source import LIGHT, POWER, TEMPERATURE, Source
from adaptd.sense.sysfs import Sysfs

TOTAL_RAILS = ("VDD_IN", "POM_5V_IN", "VIN")
JTOP_SOCKET = "run/jtop.sock"
NVIDIA_DRIVER = ("proc/driver/nvidia/version", "dev/nvidiactl")
_KINDS = ("thermal", "hwmon", "nvml", "jtop", "push", "rapl", "battery", "iio", "camera")


@dataclass(frozen=True, slots=True)
class Named:
    """A profile's name taken apart: ``kind`` is empty for a zone type, a rail or a sum of rails."""

    text: str
    kind: str
    key: str


def parse_name(text: str) -> Named:
    """``jtop:tj`` is kind jtop, key tj; ``VDD_IN`` is a rail; ``camera`` is the camera without a table."""
    kind, _, key = text.strip().partition(":")
    return Named(text.strip(), kind, key) if kind in _KINDS else Named(text.strip(), "", text.strip())


def nvidia_present(sysfs: Sysfs) -> bool:
    """Whether NVIDIA's driver is loaded on this machine."""
    return any(sysfs.exists(path) for path in NVIDIA_DRIVER)


class Catalog:
    """What one machine offers, looked up once."""

    def __init__(self, sysfs: Sysfs, gpu: Callable[[int], NvmlGpu] = NvmlGpu) -> None:
        self._sysfs = sysfs
        self._known_gpus: dict[int, NvmlGpu] = {}
        self._make_gpu = gpu
        self.zones = thermal_zone.discover(sysfs)
        self.chips = chip_temperature.discover(sysfs)
        self.rails = hwmon.discover_rails(sysfs)
        self.counters = rapl.discover(sysfs)
        self.batteries = battery.discover(sysfs)
        self.lights = iio_light.discover(sysfs)

    def resolve(self, quantity: str, name: Named) -> list[Source] | str:
        """The blocking sources behind a name, or why there are none. Camera, jtop and push are the station's own.

        A source's own name, as `adaptd doctor` and status show it (``thermal:tj-thermal``, ``hwmon:VDD_IN``), is a name as well.
        """
        found = {TEMPERATURE: self._temperature, POWER: self._power, LIGHT: self._light}[quantity](name)
        found = found or [source for source in self._all(quantity) if source.name == name.text]
        return found or _WHY.get(name.kind, "not on this machine")

    def fallback(self, quantity: str) -> list[Source]:
        """What to take where the profile's names lead nowhere, or to nothing that can be read."""
        if quantity == TEMPERATURE:
            own = [chip for chip in self.chips if not (self.zones and chip_temperature.mirrors_a_zone(chip))]
            return [*thermal_zone.preferred(self.zones), *own]
        if quantity == POWER:
            totals = [rail for rail in self.rails if rail.label in TOTAL_RAILS]
            return [*totals, *self.counters, *battery.together(self.batteries)]
        return list(self.lights)

    def _all(self, quantity: str) -> list[Source]:
        everything: tuple[Source, ...] = (*self.zones, *self.chips, *self.rails, *self.counters, *self.batteries, *self.lights)
        return [source for source in everything if source.quantity == quantity]

    def _temperature(self, name: Named) -> list[Source]:
        if name.kind in ("", "thermal"):
            return list(thermal_zone.find(self.zones, name.key))
        if name.kind == "hwmon":
            return [chip for chip in self.chips if chip.chip == name.key]
        return [NvmlTemperature(gpu) for gpu in self._gpus(name)]

    def _power(self, name: Named) -> list[Source]:
        if name.kind in ("", "hwmon"):
            return self._rail(name.key.split("+"))
        if name.kind == "rapl":
            return [counter for counter in self.counters if counter.name == name.text]
        if name.kind == "battery":
            supply, _, inverted = name.key.partition(":")
            if supply == "all":
                return battery.together(self.batteries)
            here = [item for item in self.batteries if item.supply == supply]
            return [battery.Battery(self._sysfs, supply, inverted == "inverted")] if here else []
        return [NvmlPower(gpu) for gpu in self._gpus(name)]

    def _light(self, name: Named) -> list[Source]:
        return [light for light in self.lights if name.kind == "iio" and name.key in {"", light.chip}]

    def _rail(self, labels: Sequence[str]) -> list[Source]:
        by_label = {rail.label: rail for rail in self.rails}
        if any(label not in by_label for label in labels):
            return []
        rails = [by_label[label] for label in labels]
        return [rails[0] if len(rails) == 1 else hwmon.RailSum(rails)]

    def _gpus(self, name: Named) -> list[NvmlGpu]:
        if name.kind != "nvml" or not name.key.isdigit() or not nvidia_present(self._sysfs):
            return []
        return [self._known_gpus.setdefault(int(name.key), self._make_gpu(int(name.key)))]


_WHY = {
    "": "no such zone or rail on this machine",
    "thermal": "no such zone on this machine",
    "hwmon": "no such chip or rail on this machine",
    "nvml": "no NVIDIA driver on this machine, or the name is not nvml:INDEX",
    "rapl": "no such energy counter on this machine",
    "battery": "no such battery on this machine",
    "iio": "no such light sensor on this machine",
}
