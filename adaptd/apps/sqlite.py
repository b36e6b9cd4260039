"""What the stores of the applications share: one SQLite file, one writer, migrations, and errors in one line with the remedy.

Write-ahead log, every commit synced (``synchronous=FULL``): after a power cut the file holds every commit up to the last.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path


class StoreError(Exception):
    """The store cannot be used. ``str(error)`` is one line with the remedy."""


class SqliteStore:
    """``writer`` takes the lock; readers need none. ``migrations`` each take the file one version on and are never changed."""

    def __init__(self, path: Path, migrations: Sequence[str], starter: str, *, writer: bool = False) -> None:
        self.path = path
        self._lock: int | None = None
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            try:
                if writer:
                    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
                    self._lock = _lock(path)
                elif not path.is_file():
                    raise StoreError(f"{path}: nothing was recorded yet, start `{starter}`")
                self.base = sqlite3.connect(path, timeout=5.0, isolation_level=None)
                self.base.execute("PRAGMA journal_mode = WAL")
                self.base.execute("PRAGMA synchronous = FULL")
                self._migrate(migrations)
            except sqlite3.OperationalError as error:
                remedy = "make room on the disk, see who may write there, or name another --db"
                raise StoreError(f"{path}: cannot be used ({error}); {remedy}") from None
            except sqlite3.DatabaseError as error:
                raise StoreError(f"{path}: cannot be used as a store ({error}), move it away or name another --db") from None
            except OSError as error:
                raise StoreError(f"{path}: cannot be used ({error.strerror}), name another --db") from None
            on_failure.pop_all()

    def close(self) -> None:
        """Give file and lock back."""
        if hasattr(self, "base"):
            self.base.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.base.execute("COMMIT")
        finally:
            if self.base.in_transaction:  # a full disk may have rolled back already
                self.base.execute("ROLLBACK")

    def _migrate(self, migrations: Sequence[str]) -> None:
        version, known = int(self.base.execute("PRAGMA user_version").fetchone()[0]), len(migrations)
        if version > known:
            raise StoreError(
                f"{self.path}: is of version {version}, this adaptd knows {known}; install the newer adaptd or name another --db"
            )
        for number in range(version, known):
            self.base.executescript(f"BEGIN IMMEDIATE; {migrations[number]} PRAGMA user_version = {number + 1}; COMMIT;")


def _lock(path: Path) -> int:
    """One writer a store; the kernel lets go when the process ends, however it ends."""
    held = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(held, 32, 0).decode("ascii", "replace").strip() or "another process"
        os.close(held)
        raise StoreError(f"{path}: process {holder} records here already; stop it or name another --db") from None
    os.ftruncate(held, 0)
    os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
    return held
