"""The feeder's store: one SQLite file, one writer, safe against power loss.

Write-ahead log, every commit synced (``synchronous=FULL``): after a cut the file holds every commit up to the last, and at
most the time since that commit is missing. Sums are added, never overwritten, in one transaction with the bouts that they
belong to.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from adaptd.apps.feeder.schema import NewerStoreError, migrate
from adaptd.apps.feeder.settings import DAY_US, SECOND_US
from adaptd.apps.feeder.tally import Tally


class StoreError(Exception):
    """The store cannot be used. ``str(error)`` is one line with the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBout:
    """A bout in UTC microseconds. The order of fields is that of the table."""

    pet: str
    start_us: int
    end_us: int
    eating_us: int
    pauses: int
    score_ppm: int
    band: str
    sure: bool
    ending: str


class Store:
    """``writer`` takes the lock; readers need none."""

    def __init__(self, path: Path, *, writer: bool = False) -> None:
        self.path = path
        self._lock: int | None = None
        try:
            if writer:
                path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
                self._lock = _lock(path)
            elif not path.is_file():
                raise StoreError(f"{path}: nothing was recorded yet, start `adaptd feeder run`")
            self.base = sqlite3.connect(path, timeout=5.0, isolation_level=None)
            self.base.execute("PRAGMA journal_mode = WAL")
            self.base.execute("PRAGMA synchronous = FULL")
            migrate(self.base, str(path))
        except NewerStoreError as error:
            self.close()
            raise StoreError(str(error)) from None
        except sqlite3.DatabaseError as error:
            self.close()
            raise StoreError(
                f"{path}: cannot be used as the feeder's store ({error}), move it away or name another --db"
            ) from None
        except OSError as error:
            raise StoreError(f"{path}: cannot be used ({error.strerror}), name another --db") from None
        if writer:
            self.end_open_bouts()

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

    def write(
        self, tally: Tally, bouts: Iterable[StoredBout], going_on: dict[tuple[str, int], StoredBout], merge_us: int
    ) -> None:
        """One flush, whole or not at all.

        Raises:
            sqlite3.Error: the disk is full or failed; nothing was written.
        """
        with self.transaction():
            self._add_sums(tally)
            for bout in bouts:
                self._add_bout(bout, merge_us)
            self.base.execute("DELETE FROM open_bouts")
            rows = [(pet, track, *astuple(bout)[1:8]) for (pet, track), bout in going_on.items()]
            self.base.executemany("INSERT INTO open_bouts VALUES(?,?,?,?,?,?,?,?,?)", rows)

    def end_open_bouts(self) -> None:
        """A bout that a crash left open is over, at its last moment that was written. What goes on is merged with it."""
        with self.transaction():
            self.base.execute(
                "INSERT INTO bouts(pet, start_us, end_us, eating_us, pauses, score_ppm, band, sure, ending) "
                "SELECT pet, start_us, end_us, eating_us, pauses, score_ppm, band, sure, 'cut' FROM open_bouts"
            )
            self.base.execute("DELETE FROM open_bouts")

    def clock_stepped(self, at_us: int, by_us: int) -> None:
        """Remember that the wall clock jumped."""
        self.base.execute("INSERT INTO clock_steps VALUES(?,?)", (at_us, by_us))

    def prune(self, now_us: int, keep_windows_days: int, keep_days: int) -> None:
        """Forget windows and bouts that are too old; days stay longer."""
        before_us = now_us - keep_windows_days * DAY_US
        with self.transaction():
            for table in ("windows", "eating", "basis"):
                self.base.execute(f"DELETE FROM {table} WHERE start_s < ?", (before_us // SECOND_US,))  # noqa: S608 - our names
            self.base.execute("DELETE FROM bouts WHERE start_us < ?", (before_us,))
            oldest = f"-{keep_days} days"
            self.base.execute("DELETE FROM days WHERE day < date(?, 'unixepoch', ?)", (now_us // SECOND_US, oldest))

    def _add_sums(self, tally: Tally) -> None:
        self.base.executemany(
            "INSERT INTO windows VALUES(?,?,?) ON CONFLICT DO UPDATE SET seen_us = seen_us + excluded.seen_us, "
            "sure_us = sure_us + excluded.sure_us",
            [(window, row.seen_us, row.sure_us) for window, row in tally.watched.items()],
        )
        self.base.executemany(
            "INSERT INTO eating VALUES(?,?,?,?,?) ON CONFLICT DO UPDATE SET eating_us = eating_us + excluded.eating_us, "
            "sure_eating_us = sure_eating_us + excluded.sure_eating_us, present_us = present_us + excluded.present_us",
            [(*key, row.eating_us, row.sure_eating_us, row.present_us) for key, row in tally.eaten.items()],
        )
        self.base.executemany(
            "INSERT INTO basis VALUES(?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET efficient = max(efficient, excluded.efficient), "
            "seen_us = seen_us + excluded.seen_us, frames = frames + excluded.frames, unproven_us = unproven_us + "
            "excluded.unproven_us, bound_ppm = max(bound_ppm, excluded.bound_ppm)",
            [
                (*key, int(row.efficient), row.seen_us, row.frames, row.unproven_us, row.bound_ppm)
                for key, row in tally.served.items()
            ],
        )

    def _add_bout(self, bout: StoredBout, merge_us: int) -> None:
        """A bout soon after one that was cut is the same bout: the program was started anew inside it."""
        row = self.base.execute(
            "SELECT id FROM bouts WHERE pet = ? AND ending = 'cut' AND end_us <= ? AND end_us >= ? ORDER BY end_us DESC LIMIT 1",
            (bout.pet, bout.start_us, bout.start_us - merge_us),
        ).fetchone()
        if row is None:
            marks = ",".join("?" * 9)
            self.base.execute(
                f"INSERT INTO bouts(pet, start_us, end_us, eating_us, pauses, score_ppm, band, sure, ending) VALUES({marks})",
                astuple(bout),
            )
            return
        self.base.execute(
            "UPDATE bouts SET end_us = :end_us, score_ppm = (score_ppm * eating_us + :score_ppm * :eating_us) / "
            "max(eating_us + :eating_us, 1), eating_us = eating_us + :eating_us, pauses = pauses + 1 + :pauses, "
            "sure = min(sure, :sure), ending = :ending WHERE id = :id",
            {**asdict(bout), "id": row[0]},
        )


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
