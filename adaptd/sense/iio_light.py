"""Ambient light sensors with a kernel driver, through IIO, in millilux.

``in_illuminance_input`` (or ``in_illuminance0_input``) is lux already; otherwise (raw + offset) times scale. What ``scale`` means
and how a saturated chip looks is written down per driver in ``TRAPS``.
"""

from dataclasses import dataclass

from adaptd.sense.source import LIGHT, Source, moved
from adaptd.sense.sysfs import Sysfs, divide
from adaptd.vocabulary import Missing, MissingReason

DEVICES = "sys/bus/iio/devices/iio:device*"
_PROCESSED = ("in_illuminance_input", "in_illuminance[0-9]_input")
_RAW = ("in_illuminance_raw", "in_illuminance[0-9]_raw")
_MICRO = 6
_SATURATED = "saturated: brighter than the sensor can tell"


@dataclass(frozen=True, slots=True)
class Trap:
    """What is known of one driver: whether raw times scale is lux, and which answers mean that the chip is blind."""

    scale_is_lux: bool = True
    saturated_raw: tuple[int, ...] = (65_535,)
    saturated_lux: tuple[int, ...] = ()


TRAPS = {
    "bh1750": Trap(),
    "bh1721": Trap(),
    "tsl2563": Trap(saturated_lux=(65_535, 99_999)),  # and 0 in full sun: judged against the camera in fuse.py
    "tsl2561": Trap(saturated_lux=(65_535, 99_999)),
    "tsl2591": Trap(saturated_lux=(65_535,)),
    "veml6030": Trap(scale_is_lux=False),  # older drivers put the gain into scale
    "veml6035": Trap(scale_is_lux=False),
    "veml7700": Trap(scale_is_lux=False),
}


class IioLight(Source):
    """One light sensor. Negative and all-ones answers are Missing, whatever the driver.

    The chip's name is read with every value: a sensor that was unplugged comes back under another number.
    """

    quantity = LIGHT

    def __init__(self, sysfs: Sysfs, folder: str, chip: str, node: str) -> None:
        super().__init__(f"iio:{chip}")
        self.chip = chip
        self.node = node
        self._sysfs = sysfs
        self._folder = folder
        self._trap = TRAPS.get(chip, Trap())

    def read(self, now_us: int) -> int | Missing:
        lost = moved(self, _chip(self._sysfs, self._folder), self.chip, self._sysfs, discover)
        value = lost or self._millilux()
        if isinstance(value, int) and value < 0:
            return Missing(MissingReason.OUT_OF_RANGE, f"implausible: negative, {value / 1000:g} lux")
        return value

    def _millilux(self) -> int | Missing:
        if self.node.endswith("_input"):
            value = self._sysfs.read_scaled(f"{self._folder}/{self.node}", 3)
            if isinstance(value, int) and value in {lux * 1000 for lux in self._trap.saturated_lux}:
                return Missing(MissingReason.SATURATED, _SATURATED)
            return value
        if not self._trap.scale_is_lux:
            return Missing(
                MissingReason.UNSUPPORTED,
                f"the {self.chip} driver's scale is a gain, so raw times scale is not lux: update the kernel",
            )
        return self._from_raw()

    def _from_raw(self) -> int | Missing:
        raw = self._sysfs.read_int(f"{self._folder}/{self.node}")
        if isinstance(raw, Missing):
            return raw
        if raw < 0 or raw in self._trap.saturated_raw:
            return Missing(MissingReason.SATURATED, _SATURATED if raw > 0 else f"implausible: negative, raw {raw}")
        offset = self._optional("offset", 0)
        scale = self._optional("scale", 10**_MICRO)
        if isinstance(offset, Missing) or isinstance(scale, Missing):
            return offset if isinstance(offset, Missing) else scale
        micro_raw = raw * 10**_MICRO + offset
        return divide(micro_raw * scale, 10 ** (2 * _MICRO - 3))

    def _optional(self, suffix: str, default: int) -> int | Missing:
        """``scale`` or ``offset`` in millionths: of this channel, of all channels, or the neutral one where absent."""
        for stem in (self.node.removesuffix("_raw"), "in_illuminance"):
            path = f"{self._folder}/{stem}_{suffix}"
            if self._sysfs.exists(path):
                return self._sysfs.read_scaled(path, _MICRO)
        return default


def discover(sysfs: Sysfs) -> list[IioLight]:
    """Every IIO device that knows illuminance, with the node that would be read."""
    nodes = {
        folder: [path for pattern in (*_PROCESSED, *_RAW) for path in sysfs.glob(f"{folder}/{pattern}")]
        for folder in sysfs.glob(DEVICES)
    }
    return [IioLight(sysfs, at, str(_chip(sysfs, at)), paths[0].rpartition("/")[2]) for at, paths in nodes.items() if paths]


def _chip(sysfs: Sysfs, folder: str) -> str | Missing:
    """The chip's name; ``unnamed`` for a device that is there and has none."""
    name = sysfs.read_text(f"{folder}/name")
    return "unnamed" if isinstance(name, Missing) and sysfs.exists(folder) else name
