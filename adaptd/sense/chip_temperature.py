"""A processor's temperature from its hwmon chip, for machines whose thermal zones lack it or know only one of two packages.

coretemp labels its package ``Package id 0``, on older kernels ``Physical id 0``, and in some virtual machines only its cores;
k10temp has ``Tctl`` (with an offset on first Ryzens, so never below the die) and ``Tdie``, and on older kernels no label at all.
"""

import re
from collections import Counter
from collections.abc import Sequence

from adaptd.sense.source import TEMPERATURE, Source, moved
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Missing

HWMON = "sys/class/hwmon/hwmon*"
_PACKAGE = re.compile(r"(Package|Physical) id \d+|Tctl|Tdie", re.IGNORECASE)
CHIPS = ("coretemp", "k10temp", "k8temp", "zenpower", "via_cputemp")
# The kernel shows a thermal zone once more as a chip of this name; it is read where the zones themselves are not there.
_MIRRORS = re.compile(
    r"(cpu|soc|bigcore\d*|littlecore|center|package|tj|imx|bcm2835)\d*_thermal(_zone)?|cpu_thermal|scpi_sensors"
)


class ChipTemperature(Source):
    """The hottest of a chip's own inputs, in millidegrees: its package where it has one, else all of its cores.

    ``nth`` tells chips of one name apart (two processors): the second is called ``hwmon:coretemp#2``. An input that cannot be
    read makes the chip Missing: the one that fails may be the hot one.
    """

    quantity = TEMPERATURE

    def __init__(self, sysfs: Sysfs, chip: str, folder: str, paths: Sequence[str], nth: int = 0) -> None:
        super().__init__(f"hwmon:{chip}" + (f"#{nth + 1}" if nth else ""), step=1000)
        self.chip = chip
        self.folder = folder
        self.paths = tuple(paths)
        self._sysfs = sysfs

    def read(self, now_us: int) -> int | Missing:
        lost = moved(self, self._sysfs.read_text(f"{self.folder}/name"), self.chip, self._sysfs, discover)
        if lost is not None:
            return lost
        values = [self._sysfs.read_int(path) for path in self.paths]
        lost = next((value for value in values if isinstance(value, Missing)), None)
        return lost or max(value for value in values if isinstance(value, int))


def discover(sysfs: Sysfs) -> list[ChipTemperature]:
    """Every processor chip with an input; several of one name are all taken."""
    found: list[ChipTemperature] = []
    seen: Counter[str] = Counter()
    for folder in sysfs.glob(HWMON):
        chip = sysfs.read_text(f"{folder}/name")
        if not isinstance(chip, str) or not (chip in CHIPS or _MIRRORS.fullmatch(chip)):
            continue
        paths = _inputs(sysfs, folder)
        if paths:
            found.append(ChipTemperature(sysfs, chip, folder, paths, seen[chip]))
            seen[chip] += 1
    return found


def mirrors_a_zone(chip: ChipTemperature) -> bool:
    """Whether the chip only shows again what a thermal zone shows."""
    return chip.chip not in CHIPS


def _inputs(sysfs: Sysfs, folder: str) -> list[str]:
    """The package's input where one is labelled so, else every input there is."""
    inputs = sysfs.glob(f"{folder}/temp*_input")
    labels = {path: sysfs.read_text(path.removesuffix("_input") + "_label") for path in inputs}
    package = [path for path, label in labels.items() if isinstance(label, str) and _PACKAGE.fullmatch(label)]
    return package or inputs
