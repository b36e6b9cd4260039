"""What must arrive: alerts, checkpoints and hourly summaries, on the disk until every channel has said that it has them.

One SQLite file in the state folder (WAL, synchronous FULL), usable from several processes. A message has a key: the same key is
one message, however often it is put, also after delivery. A channel (``mqtt``, or one notification address) gets each message at
least once; a receiver tells repeats by the key in the payload. The file is bounded: when it is full, the oldest summaries are
merged, then old checkpoints go (the newest covers them), never alerts; when alerts alone fill it, a further one is refused.
"""

import itertools
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.client import check_alert
from adaptd.gateway.outbox_schema import OutboxError, open_database
from adaptd.gateway.summary import merged

FILE_NAME = "outbox.db"
ALERT, CHECKPOINT, SUMMARY, ROLLOUT, TWIN = "alert", "checkpoint", "summary", "rollout", "twin"
MAX_BODY_BYTES = 65_536
NEW_CHANNEL_LOOKS_BACK_MS = 24 * 3_600_000  # a channel that is new gets the alerts of the last day too


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait. ``delivered`` messages are remembered only to know their keys again."""

    summaries: int = 1_000
    checkpoints: int = 2_000
    alerts: int = 20_000
    pictures: int = 200
    delivered: int = 5_000
    commands: int = 1_000


@dataclass(frozen=True, slots=True)
class Message:
    """One message that waits: ``body`` is the object that is sent, ``grade`` an alert's kind, ``tries`` counts its sendings."""

    id: int
    key: str
    kind: str
    grade: str
    body: dict[str, Any]
    picture: bytes | None
    made_ms: int
    tries: int


class Outbox:
    """The outbox at ``path``, for use from any thread. ``utc_ms`` is the wall clock, which only stamps messages.

    ``owner`` is the gateway, one process: it alone sets a damaged file aside and begins a new one; ``trouble`` then says so.
    """

    def __init__(
        self, path: Path, bounds: Bounds | None = None, utc_ms: Callable[[], int] | None = None, *, owner: bool = False
    ) -> None:
        self.path = path
        self.bounds = bounds or Bounds()
        self._utc_ms = utc_ms or (lambda: time.time_ns() // 1_000_000)
        self._lock = threading.Lock()
        self._database, self.trouble = open_database(path, mend=owner)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One transaction; durable when it ends."""
        with self._lock:
            try:
                with self._database:  # commits at its end, or rolls back
                    self._database.execute("BEGIN IMMEDIATE")
                    yield self._database
            except sqlite3.Error as error:
                raise OutboxError(f"{self.path}: cannot be written ({error}), free some space or mend its folder") from None

    def _rows(self, question: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._lock:
            try:
                return self._database.execute(question, values).fetchall()
            except sqlite3.Error as error:
                raise OutboxError(f"{self.path}: cannot be read ({error})") from None

    def open_channel(self, name: str) -> None:
        """From now on every message waits for ``name`` too; a new channel also gets the alerts of the last day."""
        with self._change() as database:
            now_ms = self._utc_ms()
            if database.execute("INSERT OR IGNORE INTO channel VALUES (?, ?)", (name, now_ms)).rowcount:
                database.execute(
                    "INSERT OR IGNORE INTO delivery SELECT id, ?, 0 FROM message WHERE kind = ? AND made_ms > ?",
                    (name, ALERT, now_ms - NEW_CHANNEL_LOOKS_BACK_MS),
                )

    def channels(self) -> list[str]:
        return [name for (name,) in self._rows("SELECT name FROM channel ORDER BY name")]

    def close_channel(self, name: str) -> None:
        """Nothing waits for ``name`` any more."""
        with self._change() as database:
            database.execute("DELETE FROM channel WHERE name = ?", (name,))
            database.execute("DELETE FROM delivery WHERE channel = ?", (name,))

    def put_alert(
        self, key: str, kind: str, text: str, rests_on: dict[str, Any], picture: bytes | None = None, box: str | None = None
    ) -> bool:
        """Put an alert for every channel; False where the key is known. Raises as the function of the same name."""
        check_alert(key, kind, text, rests_on, picture)
        body = {"kind": kind, "text": text, "rests_on": rests_on, "picture": picture is not None}
        return self.put(ALERT, key, {**body, "box": box} if box else body, grade=kind, picture=picture)

    def put(
        self,
        kind: str,
        key: str,
        body: dict[str, Any],
        *,
        grade: str = "",
        picture: bytes | None = None,
        channels: tuple[str, ...] | None = None,
    ) -> bool:
        """Put a message for ``channels`` (None: all that are open); False where the key is known already.

        Raises:
            OutboxError: it cannot be written, is over 64 kB, or alerts alone fill the outbox.
        """
        made_ms = self._utc_ms()
        with self._change() as database:
            if database.execute("SELECT 1 FROM message WHERE key = ?", (key,)).fetchone():
                return False
            numbers = _next_number(database) if kind == SUMMARY else {}
            text = json.dumps({"v": 1, "key": key, "utc_ms": made_ms, **body, **numbers}, allow_nan=False)
            if len(text) > MAX_BODY_BYTES:
                raise OutboxError(f"{kind} {key}: has {len(text)} bytes, at most {MAX_BODY_BYTES} are sent")
            _make_room(database, kind, self.bounds, self.path)
            one = database.execute(
                "INSERT INTO message (key, kind, grade, body, picture, made_ms) VALUES (?, ?, ?, ?, ?, ?)",
                (key, kind, grade, text, picture, made_ms),
            ).lastrowid
            names = channels if channels is not None else [row[0] for row in database.execute("SELECT name FROM channel")]
            database.executemany("INSERT INTO delivery VALUES (?, ?, 0)", [(one, name) for name in names])
        return True

    def waiting(self, channel: str, limit: int = 100, but: Iterable[int] = ()) -> list[Message]:
        """What waits for ``channel``: clinical alerts first, other alerts, the rest, each in order; not those in ``but``."""
        left_out = json.dumps(list(but))
        rows = self._rows(
            "SELECT m.id, m.key, m.kind, m.grade, m.body, m.picture, m.made_ms, d.tries FROM delivery d"
            " JOIN message m ON m.id = d.message WHERE d.channel = ? AND m.id NOT IN (SELECT value FROM json_each(?))"
            " ORDER BY m.grade != 'clinical', m.kind != 'alert', m.id LIMIT ?",
            (channel, left_out, limit),
        )
        return [Message(*(json.loads(cell) if place == 4 else cell for place, cell in enumerate(row))) for row in rows]

    def count(self, channel: str) -> int:
        return int(self._rows("SELECT count(*) FROM delivery WHERE channel = ?", (channel,))[0][0])

    def tried(self, channel: str, ids: Iterable[int]) -> None:
        """These were handed to ``channel``: the other side may have them, so they are merged with nothing from now on."""
        with self._change() as database:
            database.executemany(
                "UPDATE delivery SET tries = tries + 1 WHERE channel = ? AND message = ?", [(channel, one) for one in ids]
            )

    def delivered(self, channel: str, ids: Iterable[int]) -> None:
        """``channel`` has acknowledged these; a message that waits for no channel any more leaves only its key."""
        with self._change() as database:
            database.executemany("DELETE FROM delivery WHERE channel = ? AND message = ?", [(channel, one) for one in ids])
            _forget(database, self.bounds.delivered)

    def again(self, channel: str, stream: str, after: int) -> int:
        """Every summary of ``stream`` numbered over ``after`` waits for ``channel`` again; how many were still known."""
        with self._change() as database:
            return database.execute(
                "INSERT OR IGNORE INTO delivery SELECT id, ?, 1 FROM message WHERE kind = ?"
                " AND json_extract(body, '$.stream') = ? AND json_extract(body, '$.last') > ?",
                (channel, SUMMARY, stream, after),
            ).rowcount

    def keep(self, name: str, value: Any) -> None:
        """Remember a small JSON value across restarts."""
        with self._change() as database:
            database.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, json.dumps(value)))

    def kept(self, name: str) -> Any:
        """What ``keep`` remembered, or None."""
        rows = self._rows("SELECT value FROM kept WHERE name = ?", (name,))
        return json.loads(rows[0][0]) if rows else None

    def record_command(self, verb: str, who: str, body: str, answer: str) -> None:
        """Write down who asked for what over the network, and what was answered."""
        with self._change() as database:
            database.execute(
                "INSERT INTO command (asked_ms, verb, who, body, answer) VALUES (?, ?, ?, ?, ?)",
                (self._utc_ms(), verb[:80], who[:120], body[:2_000], answer[:500]),
            )
            database.execute("DELETE FROM command WHERE id <= (SELECT max(id) FROM command) - ?", (self.bounds.commands,))

    def commands(self, limit: int = 20) -> list[tuple[int, str, str, str, str]]:
        """The newest commands: UTC in ms, verb, who, body, answer."""
        return self._rows("SELECT asked_ms, verb, who, body, answer FROM command ORDER BY id DESC LIMIT ?", (limit,))


_UNTRIED = "NOT EXISTS (SELECT 1 FROM delivery t WHERE t.message = m.id AND t.tries > 0)"
_WAITS = "EXISTS (SELECT 1 FROM delivery w WHERE w.message = m.id)"


def _make_room(database: sqlite3.Connection, kind: str, bounds: Bounds, path: Path) -> None:
    """Keep ``kind`` within its bound before one more comes."""
    most = {ALERT: bounds.alerts, SUMMARY: bounds.summaries}.get(kind, bounds.checkpoints)
    question = f"SELECT count(*) FROM message m WHERE kind = ? AND {_WAITS}"  # noqa: S608 - a constant of this file
    if kind == ALERT:
        _thin_pictures(database, bounds.pictures)
    if database.execute(question, (kind,)).fetchone()[0] < most:
        return
    if kind == ALERT:
        raise OutboxError(f"{path}: {most} alerts wait and none is ever dropped, let them be delivered")
    if kind == SUMMARY:
        _merge_summaries(database)
    else:
        database.execute(
            f"DELETE FROM message WHERE id = (SELECT min(id) FROM message m WHERE kind = ? AND {_WAITS} AND {_UNTRIED})",  # noqa: S608
            (kind,),
        )


def _next_number(database: sqlite3.Connection) -> dict[str, Any]:
    """The place of a summary among all that this outbox ever held: who receives them sees at once where one is missing."""
    row = database.execute("SELECT value FROM kept WHERE name = 'numbers'").fetchone()
    before: dict[str, Any] = json.loads(row[0]) if row else {"stream": os.urandom(4).hex(), "last": 0}
    number = before["last"] + 1
    database.execute("INSERT OR REPLACE INTO kept VALUES ('numbers', ?)", (json.dumps({**before, "last": number}),))
    return {"stream": before["stream"], "first": number, "last": number}


def _merge_summaries(database: sqlite3.Connection) -> None:
    """Make one of the two neighbours that cover the fewest hours, the oldest such pair: what is old becomes coarse, not lost."""
    rows = database.execute(
        f"SELECT id, body FROM message m WHERE kind = ? AND {_WAITS} AND {_UNTRIED} ORDER BY id",  # noqa: S608
        (SUMMARY,),
    ).fetchall()
    bodies = [(one, json.loads(text)) for one, text in rows]
    pairs = list(itertools.pairwise(bodies))
    if not pairs:
        return
    (first, older), (second, younger) = min(pairs, key=lambda pair: int(pair[0][1]["merged"]) + int(pair[1][1]["merged"]))
    one = merged(older, younger)
    database.execute("DELETE FROM message WHERE id = ?", (first,))
    database.execute("UPDATE message SET key = ?, body = ? WHERE id = ?", (one["key"], json.dumps(one), second))


def _thin_pictures(database: sqlite3.Connection, most: int) -> None:
    """Pictures are the large part: beyond the bound the oldest ones go, their alerts stay."""
    database.execute(
        "UPDATE message SET picture = NULL WHERE picture IS NOT NULL AND id NOT IN"
        " (SELECT id FROM message WHERE picture IS NOT NULL ORDER BY id DESC LIMIT ?)",
        (most,),
    )


def _forget(database: sqlite3.Connection, most: int) -> None:
    """Delivered messages give back their pictures at once, and beyond the bound the oldest go whole."""
    database.execute(f"UPDATE message AS m SET picture = NULL WHERE picture IS NOT NULL AND NOT {_WAITS}")  # noqa: S608
    (delivered,) = database.execute(f"SELECT count(*) FROM message m WHERE NOT {_WAITS}").fetchone()  # noqa: S608
    if delivered > most:
        database.execute(
            f"DELETE FROM message WHERE id IN (SELECT id FROM message m WHERE NOT {_WAITS} ORDER BY id LIMIT ?)",  # noqa: S608
            (delivered - most,),
        )
