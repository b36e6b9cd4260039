"""The store of inspected parts, and what people found when they looked again: missed defects and false rejects, counted apart."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adaptd.apps.agv.inspection import Inspected, Verdict
from adaptd.apps.agv.settings import PPM, SECOND_US
from adaptd.apps.sqlite import SqliteStore, StoreError

MIGRATIONS = (
    """
    CREATE TABLE parts(
        id INTEGER PRIMARY KEY, part TEXT NOT NULL, begin_us INTEGER NOT NULL, end_us INTEGER NOT NULL, verdict TEXT NOT NULL,
        reasons TEXT NOT NULL, defects TEXT NOT NULL, frames TEXT NOT NULL, slowest_mfps INTEGER NOT NULL, basis TEXT NOT NULL,
        picture TEXT, truth TEXT) STRICT;
    CREATE INDEX parts_name ON parts(part);
    CREATE INDEX parts_end ON parts(end_us);
    CREATE TABLE identity(name TEXT NOT NULL) STRICT;
    INSERT INTO identity VALUES(lower(hex(randomblob(4))));
    CREATE TABLE waiting(
        part INTEGER PRIMARY KEY REFERENCES parts(id) ON DELETE CASCADE, words TEXT NOT NULL) STRICT;
    """,
)
COLUMNS = ("part", "begin_us", "end_us", "verdict", "reasons", "defects", "frames", "slowest_mfps", "basis", "picture", "truth")
SOUND, DEFECTIVE = "sound", "defective"


class PartStore(SqliteStore):
    """Parts in UTC microseconds. ``utc_of`` places a monotonic instant in the day."""

    def __init__(self, path: Path, *, writer: bool = False, utc_of: Callable[[int], int] = lambda at: at) -> None:
        super().__init__(path, MIGRATIONS, "adaptd agv run", writer=writer)
        self._utc_of = utc_of
        self.identity = str(self.base.execute("SELECT name FROM identity").fetchone()[0])  # in keys of messages

    def add(self, one: Inspected, picture: str | None) -> int:
        """Write a part down, and that it waits to be told where it is rejected; returns its row.

        Raises:
            sqlite3.Error: the disk is full or failed; nothing was written.
        """
        defects = [asdict(defect) for defect in one.defects]
        with self.transaction():
            row = self.base.execute(
                f"INSERT INTO parts({', '.join(COLUMNS)}) VALUES(?,?,?,?,?,?,?,?,?,?,NULL)",
                (
                    one.part,
                    self._utc_of(one.begin_us),
                    self._utc_of(one.end_us),
                    one.verdict.value,
                    json.dumps([reason.value for reason in one.reasons]),
                    json.dumps(defects),
                    json.dumps(dict(one.frames)),
                    round(one.fps * 1000),
                    json.dumps(dict(one.basis)),
                    picture,
                ),
            ).lastrowid
            assert row is not None
            if one.verdict is Verdict.REJECT:
                words = {"part": one.part, "defects": defects, "picture": picture, "rests_on": dict(one.basis)}
                self.base.execute("INSERT INTO waiting VALUES(?,?)", (row, json.dumps(words)))
        return row

    def parts_ever(self) -> int:
        """The largest row there was: where counted parts go on after a restart."""
        return int(self.base.execute("SELECT coalesce(max(id), 0) FROM parts").fetchone()[0])

    def waiting(self) -> list[tuple[int, dict[str, Any]]]:
        """Rejects that nobody was told of yet, oldest first."""
        rows = self.base.execute("SELECT part, words FROM waiting ORDER BY part LIMIT 100").fetchall()
        return [(int(row), json.loads(words)) for row, words in rows]

    def told(self, row: int) -> None:
        """This one is handed on."""
        self.base.execute("DELETE FROM waiting WHERE part = ?", (row,))

    def check(self, part: str, truth: str) -> str:
        """A person looked at the newest part of that name: ``sound`` or ``defective``. Returns the verdict it had.

        Raises:
            StoreError: no such part.
        """
        row = self.base.execute("SELECT id, verdict FROM parts WHERE part = ? ORDER BY id DESC LIMIT 1", (part,)).fetchone()
        if row is None:
            raise StoreError(f"{self.path}: holds no part {part!r}, see `adaptd agv parts`")
        self.base.execute("UPDATE parts SET truth = ? WHERE id = ?", (truth, row[0]))
        return str(row[1])

    def newest(self, most: int, verdict: str | None = None) -> list[dict[str, Any]]:
        rows = self.base.execute(
            f"SELECT {', '.join(COLUMNS)} FROM parts WHERE verdict = coalesce(?, verdict) ORDER BY id DESC LIMIT ?",  # noqa: S608
            (verdict, most),
        )
        found = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        for one in found:
            for name in ("reasons", "defects", "frames", "basis"):
                one[name] = json.loads(one[name])
        return found

    def account(self, since_us: int = 0) -> dict[str, Any]:
        """Parts by verdict; and of those that a person checked, missed defects and false rejects apart, as counts and shares."""
        verdicts = dict(
            self.base.execute("SELECT verdict, count(*) FROM parts WHERE end_us >= ? GROUP BY verdict", (since_us,)).fetchall()
        )
        checked = dict(
            self.base.execute(
                "SELECT verdict || '/' || truth, count(*) FROM parts WHERE truth IS NOT NULL AND end_us >= ? GROUP BY 1",
                (since_us,),
            ).fetchall()
        )
        missed, right_pass = checked.get(f"pass/{DEFECTIVE}", 0), checked.get(f"pass/{SOUND}", 0)
        false, right_reject = checked.get(f"reject/{SOUND}", 0), checked.get(f"reject/{DEFECTIVE}", 0)
        return {
            "parts": {verdict.value: verdicts.get(verdict.value, 0) for verdict in Verdict},
            "checked": sum(checked.values()),
            "missed_defects": missed,
            "missed_share_ppm": _share(missed, missed + right_reject),
            "false_rejects": false,
            "false_reject_share_ppm": _share(false, false + right_pass),
        }

    def prune(self, now_us: int, keep_days: int) -> list[str]:
        """Forget old parts that nobody waits for; returns their pictures, which the caller removes."""
        before_us = now_us - keep_days * 86_400 * SECOND_US
        with self.transaction():
            gone = self.base.execute(
                "DELETE FROM parts WHERE end_us < ? AND id NOT IN (SELECT part FROM waiting) RETURNING picture", (before_us,)
            ).fetchall()
        return [str(row[0]) for row in gone if row[0] is not None]


def _share(count: int, of: int) -> int | None:
    """Share in ppm; None of none. Missed defects are of the parts that proved defective, false rejects of the sound ones."""
    return round(count * PPM / of) if of else None
