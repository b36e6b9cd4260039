"""What the gateway knows of the log: its size, its history for the charts, the verifier's last word, and the report page.

All of it comes from the folder that the daemon names, by children of this process; the daemon is not asked and not slowed.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from adaptd.gateway import child
from adaptd.gateway.feed import Feed, Seen, utc_ms
from adaptd.gateway.history import Span
from adaptd.gateway.plugins import end
from adaptd.gateway.spool import object_of

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
VERIFY_DEADLINE_S = 600.0
HISTORY_DEADLINE_S = 120.0
SIZE_EVERY_S = 30.0
RETRY_S = 60.0
COMMITTED_S = 90.0


class Logbook:
    """History and verification of one daemon's log. ``given`` is the folder to use where the daemon names none."""

    def __init__(self, given: Path | None) -> None:
        self._given = given
        self.folder: Path | None = given  # None until it is known
        self.spans = {"hour": Span(5_000, HOUR_MS), "day": Span(120_000, DAY_MS)}
        self.history = "not read yet"
        self.size_bytes: int | None = None
        self._verifying = False
        self._last: dict[str, Any] = {}
        self._children = asyncio.Lock()

    async def run(self, feed: Feed) -> None:
        """Carry the spans on from the feed, and read the log once for each folder it is found in."""
        reading: asyncio.Task[None] | None = None
        began: Path | None = None
        with feed.subscribe() as states:
            try:
                async for state in states:
                    if not isinstance(state, Seen):
                        continue
                    for span in self.spans.values():
                        span.live(state.document, state.utc_ms)
                    self.folder = self._given or folder_of(state.document)
                    if self.folder is not None and self.folder != began:
                        began = self.folder
                        if reading is not None:
                            await end(reading)
                        reading = asyncio.ensure_future(self._read(began))
            finally:
                if reading is not None:
                    await end(reading)

    async def measure(self) -> None:
        """Look at the log's size now and then."""
        while True:
            if self.folder is not None:
                self.size_bytes = await asyncio.to_thread(folder_bytes, self.folder)
            await asyncio.sleep(SIZE_EVERY_S if self.size_bytes is not None else 1.0)

    async def _read(self, folder: Path) -> None:
        """Both spans from the log, and once more when what the daemon had in hand at the start has been committed."""
        await self._spans(folder)
        await asyncio.sleep(COMMITTED_S)
        await self._spans(folder)

    async def _spans(self, folder: Path) -> None:
        for name, since in (("hour", "1h"), ("day", "1d")):
            span = self.spans[name]
            words = ("audit", "history", str(folder), "--since", since, "--step", str(span.step_ms // 1000))
            while True:
                done = await child.run(words, HISTORY_DEADLINE_S)
                if done.code == 0:
                    break
                self.history = f"the log cannot be read: {done.errors}"
                await asyncio.sleep(RETRY_S)
            span.logged(done.output)
        self.history = "read"

    def verification(self) -> dict[str, Any]:
        """Whether the verifier runs, and what it said last and when; ``verdict`` is null where it did not come to one."""
        return {"running": self._verifying, **self._last}

    async def verify(self) -> bool:
        """Run the verifier over the log; False while another run is on its way or the log's folder is not known."""
        if self._children.locked() or self.folder is None:
            return False
        async with self._children:
            self._verifying, began_s = True, time.monotonic()
            try:
                done = await child.run(("audit", "verify", str(self.folder), "--json"), VERIFY_DEADLINE_S)
            finally:
                self._verifying = False
            whole = object_of(done.output)
            verdict = whole.get("verdict") if done.code in (0, 1) else None
            words = _verdict_words(whole) if verdict is not None else f"no verdict: {done.errors or 'no answer'}"
            said, took_s = None if verdict is None else str(verdict), round(time.monotonic() - began_s, 1)
            self._last = {"verdict": said, "words": words, "utc_ms": utc_ms(), "took_s": took_s}
            return True

    async def report(self) -> bytes | str:
        """The report page's bytes, or in one line why there is none."""
        if self._children.locked():
            return "the verifier or another report is on its way, try again in a minute"
        if self.folder is None:
            return "the log's folder is not known yet, try again when the daemon answers"
        async with self._children:
            with tempfile.TemporaryDirectory(prefix="adaptd-gateway-") as place:
                target = Path(place) / "report.html"
                done = await child.run(("audit", "report", str(self.folder), "-o", str(target)), VERIFY_DEADLINE_S)
                try:
                    return await asyncio.to_thread(target.read_bytes)
                except OSError:
                    return f"no report could be drawn: {done.errors or 'no answer'}"


def folder_bytes(folder: Path) -> int | None:
    """Bytes of all files in the folder; None where it cannot be read."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    total += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue  # pruned while we looked
    except OSError:
        return None
    return total


def _verdict_words(whole: dict[str, Any]) -> str:
    """What was found, in one sentence."""
    meaning = ": ".join(str(whole[key]) for key in ("meaning", "reason") if whole.get(key))
    counts = f"{whole.get('records', 0)} records, {whole.get('signed', 0)} signed, {whole.get('replayed', 0)} decisions run again"
    place = whole.get("first_bad_seq")
    return f"{meaning} ({counts}{'' if place is None else f', first bad record {place}'})"


def folder_of(document: dict[str, Any]) -> Path | None:
    """Where the daemon says that its log lies."""
    named = (document.get("audit") or {}).get("folder")
    return Path(named) if isinstance(named, str) and named else None
