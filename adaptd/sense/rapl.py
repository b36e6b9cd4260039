"""Processor power on x86 from the RAPL energy counters: microjoules that wrap, readable by root alone since Linux 5.10."""

from adaptd.sense.source import POWER, Source
from adaptd.sense.sysfs import Sysfs, divide
from adaptd.vocabulary import Missing, MissingReason

COUNTERS = "sys/class/powercap/intel-rapl:*"
_SHORTEST_US = 20_000


class Rapl(Source):
    """Mean power since the previous read, summed over the counters of one kind (``psys`` or all ``package-N``), in milliwatt.

    The first read and the read over a wrapped counter have no difference to divide and are Missing ("gap"). A counter that stands
    still is Missing too: no processor takes nothing, and 0 W looks frugal.
    """

    quantity = POWER

    def __init__(self, sysfs: Sysfs, kind: str, folders: tuple[str, ...]) -> None:
        super().__init__(f"rapl:{kind}", step=10)
        self.folders = folders
        self._sysfs = sysfs
        self._before: tuple[int, tuple[int, ...]] | None = None

    def read(self, now_us: int) -> int | Missing:
        counters = self._counters()
        if isinstance(counters, Missing):
            self._before = None
            return counters
        return self._difference(now_us, counters)

    def why_not(self, now_us: int) -> Missing | None:
        counters = self._counters()
        return counters if isinstance(counters, Missing) else None

    def _counters(self) -> tuple[int, ...] | Missing:
        counters = []
        for folder in self.folders:
            value = self._sysfs.read_int(f"{folder}/energy_uj")
            if isinstance(value, Missing):
                return Missing(value.reason, f"{value.text} ({folder}/energy_uj)")
            counters.append(value)
        return tuple(counters)

    def _difference(self, now_us: int, counters: tuple[int, ...]) -> int | Missing:
        before = self._before
        if before is not None and now_us - before[0] < _SHORTEST_US:
            return Missing(MissingReason.MOMENTARY, "gap: two reads too close together for an energy counter")
        self._before = (now_us, counters)
        if before is None:
            return Missing(MissingReason.MOMENTARY, "gap: first read of an energy counter")
        if any(new < old for new, old in zip(counters, before[1], strict=True)):
            return Missing(MissingReason.MOMENTARY, "gap: the energy counter wrapped")
        used_uj = sum(counters) - sum(before[1])
        if not used_uj:
            return Missing(MissingReason.ZERO, "the energy counter stands still")
        return divide(used_uj * 1000, now_us - before[0])


def discover(sysfs: Sysfs) -> list[Rapl]:
    """The platform counter where there is one, then the processor packages together; domains inside a package are left out."""
    by_kind: dict[str, list[str]] = {}
    for folder in sysfs.glob(COUNTERS):
        name = sysfs.read_text(f"{folder}/name")
        if isinstance(name, str) and folder.count(":") == 1:
            by_kind.setdefault(name.partition("-")[0], []).append(folder)
    return [Rapl(sysfs, kind, tuple(by_kind[kind])) for kind in ("psys", "package") if kind in by_kind]
