"""A log for a disk that takes nothing from the start: records stay in memory, within bounds, and the reference serves.

A device must not be dead because its disk is read-only or full when it boots. Nothing that such a run decides is on record, the
state says so from the first moment, and a log that lies in the folder is left exactly as it is: the next start goes on with it.
"""

import errno
from collections.abc import Callable
from pathlib import Path

from adaptd.base.canonical_json import Plain
from adaptd.log.format.epochs import KeyFolder
from adaptd.log.format.keys import Signer
from adaptd.log.format.store import Store
from adaptd.log.write.ledger import Ledger, LedgerLimits

DISK_FAULTS = {
    errno.EROFS: "it is read-only",
    errno.EIO: "it fails",
    errno.ENOSPC: "it is full",
    errno.EDQUOT: "the quota is used up",
    errno.ENXIO: "the device is gone",
    errno.ENODEV: "the device is gone",
}


class NoDisk(Store):
    """A folder that holds nothing and takes nothing."""

    def __init__(self, folder: Path, number: int) -> None:
        super().__init__(folder)
        self._number = number

    def inside(self, name: str) -> "NoDisk":
        return NoDisk(self.folder / name, self._number)

    def names(self) -> list[str]:
        return []

    def make_folder(self, mode: int = 0o750) -> None:
        raise OSError(self._number, DISK_FAULTS[self._number])

    def read(self, name: str) -> bytes:
        raise FileNotFoundError(errno.ENOENT, "nothing is here", name)

    def create(self, name: str, *, secret: bool = False) -> int:
        raise OSError(self._number, DISK_FAULTS[self._number], name)

    def open(self, name: str) -> int:
        raise OSError(self._number, DISK_FAULTS[self._number], name)


def unwritten_ledger(
    folder: Path,
    number: int,
    *,
    boot: str,
    mono_us: Callable[[], int],
    utc_ms: Callable[[], int],
    about: dict[str, Plain],
    limits: LedgerLimits | None = None,
) -> Ledger:
    """A ledger that was never ok: ``number`` is the errno with which the disk refused the folder."""
    store = NoDisk(folder, number)
    ledger = Ledger(store, KeyFolder(store), Signer.generate(), mono_us=mono_us, utc_ms=utc_ms, limits=limits or LedgerLimits())
    ledger.begin_degraded(f"{folder} took nothing at the start ({DISK_FAULTS[number]}): mend the disk, then restart adaptd")
    ledger.append("start", {**about, "boot_id": boot})
    return ledger
