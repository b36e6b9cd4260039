"""A log that may not be continued is put aside, whole and by name, and a new one begins beside it that says so.

Nothing of the old log is changed or signed anew: its files go into a folder of their own inside the log folder. While that folder
is there, no person has looked, and nothing bolder than the reference runs; moving it away is how a person says "I have seen it".
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from adaptd.base.canonical_json import Plain
from adaptd.base.folder import LOCK_FILE
from adaptd.log.format.epochs import PRIVATE_FOLDER
from adaptd.log.format.store import Store
from adaptd.log.write.ledger import Ledger, LedgerLimits
from adaptd.log.write.no_disk import DISK_FAULTS, unwritten_ledger
from adaptd.log.write.opening import LedgerError, LogUnusableError, open_ledger
from adaptd.log.write.recovery import Found

PREFIX = "quarantine-"


@dataclass(frozen=True, slots=True)
class Opened:
    """A log that can be written, what an earlier run left in it, and what was put aside just now to get there (None: nothing)."""

    ledger: Ledger
    found: Found | None
    put_aside: str | None


def waiting(folder: Path) -> list[str]:
    """Names of the logs in ``folder`` that were put aside and that nobody has moved away yet."""
    try:
        return sorted(one.name for one in folder.iterdir() if one.name.startswith(PREFIX))
    except OSError:
        return []


def open_or_put_aside(
    folder: Path,
    *,
    boot: str,
    mono_us: Callable[[], int],
    utc_ms: Callable[[], int],
    about: dict[str, Plain] | None = None,
    limits: LedgerLimits | None = None,
) -> Opened:
    """Open the log in ``folder``, or where it may not be continued put it aside and begin a new one whose start names it.

    On a disk that takes nothing (read-only, full, failing) the ledger is one that was never ok: the reference serves.

    Raises:
        LedgerError: the folder is in use, or not ours to write; one line with the remedy.
    """
    try:
        return _open_or_put_aside(folder, boot, mono_us, utc_ms, about, limits)
    except (LedgerError, OSError) as error:
        if error.errno not in DISK_FAULTS:
            raise
        ledger = unwritten_ledger(
            folder, error.errno, boot=boot, mono_us=mono_us, utc_ms=utc_ms, about=about or {}, limits=limits
        )
        return Opened(ledger, None, None)


def _open_or_put_aside(
    folder: Path,
    boot: str,
    mono_us: Callable[[], int],
    utc_ms: Callable[[], int],
    about: dict[str, Plain] | None,
    limits: LedgerLimits | None,
) -> Opened:
    try:
        ledger, found = open_ledger(folder, boot=boot, mono_us=mono_us, utc_ms=utc_ms, about=about, limits=limits)
    except LogUnusableError as error:
        name = _free_name(folder, utc_ms())
        put_aside(Store(folder), name)
        old: dict[str, Plain] = {"folder": name, "reason": str(error)[:500]}
        if error.good is not None:
            old |= {"last": error.good[1], "records": error.good[0]}
        about = {**(about or {}), "quarantined": old}
        ledger, found = open_ledger(folder, boot=boot, mono_us=mono_us, utc_ms=utc_ms, about=about, limits=limits)
        return Opened(ledger, found, name)
    return Opened(ledger, found, None)


def put_aside(store: Store, name: str) -> None:
    """Move every file of the log, its private key too, into the folder ``name`` inside it, durably. Raises OSError."""
    lock = store.lock()
    try:
        (store.folder / name).mkdir(mode=0o750)
        # the head goes last: a move that is cut short leaves a log that lacks records, which is put aside as well
        for one in sorted(store.names(), key=lambda one: (one == "head", one)):
            if one != LOCK_FILE:
                store.move_into(one, name)
        with contextlib.suppress(FileNotFoundError):
            store.move_into(PRIVATE_FOLDER, name)
        store.inside(name).sync_folder()
        store.sync_folder()
    finally:
        lock.release()


def _free_name(folder: Path, utc_ms: int) -> str:
    """A name by the device's clock that is not taken."""
    stem = f"{PREFIX}{datetime.fromtimestamp(utc_ms / 1000, tz=timezone.utc):%Y%m%dT%H%M%SZ}"
    taken = set(waiting(folder))
    return next(name for at in range(len(taken) + 1) if (name := stem if not at else f"{stem}-{at}") not in taken)
