"""From the inbox to the lake: Parquet in one folder a day (``summary/dt=YYYY-MM-DD/``), each row once, whatever is killed when.

A file's name comes from the row numbers in it, and the intent to write it is durable before: after a kill the same file is
written again with the same rows. Small files of a day become one; readers that take ``.lock`` never see a row twice.
"""

import json
import os
import sqlite3
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from adaptd.fleet import rows
from adaptd.fleet.columns import FORM, Row, table_of
from adaptd.fleet.store import TABLE, StoreError, change, locked
from adaptd.log.format.store import Store

BATCH_ROWS = 50_000
MANY_FILES, MANY_FILES_TODAY = 2, 24


class Lake:
    """Writes the lake in ``folder`` from the inbox of ``database``; one at a time."""

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self.folder, self._database = folder, database
        (folder / TABLE).mkdir(parents=True, exist_ok=True)
        self._finish()

    def export(self) -> int:
        """Write what waits, a file a day; how many rows.

        Raises:
            StoreError: the disk is full or the folder cannot be written; the rows wait on.
        """
        self._finish()  # what a full disk left half done comes first, so that no row has two intents
        total = 0
        (top,) = self._database.execute("SELECT coalesce(max(id), 0) FROM inbox").fetchone()
        for (day,) in self._database.execute("SELECT DISTINCT dt FROM inbox WHERE id <= ?", (top,)).fetchall():
            while ids := self._ids(day, top):
                self._carry_out({"do": "export", "dt": day, "first": ids[0], "last": ids[-1]})
                total += len(ids)
        return total

    def compact(self, today: str | None = None) -> int:
        """Make one file of the small ones of each day; how many files went."""
        self._finish()
        today = today or datetime.now(timezone.utc).strftime("%Y-%m-%d")
        gone = 0
        for place in sorted((self.folder / TABLE).glob("dt=*")):
            files = sorted(one.name for one in place.glob("part-*.parquet"))
            if len(files) < (MANY_FILES_TODAY if place.name == f"dt={today}" else MANY_FILES):
                continue
            output = f"part-{files[0].split('-')[1]}-{files[-1].removesuffix('.parquet').split('-')[2]}.parquet"
            self._carry_out({"do": "compact", "dt": place.name[3:], "inputs": files, "output": output})
            gone += len(files) - 1
        return gone

    def _ids(self, day: str, top: int) -> list[int]:
        question = "SELECT id FROM inbox WHERE dt = ? AND id <= ? ORDER BY id LIMIT ?"
        return [number for (number,) in self._database.execute(question, (day, top, BATCH_ROWS))]

    def _carry_out(self, intent: dict[str, Any]) -> None:
        if intent["do"] == "compact":
            self._join(intent)
        with change(self._database) as database:
            database.execute("INSERT INTO intent (words) VALUES (?)", (json.dumps(intent),))
        self._finish()

    def _finish(self) -> None:
        """Carry out every intent on record; each step may be done again."""
        for number, text in self._database.execute("SELECT id, words FROM intent ORDER BY id").fetchall():
            intent = json.loads(text)
            try:
                (self._write if intent["do"] == "export" else self._swap)(intent)
            except OSError as error:
                raise StoreError(f"{self.folder}: cannot be written ({error}), free some space: the rows wait on") from None
            with change(self._database) as database:
                if intent["do"] == "export":
                    question = "DELETE FROM inbox WHERE dt = ? AND id BETWEEN ? AND ?"
                    database.execute(question, (intent["dt"], intent["first"], intent["last"]))
                database.execute("DELETE FROM intent WHERE id = ?", (number,))
        for leftover in (self.folder / TABLE).glob("dt=*/.part-*"):
            leftover.unlink()

    def _write(self, intent: dict[str, Any]) -> None:
        question = "SELECT received_ms, clock, body FROM inbox WHERE dt = ? AND id BETWEEN ? AND ? ORDER BY id"
        found = self._database.execute(question, (intent["dt"], intent["first"], intent["last"]))
        hours = [Row(received_ms, clock, rows.hour(body)) for received_ms, clock, body in found]
        if not hours:
            return  # they lie in the lake already: an empty file must not take that one's name
        place = self._day(intent["dt"])
        name = f"part-{intent['first']:012d}-{intent['last']:012d}.parquet"
        _durable(place, name, table_of(hours))
        with locked(self.folder, exclusive=True):
            (place / f".{name}").replace(place / name)
            Store(place).sync_folder()

    def _join(self, intent: dict[str, Any]) -> None:
        """Write the joined file beside the others, under a hidden name."""
        place = self._day(intent["dt"])
        try:
            whole = pa.concat_tables([pq.read_table(place / name, schema=FORM, partitioning=None) for name in intent["inputs"]])
            _durable(place, intent["output"], whole.sort_by([("box", "ascending"), ("from_utc_ms", "ascending")]))
        except OSError as error:
            raise StoreError(f"{place}: cannot be compacted ({error}), free some space: nothing was removed") from None

    def _swap(self, intent: dict[str, Any]) -> None:
        """Put the joined file in the place of the small ones."""
        place = self._day(intent["dt"])
        hidden = place / f".{intent['output']}"
        with locked(self.folder, exclusive=True):
            if hidden.exists():
                for name in intent["inputs"]:
                    (place / name).unlink(missing_ok=True)
                hidden.replace(place / intent["output"])
            Store(place).sync_folder()

    def _day(self, day: str) -> Path:
        place = self.folder / TABLE / f"dt={day}"
        if not place.exists():
            place.mkdir()
            Store(place.parent).sync_folder()
        return place


def _durable(place: Path, name: str, table: "pa.Table") -> None:
    """Write a hidden file whole and synced."""
    with (place / f".{name}").open("wb") as file:
        pq.write_table(table, file, compression="zstd", write_statistics=True)
        file.flush()
        os.fsync(file.fileno())
