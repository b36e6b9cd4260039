"""Records in words: one line each, filtered by time, kind and failing condition."""

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from adaptd.base.clock import wall_words
from adaptd.brain.decide.words import explain
from adaptd.brain.judge.words import why_missing
from adaptd.cli.audit_words import harmless
from adaptd.cli.errors import CommandError
from adaptd.log.verify import headline, reader
from adaptd.log.verify.decided import Decided, DecisionReader
from adaptd.report.record_words import sentence
from adaptd.vocabulary import QUANTITIES, Measured, Reading, believed

_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FORMATS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records to show. Empty sets and None mean all."""

    kinds: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    from_seq: int = 0

    def takes(self, record: dict[str, Any], decided: Decided | None) -> bool:
        """Whether this record is wanted."""
        if record["seq"] < self.from_seq or (self.kinds and record["kind"] not in self.kinds):
            return False
        if self.since_ms is not None and record["utc_ms"] < self.since_ms:
            return False
        if self.until_ms is not None and record["utc_ms"] > self.until_ms:
            return False
        if not self.conditions:
            return True
        return decided is not None and any(name in self.conditions and not holds for name, holds in decided.verdict.conditions)


def moment(text: str | None, now_ms: int) -> int | None:
    """The time a person means, in UTC milliseconds; raises CommandError for anything else."""
    if text is None:
        return None
    ago = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if ago:
        return now_ms - int(ago[1]) * _UNIT_MS[ago[2]]
    if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", text):
        text = f"{datetime.fromtimestamp(now_ms / 1000, tz=timezone.utc):%Y-%m-%d}T{text}"
    for pattern in _FORMATS:
        try:
            return int(datetime.strptime(text, pattern).replace(tzinfo=timezone.utc).timestamp() * 1000)
        except ValueError:
            continue
    raise CommandError(f"{text!r}: not a time; write 2026-11-21T08:00 (UTC), 08:00, or how long ago: 90s, 15m, 2h, 3d", 2)


def lines(
    folder: Path, wanted: Filter, *, last: int | None, follow: bool, as_json: bool, told: Callable[[str], None] | None = None
) -> Iterator[str]:
    """The lines to print; ``told`` gets one for each part of the log that cannot be read."""
    if follow:
        return _shown(reader.follow(folder, from_seq=0, wait=_wait), wanted, as_json=as_json)
    if wanted.kinds and "decision" not in wanted.kinds and not wanted.conditions:
        return _by_kind(folder, wanted, last, as_json=as_json, told=told)
    if last is None:
        return _shown(reader.iter_records(folder, from_seq=_before(folder, wanted), told=told), wanted, as_json=as_json)
    return iter(_from_the_end(folder, wanted, last, as_json=as_json, told=told))


def _wait() -> bool:
    time.sleep(0.5)
    return True


def _before(folder: Path, wanted: Filter) -> int:
    """Where to begin: the segment of the first record that is wanted, with one before it for a configuration."""
    return max([0, *[first for first in reader.starts(folder) if first <= wanted.from_seq][-2:-1]])


def _by_kind(
    folder: Path, wanted: Filter, count: int | None, *, as_json: bool, told: Callable[[str], None] | None
) -> Iterator[str]:
    """The wanted lines where no decision is among them: nothing else of the log is decoded."""
    if count is None:
        return _shown(reader.of_kinds(folder, wanted.kinds, told=told), wanted, as_json=as_json)
    newest = (one for one in reader.of_kinds(folder, wanted.kinds, newest_first=True, told=told) if wanted.takes(one, None))
    return _shown(reversed(list(islice(newest, count))), wanted, as_json=as_json)


def _from_the_end(folder: Path, wanted: Filter, count: int, *, as_json: bool, told: Callable[[str], None] | None) -> list[str]:
    """The last ``count`` wanted lines, read from the newest back: a log of half a year is not read for ten."""
    found: deque[str] = deque()
    for stretch in reader.from_the_end(folder, told):
        piece = deque(_shown(iter(stretch), wanted, as_json=as_json), maxlen=count)
        found.extendleft(list(reversed(piece))[: count - len(found)])
        if len(found) >= count or stretch[0]["seq"] <= wanted.from_seq:
            break
    return list(found)


def _shown(records: Iterator[dict[str, Any]], wanted: Filter, *, as_json: bool) -> Iterator[str]:
    decode = DecisionReader()
    for record in records:
        decided = decode.feed(record)
        if wanted.takes(record, decided):
            yield json.dumps(record, sort_keys=True, separators=(",", ":")) if as_json else line(record, decided)


def line(record: dict[str, Any], decided: Decided | None) -> str:
    """One record in words."""
    when = headline.moment(record["utc_ms"]).removesuffix(" UTC")
    text = _decision(decided) if decided is not None else sentence(record)
    return harmless(f"{record['seq']:>8}  {when}  {record['kind']:<10}  {text}".rstrip())


def _decision(decided: Decided) -> str:
    temperature, power, light = (believed(decided.snapshot, decided.verdict, one) for one in QUANTITIES)
    sensed = f"{_reading(temperature, 'C', 1)}  {_reading(power, 'W', 2)}  {_reading(light, 'lx', 0)}"
    return f"{sensed}  {explain(decided.verdict, wall_words(decided.record['mono_us'], decided.record['utc_ms']))}"


def _reading(reading: Reading, unit: str, digits: int) -> str:
    if not isinstance(reading, Measured):
        return f"no {unit} ({why_missing(reading)})"
    return f"{reading.value / 1000:.{digits}f} {unit}{' (simulated)' if reading.simulated else ''}"
