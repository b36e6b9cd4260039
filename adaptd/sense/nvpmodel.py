"""The board's power mode: which one nvpmodel says is in force, whether its caps really are, and which others may be entered.

nvpmodel can fail without a word: over SSH a mode that needs a reboot leaves everything as it was, and so may a value that the
kernel rounds. So the mode counts as in force only where the cores on line and the clocks' caps are those that its file declares.
"""

import os
from collections.abc import Callable

from adaptd.config.nvpmodel import (
    MOST_BYTES,
    DeclaredMode,
    DeclaredModes,
    NvpmodelError,
    PowerModeSetting,
    needs_reboot,
    parse_nvpmodel,
)
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import UNREAD_MODE, Missing, ModeFault, PowerMode

CONF, STATUS = "etc/nvpmodel.conf", "var/lib/nvpmodel/status"
ROUNDED_PCT = 3  # the kernel takes the next frequency of its table
CORES = "CPU_ONLINE"
MEMORY = "EMC"
Access = Callable[[str], bool]


class Nvpmodel:
    """The modes of one machine, below ``sysfs.root``. Reading never blocks for long: a dozen kernel attributes."""

    def __init__(self, sysfs: Sysfs, may_write: Access | None = None) -> None:
        self._sysfs = sysfs
        self._may_write = may_write or (lambda path: os.access(sysfs.root / path.lstrip("/"), os.W_OK))
        self.broken = ""
        self.declared = self._declared()

    def read(self) -> PowerMode | None:
        """The mode in force; None where the machine has none. ``fault`` says that it cannot be read or is not what it says."""
        if self.declared is None:
            return None
        here = self.here()
        if here is None or not self._holds(here):
            return PowerMode(UNREAD_MODE, 0, fault=ModeFault.UNREADABLE)
        return PowerMode(here.name, self._memory_khz(here), self._open(here))

    def here(self) -> DeclaredMode | None:
        """The mode that nvpmodel says is in force."""
        text = self._sysfs.read_text(STATUS)
        if isinstance(text, Missing) or self.declared is None:
            return None
        number = text.partition("pmode:")[2].split(maxsplit=1)
        return self.declared.by_number(int(number[0])) if number and number[0].isdigit() else None

    def _declared(self) -> DeclaredModes | None:
        try:
            return parse_nvpmodel(self._sysfs.read_bytes(CONF, MOST_BYTES).decode("utf-8", "replace"), f"/{CONF}")
        except OSError:
            return None
        except NvpmodelError as error:
            self.broken = str(error)
            return None

    def _holds(self, mode: DeclaredMode) -> bool:
        told = [one for one in mode.settings if one.argument == "MAX_FREQ" or one.parameter == CORES]
        return all(self._as_set(one) for one in told if one.parameter != MEMORY)

    def _as_set(self, one: PowerModeSetting) -> bool:
        """Whether a kernel file says what the mode sets; one that is not there, or is not to be capped, says nothing."""
        said = self._sysfs.read_int(one.path)
        if isinstance(said, Missing) or not one.value.lstrip("-").isdigit():
            return True
        wanted = int(one.value)
        if not one.clock:
            return said == wanted
        return wanted <= 0 or abs(said - wanted) * 100 <= ROUNDED_PCT * wanted

    def _memory_khz(self, mode: DeclaredMode) -> int:
        """The cap of the memory clock that is in force: the mode's, or what somebody has set beside it."""
        for one in mode.settings:
            if (one.parameter, one.argument) == (MEMORY, "MAX_FREQ") and not self._as_set(one):
                said = self._sysfs.read_int(one.path)
                return max(0, said) // 1000 if isinstance(said, int) else mode.memory_khz
        return mode.memory_khz

    def _open(self, here: DeclaredMode) -> tuple[tuple[str, int], ...]:
        """Modes that may be entered from here: no reboot, and the right to write everything that would change."""
        assert self.declared is not None, "asked after read"
        others = [mode for mode in self.declared.modes if mode is not here and not needs_reboot(here, mode)]
        return tuple((mode.name, mode.memory_khz) for mode in others if self._may_enter(here, mode))

    def _may_enter(self, here: DeclaredMode, there: DeclaredMode) -> bool:
        now = {(one.parameter, one.argument): one.value for one in here.settings}
        changed = [one.path for one in there.settings if now.get((one.parameter, one.argument)) != one.value]
        there_is = [path for path in changed if self._sysfs.exists(path)]
        return self._may_write(STATUS) and all(self._may_write(path) for path in there_is)
