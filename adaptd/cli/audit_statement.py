"""`adaptd audit statement`: what the log says of every window of the loss account, for an auditor."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from adaptd.log.verify.reader import iter_records

M = 1_000_000


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
        return _day(self.to_ms)

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
            f"{where}: {delivered:,} frames were delivered, {said['efficient']:,} of them on the duty of the efficient engine, "
            f"{said['shadowed']:,} shadowed, {said['differed']:,} differed."
        )
        if said["broken"]:
            return f"{served} Nothing is promised: the counts could not be true ({said['broken']})."
        trust = f"With {self.confidence_pct} % confidence at most" if self.confidence_pct else "At most"
        if allowed > delivered * self.limit_ppm or not delivered:
            return f"{served} {trust} {-(-bound // M):,} of them differ from the reference ({allowed // M:,} were allowed)."
        share = bound / delivered / 10_000
        return f"{served} {trust} {share:.2f} % of them differ from the reference (limit {self.limit_ppm / 10_000:g} %)."


def statements(folder: Path, day: str | None = None) -> Iterator[Said]:
    """Every recorded statement in order; of a window that went on after a stop, only the last. ``day``: YYYY-MM-DD."""
    opened: dict[str, dict[str, Any]] = {}
    began_ms: dict[int, int] = {}
    confidence = ""
    last: dict[int, list[Said]] = {}
    for record in iter_records(folder):
        kind = record["kind"]
        if kind == "config":
            found = re.search(r"confidence_pct:\s*([0-9.]+)", str(record.get("policy", {}).get("text", "")))
            confidence = found[1] if found else ""
        elif kind == "window_open":
            opened[record["coin"]] = record
            began_ms.setdefault(record["window"], record["utc_ms"])
        elif kind == "window_close":
            limit = opened.pop(record["coin"], {}).get("limit_ppm", 0)
            found_here = [_said(record, one, began_ms, limit, confidence) for one in record["statements"]]
            if found_here:
                last[record["window"]] = found_here
    for rows in last.values():
        yield from [one for one in rows if day is None or one.day == day]


def _said(record: dict[str, Any], one: dict[str, Any], began_ms: dict[int, int], limit: int, confidence: str) -> Said:
    window = record["window"]
    began = began_ms.get(window, record["utc_ms"])
    return Said(record["seq"], began, record["utc_ms"], window, record["reason"], limit, confidence, one)


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, tz=timezone.utc):%Y-%m-%d}"
