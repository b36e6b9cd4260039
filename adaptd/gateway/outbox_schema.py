"""The outbox's file: opened so that a written row is on the disk, brought to today's schema, set aside where it is damaged."""

import contextlib
import sqlite3
import time
from pathlib import Path

# One script a version, never changed once released: a file of version n gets the scripts from n on, all in one transaction.
MIGRATIONS = (
    """
    CREATE TABLE message (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, grade TEXT NOT NULL,
        body TEXT NOT NULL, picture BLOB, made_ms INTEGER NOT NULL);
    CREATE TABLE channel (name TEXT PRIMARY KEY, since_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE delivery (
        message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE, channel TEXT NOT NULL,
        tries INTEGER NOT NULL, PRIMARY KEY (message, channel)) WITHOUT ROWID;
    CREATE INDEX delivery_channel ON delivery (channel, message);
    """,
    """
    CREATE TABLE kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE command (
        id INTEGER PRIMARY KEY, asked_ms INTEGER NOT NULL, verb TEXT NOT NULL, who TEXT NOT NULL,
        body TEXT NOT NULL, answer TEXT NOT NULL);
    """,
)
BUSY_S = 5.0


class OutboxError(Exception):
    """The outbox cannot be used, or is full. ``str(error)`` is one line with the remedy."""


def open_database(path: Path, migrations: tuple[str, ...] = MIGRATIONS, *, mend: bool = False) -> tuple[sqlite3.Connection, str]:
    """The database at ``path`` in today's schema, and a line to be said where ``mend`` set a damaged file aside (else empty).

    Raises:
        OutboxError: the folder cannot be written, or a later adaptd made the file.
    """
    try:
        return _open(path, migrations), ""
    except sqlite3.OperationalError as error:
        raise OutboxError(f"{path}: cannot be opened ({error}), make its folder writable or free some space") from None
    except sqlite3.DatabaseError as error:
        if not mend:
            raise OutboxError(f"{path}: is damaged ({error}), start `adaptd gateway`, which begins a new one") from None
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns() // 1_000_000_000}")
        try:
            _set_aside(path, aside)
            database = _open(path, migrations)
        except (OSError, sqlite3.Error) as second:
            raise OutboxError(f"{path}: is damaged ({error}) and cannot be replaced ({second})") from None
        return database, f"{path}: is damaged ({error}); it is kept as {aside.name} and a new outbox was begun"


def _open(path: Path, migrations: tuple[str, ...]) -> sqlite3.Connection:
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        path.touch(mode=0o600, exist_ok=True)
    with contextlib.ExitStack() as on_failure:
        database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        on_failure.callback(database.close)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        if database.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("its pages contradict one another")
        _migrate(database, path, migrations)
        on_failure.pop_all()
    return database


def _migrate(database: sqlite3.Connection, path: Path, migrations: tuple[str, ...]) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise OutboxError(
            f"{path}: was made by a later adaptd (schema {version}, this one knows {len(migrations)}), update adaptd"
        )
    if version == len(migrations):
        return
    with database:  # commits at its end, or rolls back
        database.execute("BEGIN IMMEDIATE")  # a second process may be at the same step: the version is read again under the lock
        (version,) = database.execute("PRAGMA user_version").fetchone()
        for number in range(version, len(migrations)):
            for statement in filter(str.strip, migrations[number].split(";")):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {number + 1}")


def _set_aside(path: Path, aside: Path) -> None:
    path.rename(aside)
    for tail in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + tail).rename(aside.with_name(aside.name + tail))
