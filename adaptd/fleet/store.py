"""The server's memory: one SQLite file. What was acknowledged to the broker is in it, durable, and in it once.

WAL with synchronous FULL: a transaction that has ended survives a power cut. Rows wait in ``inbox`` until they lie in the lake.
"""

import fcntl
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from msgspec import convert, to_builtins
from msgspec.json import decode, encode

from adaptd.fleet.numbers import Numbers
from adaptd.fleet.witness import LogView

FILE_NAME = "fleet.db"
TABLE, LOCK = "summary", ".lock"  # beside it: the folder of the lake's files, and the lock on their names
SCHEMA = """
CREATE TABLE IF NOT EXISTS box (
    name TEXT PRIMARY KEY, log TEXT, numbers TEXT NOT NULL, heard_ms INTEGER NOT NULL, face TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS enrolled (box TEXT PRIMARY KEY, log_pub TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, dt TEXT NOT NULL, received_ms INTEGER NOT NULL, clock TEXT NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS aside (
    id INTEGER PRIMARY KEY, box TEXT NOT NULL, name TEXT NOT NULL, payload BLOB NOT NULL, received_ms INTEGER NOT NULL,
    why TEXT NOT NULL, digest TEXT NOT NULL, UNIQUE (box, name, digest));
CREATE TABLE IF NOT EXISTS alarm (
    box TEXT NOT NULL, kind TEXT NOT NULL, words TEXT NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    times INTEGER NOT NULL, PRIMARY KEY (box, kind, words)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intent (id INTEGER PRIMARY KEY, words TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rollout (id INTEGER PRIMARY KEY, words TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS told (rollout INTEGER NOT NULL, box TEXT NOT NULL, outcome TEXT NOT NULL, words TEXT NOT NULL,
    at_ms INTEGER NOT NULL, PRIMARY KEY (rollout, box)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS twin (
    box TEXT PRIMARY KEY, made_ms INTEGER NOT NULL, received_ms INTEGER NOT NULL, words TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS inbox_day ON inbox (dt, id);
"""
BUSY_S = 20.0
MAX_ASIDE = 1_000  # messages put aside for one box


class StoreError(Exception):
    """The store cannot be used. ``str(error)`` is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Box:
    """What the server knows of one box. ``face`` is the newest of what a person looks at: board, model, policy, heat."""

    name: str
    log: LogView | None = None
    numbers: Numbers = field(default_factory=Numbers)
    heard_ms: int = 0
    face: dict[str, Any] = field(default_factory=dict)


def connect(folder: Path) -> sqlite3.Connection:
    """The file in ``folder``, made where there is none; one connection a thread.

    Raises:
        StoreError: the folder cannot be written, the disk is full, or the file is damaged.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE_NAME
        path.touch(mode=0o600, exist_ok=True)
        database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        for words in ("journal_mode = WAL", "synchronous = FULL", "journal_size_limit = 67108864"):
            database.execute(f"PRAGMA {words}")
        database.executescript(SCHEMA)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{folder}: the server's store cannot be opened ({error}), free some space or mend the folder") from None
    return database


@contextmanager
def change(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One transaction, durable when it ends.

    Raises:
        StoreError: it could not be written (a full disk): nothing of it is there.
    """
    try:
        with database:
            database.execute("BEGIN IMMEDIATE")
            yield database
    except sqlite3.Error as error:
        raise StoreError(f"the server's store cannot be written ({error}), free some space: nothing was acknowledged") from None


def load_box(database: sqlite3.Connection, name: str) -> Box:
    """What is known of a box; a new one where nothing is."""
    row = database.execute("SELECT log, numbers, heard_ms, face FROM box WHERE name = ?", (name,)).fetchone()
    if row is None:
        return Box(name)
    return Box(name, _view(row[0]), decode(row[1], type=Numbers), row[2], json.loads(row[3]))


def save_boxes(database: sqlite3.Connection, boxes: Iterable[Box]) -> None:
    """Write what is known of boxes, but for their logs, inside a transaction."""
    rows = [(one.name, encode(one.numbers).decode(), one.heard_ms, encode(one.face).decode()) for one in boxes]
    database.executemany(
        "INSERT INTO box (name, numbers, heard_ms, face) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " numbers = excluded.numbers, heard_ms = excluded.heard_ms, face = excluded.face",
        rows,
    )


def save_logs(database: sqlite3.Connection, boxes: Iterable[Box]) -> None:
    """Write what is known of the logs of boxes that are saved already."""
    database.executemany("UPDATE box SET log = ? WHERE name = ?", [(_plain(one.log), one.name) for one in boxes])


def names(database: sqlite3.Connection) -> list[str]:
    return [name for (name,) in database.execute("SELECT name FROM box ORDER BY name")]


def raise_alarm(database: sqlite3.Connection, box: str, kind: str, words: str, at_ms: int) -> None:
    """Count one alarm; the same words of the same box are one line."""
    database.execute(
        "INSERT INTO alarm VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET last_ms = excluded.last_ms, times = times + 1",
        (box, kind, words[:300], at_ms, at_ms),
    )


def alarms(database: sqlite3.Connection) -> list[tuple[str, str, str, int, int, int]]:
    """Every alarm, newest first: box, kind, words, first and last in ms of UTC, how often."""
    return database.execute("SELECT * FROM alarm ORDER BY last_ms DESC").fetchall()


def accept(database: sqlite3.Connection, box: str) -> bool:
    """A person has looked: the box's log is witnessed again, from the next checkpoint on, as a new one."""
    with change(database):
        known = load_box(database, box)
        if known.log is None or not known.log.broken:
            return False
        save_logs(database, [replace(known, log=None)])
        return True


@contextmanager
def locked(folder: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold the lake's lock: readers share it, whoever renames files has it alone."""
    with (folder / LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield


def _plain(view: LogView | None) -> str | None:
    if view is None:
        return None
    return json.dumps({**to_builtins(view), "peaks": [peak.hex() for peak in view.peaks]})


def _view(text: str | None) -> LogView | None:
    if text is None:
        return None
    words = json.loads(text)
    return convert({**words, "peaks": [bytes.fromhex(peak) for peak in words["peaks"]]}, LogView)
