"""The feeder's store: after a power cut at most the time since the last commit is missing.

Sums are added, never overwritten, in one transaction with the bouts that they belong to.
"""

from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from adaptd.apps.feeder.settings import DAY_US, SECOND_US
from adaptd.apps.feeder.tally import Tally
from adaptd.apps.sqlite import SqliteStore, StoreError

__all__ = ["Store", "StoreError", "StoredBout"]
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE windows(start_s INTEGER PRIMARY KEY, seen_us INTEGER NOT NULL, sure_us INTEGER NOT NULL) STRICT;
    CREATE TABLE eating(
        start_s INTEGER NOT NULL, pet TEXT NOT NULL, eating_us INTEGER NOT NULL, sure_eating_us INTEGER NOT NULL,
        present_us INTEGER NOT NULL, PRIMARY KEY(start_s, pet)) STRICT, WITHOUT ROWID;
    CREATE TABLE basis(
        start_s INTEGER NOT NULL, variant TEXT NOT NULL, band TEXT NOT NULL, efficient INTEGER NOT NULL, seen_us INTEGER NOT NULL,
        frames INTEGER NOT NULL, unproven_us INTEGER NOT NULL, bound_ppm INTEGER, PRIMARY KEY(start_s, variant, band))
        STRICT, WITHOUT ROWID;
    CREATE TABLE bouts(
        id INTEGER PRIMARY KEY, pet TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
        eating_us INTEGER NOT NULL, pauses INTEGER NOT NULL, score_ppm INTEGER NOT NULL, band TEXT NOT NULL,
        sure INTEGER NOT NULL, ending TEXT NOT NULL) STRICT;
    CREATE INDEX bouts_start ON bouts(start_us);
    CREATE TABLE open_bouts(
        pet TEXT NOT NULL, track INTEGER NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, eating_us INTEGER NOT NULL,
        pauses INTEGER NOT NULL, score_ppm INTEGER NOT NULL, band TEXT NOT NULL, sure INTEGER NOT NULL,
        PRIMARY KEY(pet, track)) STRICT, WITHOUT ROWID;
    CREATE TABLE days(
        day TEXT NOT NULL, pet TEXT NOT NULL, span_us INTEGER NOT NULL, seen_us INTEGER NOT NULL, sure_us INTEGER NOT NULL,
        eating_us INTEGER NOT NULL, dark_eating_us INTEGER NOT NULL, bouts INTEGER NOT NULL, basis TEXT NOT NULL,
        PRIMARY KEY(day, pet)) STRICT, WITHOUT ROWID;
    CREATE TABLE notes(
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, first_day TEXT NOT NULL, last_day TEXT, text TEXT NOT NULL,
        written_us INTEGER NOT NULL) STRICT;
    CREATE TABLE alerts(
        key TEXT PRIMARY KEY, made_us INTEGER NOT NULL, rule TEXT NOT NULL, pet TEXT NOT NULL, verdict TEXT NOT NULL,
        text TEXT NOT NULL, rests_on TEXT NOT NULL, "left" INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE clock_steps(at_us INTEGER NOT NULL, by_us INTEGER NOT NULL) STRICT;
    """,
    "CREATE TABLE scenes(place INTEGER PRIMARY KEY, grid TEXT NOT NULL, learnt_us INTEGER NOT NULL) STRICT;",
    # by local hour [seen in light, eating in it]; how much of the usual eating falls into the time seen, unknown for older days
    """
    ALTER TABLE days ADD COLUMN hours TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE days ADD COLUMN due_ppm INTEGER;
    """,
)
VERSION = len(MIGRATIONS)
BOUT = "pet, start_us, end_us, eating_us, pauses, score_ppm, band, sure"  # columns of bouts, open or over


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


class Store(SqliteStore):
    """``writer`` takes the lock; readers need none."""

    def __init__(self, path: Path, *, writer: bool = False) -> None:
        super().__init__(path, MIGRATIONS, "adaptd feeder run", writer=writer)
        if writer:
            self.end_open_bouts()

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
            self.base.execute(f"INSERT INTO bouts({BOUT}, ending) SELECT {BOUT}, 'cut' FROM open_bouts")  # noqa: S608
            self.base.execute("DELETE FROM open_bouts")

    def clock_stepped(self, at_us: int, by_us: int) -> None:
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
            self.base.execute(f"INSERT INTO bouts({BOUT}, ending) VALUES(?,?,?,?,?,?,?,?,?)", astuple(bout))
            return
        self.base.execute(
            "UPDATE bouts SET end_us = :end_us, score_ppm = (score_ppm * eating_us + :score_ppm * :eating_us) / "
            "max(eating_us + :eating_us, 1), eating_us = eating_us + :eating_us, pauses = pauses + 1 + :pauses, "
            "sure = min(sure, :sure), ending = :ending WHERE id = :id",
            {**asdict(bout), "id": row[0]},
        )
