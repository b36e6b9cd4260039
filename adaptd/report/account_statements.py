"""What the log says of every window of the loss account: for `adaptd audit statement` and for the report."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.log.verify.headline import day
from adaptd.log.verify.reader import of_kinds

M = 1_000_000
KINDS = frozenset({"config", "window_open", "window_close"})
_COUNTS = ("delivered", "efficient", "shadowed", "differed", "bound_ppm_frames", "allowed_ppm_frames")


@dataclass(frozen=True, slots=True)
class Said:
    """One light band in one window, as recorded when the window ended or the run stopped within it. Losses in ppm of a frame."""

    seq: int
    from_ms: int
    to_ms: int
    window: int
    reason: str
    limit_ppm: int
    confidence_pct: str
    statement: dict[str, Any]

    @property
    def day(self) -> str:
        """The day on which it was made, by the device's clock."""
        return day(self.to_ms)

    def plain(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "seq": self.seq, "day": self.day, "from_ms": self.from_ms, "to_ms": self.to_ms, "window": self.window,
            "reason": self.reason, "limit_ppm": self.limit_ppm, "confidence_pct": self.confidence_pct, **self.statement,
        }  # fmt: skip

    def sentence(self) -> str:
        """The statement in words: counts while the loan is more than the credit, per cent from then on."""
        said = self.statement
        delivered, bound, allowed = said["delivered"], said["bound_ppm_frames"], said["allowed_ppm_frames"]
        where = f"{self.day}, {said['band']} light, window {self.window}"
        served = (
            f"{where}: {delivered:,} frames were delivered. The efficient engine served {said['efficient']:,} (late ones too), "
            f"of which {said['shadowed']:,} ran on both engines and {said['differed']:,} differed."
        )
        if said["broken"]:
            return f"{served} Nothing is promised: the counts could not be true ({said['broken'].replace('_', ' ')})."
        trust = f"With {self.confidence_pct} % confidence at most" if self.confidence_pct else "At most"
        if allowed > delivered * self.limit_ppm or not delivered:
            most = f"{-(-bound // M):,} of those delivered differ"
            return f"{served} {trust} {most} from the reference ({allowed // M:,} were allowed)."
        share = bound / delivered / 10_000
        return (
            f"{served} {trust} {share:.2f} % of those delivered differ from the reference (limit {self.limit_ppm / 10_000:g} %)."
        )


class Statements:
    """Gathers statements from records fed in order; of a window that went on after a stop only the last ones are kept."""

    def __init__(self) -> None:
        self._limits: dict[str, int] = {}
        self._began_ms: dict[int, int] = {}
        self._confidence = ""
        self._last: dict[int, list[Said]] = {}

    def feed(self, record: dict[str, Any]) -> None:
        """Take the next record. One that is not of its form says nothing here; to judge it is the verifier's."""
        with suppress(KeyError, TypeError, AttributeError):
            self._take(record)

    def all(self) -> list[Said]:
        """Every statement in the order of windows."""
        return [one for rows in self._last.values() for one in rows]

    def _take(self, record: dict[str, Any]) -> None:
        kind = record["kind"]
        if kind == "config":
            found = re.search(r"confidence_pct:\s*([0-9.]+)", str(record["policy"]["text"]))
            self._confidence = found[1] if found else ""
        elif kind == "window_open":
            self._limits[record["coin"]] = record["limit_ppm"]
            self._began_ms.setdefault(record["window"], record["utc_ms"])
        elif kind == "window_close":
            limit_ppm = self._limits.pop(record["coin"], 0)
            rows = [self._said(record, one, limit_ppm) for one in record["statements"]]
            if rows:
                self._last[record["window"]] = rows

    def _said(self, record: dict[str, Any], one: dict[str, Any], limit_ppm: int) -> Said:
        if not all(type(one[name]) is int for name in _COUNTS) or type(one["band"]) is not str:
            raise TypeError("no statement")
        return Said(
            seq=record["seq"],
            from_ms=self._began_ms.get(record["window"], record["utc_ms"]),
            to_ms=record["utc_ms"],
            window=record["window"],
            reason=record["reason"],
            limit_ppm=limit_ppm,
            confidence_pct=self._confidence,
            statement={"broken": "", **one},
        )


def statements(folder: Path, on: str | None = None, told: Callable[[str], None] | None = None) -> list[Said]:
    """Every recorded statement of a log in order, or ``on`` a day (YYYY-MM-DD); ``told`` of each part that cannot be read."""
    gathered = Statements()
    for record in of_kinds(folder, KINDS, told=told):
        gathered.feed(record)
    return [one for one in gathered.all() if on is None or one.day == on]
