"""Kernel thermal zones, found by their type: zone numbers differ between boards, kernels and distributions."""

from dataclasses import dataclass

from adaptd.sense.source import TEMPERATURE, Source, elsewhere
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Missing

ZONES = "sys/class/thermal/thermal_zone*"
# Constant, estimated or of another part: PMIC-Die answers 100 C on Nano whatever happens (balena-os/balena-jetson issue 142).
DENIED = frozenset({"pmic-die", "pmic", "thermal-fan-est", "iwlwifi", "int3400"})
# Which zone speaks where a profile names none, best first; acpitz is a constant on many boards and must be named to be read.
PREFERRED = ("tj", "x86-pkg-temp", "cpu", "soc")
_STEP_MC = 1_000  # x86 zones and Nano show whole or half degrees; what a board really shows is learned from its readings


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip point: at ``at_mc`` the kernel acts (``passive`` slows down, ``critical`` switches off)."""

    kind: str
    at_mc: int


def plain(zone_type: str) -> str:
    """The name without spelling: ``CPU-therm``, ``cpu-thermal`` and ``cpu_thermal`` are one zone."""
    name = zone_type.strip().lower().replace("_", "-")
    for ending in ("-thermal", "-therm"):
        name = name.removesuffix(ending)
    return name


def denied(zone_type: str) -> bool:
    """Whether a zone of this type never says how hot the machine is."""
    name = plain(zone_type)
    return name in DENIED or name.rstrip("0123456789").rstrip("-") in DENIED


class ThermalZone(Source):
    """One zone in millidegrees. Its type is read with every value: zones are numbered anew when a driver is bound anew."""

    quantity = TEMPERATURE

    def __init__(self, sysfs: Sysfs, path: str, zone_type: str) -> None:
        super().__init__(f"thermal:{zone_type}", step=_STEP_MC)
        self.path = path
        self.zone_type = zone_type
        self._sysfs = sysfs

    def read(self, now_us: int) -> int | Missing:
        told = self._sysfs.read_text(f"{self.path}/type")
        if told != self.zone_type and not self._find_again():
            return elsewhere(told, self.zone_type)
        return self._sysfs.read_int(f"{self.path}/temp")

    def trips(self) -> tuple[Trip, ...]:
        """The trip points of this zone; those that cannot be read are left out."""
        found = []
        for path in self._sysfs.glob(f"{self.path}/trip_point_*_type"):
            kind = self._sysfs.read_text(path)
            at_mc = self._sysfs.read_int(path.removesuffix("_type") + "_temp")
            if isinstance(kind, str) and isinstance(at_mc, int) and at_mc > 0:
                found.append(Trip(kind, at_mc))
        return tuple(found)

    def _find_again(self) -> bool:
        zone = next((zone for zone in discover(self._sysfs) if zone.zone_type == self.zone_type), None)
        if zone is not None:
            self.path = zone.path
        return zone is not None


def discover(sysfs: Sysfs) -> list[ThermalZone]:
    """Every zone that is not on the deny-list, in zone order; of two zones with one type the first is taken."""
    zones: dict[str, ThermalZone] = {}
    for path in sysfs.glob(ZONES):
        zone_type = sysfs.read_text(f"{path}/type")
        if isinstance(zone_type, str) and not denied(zone_type):
            zones.setdefault(zone_type, ThermalZone(sysfs, path, zone_type))
    return list(zones.values())


def find(zones: list[ThermalZone], wanted: str) -> ThermalZone | None:
    """The zone of the wanted type, exactly spelled or, failing that, spelled the way another JetPack spells it."""
    exact = [zone for zone in zones if zone.zone_type == wanted]
    alike = [zone for zone in zones if plain(zone.zone_type) == plain(wanted)]
    return next(iter(exact + alike), None)


def preferred(zones: list[ThermalZone]) -> list[ThermalZone]:
    """The zones a machine without a profile is judged by: the junction first, then the processor."""
    return [zone for name in PREFERRED for zone in zones if plain(zone.zone_type) == name]
