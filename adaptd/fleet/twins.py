"""Fitted twins that boxes send up: one a box, the newest, kept in the store and laid out as folders where a fleet is tuned."""

import json
import os
import re
import sqlite3
from pathlib import Path
from typing import Any

from adaptd.fleet import statistics
from adaptd.fleet.wire import Heard, Refused, WireError, table, whole

TEXTS = ("typical", "policy", "profile")  # FILE.yaml each, beside twin.json
DAY_MS = 86_400_000
_BOX = re.compile(r"[a-z0-9_-]{1,40}")  # folders are named after boxes


class Twins:
    """What boxes say of themselves, gathered during a batch and written with it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, int, int, str]] = []

    def take(self, heard: Heard, words: dict[str, Any]) -> None:
        """One twin.

        Raises:
            WireError: it is none, or dated more than a day ahead: no later one would ever count as newer.
        """
        made_ms, plain = whole(words, "utc_ms"), table(words, "twin")
        texts = {name: words.get(name) for name in TEXTS}
        if made_ms > heard.received_ms + DAY_MS:
            raise WireError(Refused.AHEAD)
        try:
            statistics.of(heard.box, plain)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            raise WireError(Refused.SHAPE) from None
        if not _BOX.fullmatch(heard.box) or not all(isinstance(text, str) for text in texts.values()):
            raise WireError(Refused.SHAPE)
        self._waiting.append((heard.box, made_ms, heard.received_ms, json.dumps({"twin": plain, **texts})))

    def write(self, database: sqlite3.Connection) -> None:
        """Write them; an older one than is known changes nothing, so a replay does no harm."""
        database.executemany(
            "INSERT INTO twin VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET made_ms = excluded.made_ms,"
            " received_ms = excluded.received_ms, words = excluded.words WHERE excluded.made_ms > twin.made_ms",
            self._waiting,
        )
        self._waiting.clear()


def lay_out(database: sqlite3.Connection, place: Path) -> int:
    """Write a folder for each box's twin below ``place``, as `adaptd twin fit` makes them; how many. Raises OSError."""
    count = 0
    for box, said in database.execute("SELECT box, words FROM twin ORDER BY box"):
        words = json.loads(said)
        folder = place / box
        folder.mkdir(parents=True, exist_ok=True)
        texts = {f"{name}.yaml": words[name] for name in TEXTS}
        texts[statistics.FILE] = json.dumps(words["twin"], indent=1) + "\n"
        for name, text in texts.items():
            draft = folder / f".{name}.{os.getpid()}"
            draft.write_text(text, encoding="utf-8")
            draft.replace(folder / name)
        count += 1
    return count
