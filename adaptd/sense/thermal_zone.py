"""Kernel thermal zones, found by their type: zone numbers differ between boards, kernels and distributions."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from adaptd.sense.source import TEMPERATURE, Source, moved
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Missing, MissingReason

ZONES = "sys/class/thermal/thermal_zone*"
# Constant, estimated or of another part: PMIC-Die answers 100 C on Nano whatever happens (balena-os/balena-jetson issue 142).
DENIED = frozenset({"pmic-die", "pmic", "thermal-fan-est", "int3400"})
# Words of a type that name another part than the processor: radios, cells, disks, skins, power chips, plugs. Qualcomm's vendor
# kernels show currents and charge as zones as well (``ibat-lvl0``, ``vbat``, ``bcl``).
_OTHER_PARTS = re.compile(
    r"(?:^|-)(?:iwlwifi|wifi|wlan|ath\d+k|mt\d+e?|phy\d*|modem|mdm\w*|bat\d*|bq\d+\w*|battery\d*|batt|vbat|ibat|bcl\w*|charger|chg|usb\w*|nvme"
    r"|ssd|sata|disk|skin|quiet|xo|pa|sys|case|ambient|amb|board|tboard|pmic\w*|pm\d+\w*|pmi\d+\w*|pmk\d+\w*|pmr\d+\w*|smb\d+\w*"
    r"|fan|int3400|lcd|display|camera|flash|led|eth|sfp)(?:-|$)"
)
# A constant on many boards (ACPI's own zones), or not in degrees (Qualcomm's ``soc`` is the state of charge beside a ``vbat``).
NAMED_ONLY = frozenset({"acpitz"})
# Which zone speaks first where a profile names none; every other zone that is of the machine is read beside it.
PREFERRED = ("tj", "x86-pkg-temp", "cpu", "soc", "package", "bcm2835", "imx-thermal-zone", "bcpu", "mcpu")
MOST_SINGLE = 10  # zones with a reader of their own; a board with more of them has the rest read as one source
_STEP_MC = 1_000  # x86 zones and Nano show whole or half degrees; what a board really shows is learned from its readings


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip point: at ``at_mc`` the kernel acts (``passive`` slows down, ``critical`` switches off)."""

    kind: str
    at_mc: int


def plain(zone_type: str) -> str:
    """The name without spelling: ``CPU-therm``, ``cpu-thermal`` and ``cpu_thermal`` are one zone."""
    return "-".join(zone_type.lower().replace("_", "-").split()).removesuffix("-thermal").removesuffix("-therm")


def denied(zone_type: str) -> bool:
    """Whether a zone of this type never says how hot the machine is."""
    name = plain(zone_type)
    return name in DENIED or name.rstrip("0123456789").rstrip("-") in DENIED or _OTHER_PARTS.search(name) is not None


class ThermalZone(Source):
    """One zone in millidegrees. Its type is read with every value: zones are numbered anew when a driver is bound anew.

    ``nth`` tells zones of one type apart (two processor packages): 0 for the first, and the second is called ``TYPE#2``.
    """

    quantity = TEMPERATURE

    def __init__(self, sysfs: Sysfs, path: str, zone_type: str, nth: int = 0) -> None:
        super().__init__(f"thermal:{zone_type}" + (f"#{nth + 1}" if nth else ""), step=_STEP_MC)
        self.path = path
        self.zone_type = zone_type
        self._sysfs = sysfs

    def read(self, now_us: int) -> int | Missing:
        told = self._sysfs.read_text(f"{self.path}/type")
        return moved(self, told, self.zone_type, self._sysfs, discover) or self._sysfs.read_int(f"{self.path}/temp")

    def trips(self) -> tuple[Trip, ...]:
        """The trip points of this zone; those that cannot be read are left out."""
        found = []
        for path in self._sysfs.glob(f"{self.path}/trip_point_*_type"):
            kind = self._sysfs.read_text(path)
            at_mc = self._sysfs.read_int(path.removesuffix("_type") + "_temp")
            if isinstance(kind, str) and isinstance(at_mc, int) and at_mc > 0:
                found.append(Trip(kind, at_mc))
        return tuple(found)


class HottestZone(Source):
    """The hottest of several zones, read one after the other: a board with dozens of them needs no thread for each.

    A zone that cannot be read is passed over; Missing once none of them can be.
    """

    quantity = TEMPERATURE

    def __init__(self, zones: Sequence[ThermalZone]) -> None:
        super().__init__(f"thermal:hottest of {len(zones)} more", step=_STEP_MC)
        self.zones = tuple(zones)

    def read(self, now_us: int) -> int | Missing:
        readings = [zone.read(now_us) for zone in self.zones]
        values = [reading for reading in readings if isinstance(reading, int)]
        return max(values) if values else Missing(MissingReason.DEVICE, f"none of {len(self.zones)} zones can be read")


def discover(sysfs: Sysfs) -> list[ThermalZone]:
    """Every zone that is not on the deny-list, in zone order; zones of one type are all taken."""
    zones: list[ThermalZone] = []
    seen: Counter[str] = Counter()
    for path in sysfs.glob(ZONES):
        zone_type = sysfs.read_text(f"{path}/type")
        if isinstance(zone_type, str) and not denied(zone_type):
            zones.append(ThermalZone(sysfs, path, zone_type, seen[zone_type]))
            seen[zone_type] += 1
    return zones


def find(zones: Sequence[ThermalZone], wanted: str) -> list[ThermalZone]:
    """Every zone of the wanted type, exactly spelled or, failing that, spelled the way another JetPack spells it."""
    exact = [zone for zone in zones if zone.zone_type == wanted]
    return exact or [zone for zone in zones if plain(zone.zone_type) == plain(wanted)]


def preferred(zones: Sequence[ThermalZone]) -> list[Source]:
    """The zones a machine without a profile is judged by: the known names first, then every other that is of the machine.

    On a board whose hottest place bears an unknown name the hottest zone counts, so all are read. ``acpitz`` and its like are a
    constant on many boards and are left out.
    """
    usable = [zone for zone in zones if plain(zone.zone_type).rstrip("0123456789") not in NAMED_ONLY and _in_degrees(zone, zones)]
    known = [zone for name in PREFERRED for zone in usable if plain(zone.zone_type) == name]
    ranked = [*known, *(zone for zone in usable if zone not in known)]
    rest = ranked[MOST_SINGLE:]
    return [*ranked[:MOST_SINGLE], *([HottestZone(rest)] if rest else [])]


def _in_degrees(zone: ThermalZone, zones: Sequence[ThermalZone]) -> bool:
    """``soc`` without an ending is Qualcomm's state of charge where the processor has zones by the dozen."""
    return zone.zone_type != "soc" or not any(plain(other.zone_type).startswith(("cpuss", "cpu-0-", "cpu0-")) for other in zones)
