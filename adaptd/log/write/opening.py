"""Opening a log folder for writing: lock, recover what a crash left, begin a segment, record the start, begin a key epoch."""

import errno
from collections.abc import Callable
from pathlib import Path

from adaptd.base.canonical_json import Plain
from adaptd.base.folder import FolderBusyError, FolderLock
from adaptd.log.format.epochs import PRIVATE_FOLDER, PUBLIC_FILE, KeyFolder
from adaptd.log.format.keys import KeyFileError, Signer
from adaptd.log.format.note import NoteError, verifier_key_text
from adaptd.log.format.store import Store
from adaptd.log.write.ledger import Ledger, LedgerLimits
from adaptd.log.write.recovery import Found, LogDamagedError, clear_end, find_end


class LedgerError(RuntimeError):
    """The log cannot be opened for writing. The text is one line with the remedy; ``errno`` is the disk's, if it was the disk."""

    errno: int | None = None


class LogUnusableError(LedgerError):
    """The log in the folder may not be continued. ``good``: sound records, and the hash of the last line, where that is known."""

    def __init__(self, text: str, good: tuple[int, str] | None = None) -> None:
        super().__init__(text)
        self.good = good


def open_ledger(
    folder: Path,
    *,
    boot: str,
    mono_us: Callable[[], int],
    utc_ms: Callable[[], int],
    about: dict[str, Plain] | None = None,
    limits: LedgerLimits | None = None,
    store: Store | None = None,
    keys: KeyFolder | None = None,
) -> tuple[Ledger, Found | None]:
    """Open ``folder`` for writing, or create the log; also returns what was found of an earlier run.

    ``boot`` is the kernel's boot id, within which ``mono_us`` never goes back; ``about`` is added to the ``start`` record.
    Raises LedgerError with one line that holds the remedy, LogUnusableError where what is there may not be continued.
    """
    store = store or Store(folder)
    keys = keys or KeyFolder(store.inside(PRIVATE_FOLDER))
    lock = None
    try:
        store.make_folder()
        lock = store.lock()
        found = _find_end(store)
        ledger = _ready(store, keys, found, mono_us, utc_ms, limits or LedgerLimits())
    except (LogDamagedError, _KeyLostError) as error:
        _release(lock)
        raise LogUnusableError(str(error), getattr(error, "good", None)) from None
    except (FolderBusyError, KeyFileError, NoteError) as error:
        _release(lock)
        raise LedgerError(str(error)) from None
    except OSError as error:
        _release(lock)
        refused = LedgerError(
            f"{folder}: cannot write the audit log ({error.strerror or error}); give the service a writable folder with --audit"
        )
        refused.errno = error.errno
        raise refused from None
    ledger.lock = lock
    _record_start(ledger, found, boot, about or {})
    return ledger, found


class _KeyLostError(RuntimeError):
    pass


def _find_end(store: Store) -> Found | None:
    """The end of the log; a sector that cannot be read is damage, and not a folder that cannot be written."""
    try:
        return find_end(store)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        raise LogDamagedError(
            f"{store.folder}: a file of the log cannot be read ({error.strerror}), so what was acknowledged cannot be known; "
            f"check with 'adaptd audit verify {store.folder}', then move the folder away to start a new log"
        ) from None


def _release(lock: FolderLock | None) -> None:
    if lock is not None:
        lock.release()


def _ready(
    store: Store,
    keys: KeyFolder,
    found: Found | None,
    mono_us: Callable[[], int],
    utc_ms: Callable[[], int],
    limits: LedgerLimits,
) -> Ledger:
    """A ledger that continues what was found, with its files prepared."""
    signer = _signer(store, keys, found)
    ledger = Ledger(store, keys, signer, mono_us=mono_us, utc_ms=utc_ms, limits=limits)
    if found is not None and found.head is not None:
        stale = not clear_end(store, found)
        ledger.resume(
            found.chain,
            0 if found.boot is None else found.boot + 1,
            segment=found.segment,
            length=found.kept_bytes,
            turn=found.head.turn,
            stale=stale,
        )
    ledger.prepare()
    return ledger


def _signer(store: Store, keys: KeyFolder, found: Found | None) -> Signer:
    if found is None:
        signer = keys.load() or keys.create()
        if signer.epoch != 0:
            raise _KeyLostError(f"{store.folder}: the private key beside this empty log belongs to another log; remove it")
        text = verifier_key_text(signer.verifier_key) + "\n"
        if PUBLIC_FILE not in store.names() or store.read(PUBLIC_FILE).decode("utf-8", "replace") != text:
            store.write_file(PUBLIC_FILE, text.encode())
        return signer
    current = keys.settle(found.epoch, found.public)
    if current is None:
        raise _KeyLostError(
            f"{store.folder}: the private key of epoch {found.epoch} is missing; restore it or move the folder away"
        )
    return current


def _record_start(ledger: Ledger, found: Found | None, boot: str, about: dict[str, Plain]) -> None:
    """Say which boot this is, what the last run left behind, and close its intents that have no result."""
    fields: dict[str, Plain] = {
        **about,
        "boot_id": boot,
        "silence_us": ledger.limits.silence_us,
        "window_us": ledger.limits.window_us,
    }
    if found is not None and found.chain.size:
        fields["before"] = {"clean": found.stopped, "mono_us": found.mono_us, "torn_bytes": found.torn_bytes}
    ledger.append("start", fields)
    for act in found.open_acts if found is not None else ():
        ledger.append("result", {"act": act, "outcome": "interrupted"})
    ledger.sync()
    if found is not None:
        ledger.hand_over()
