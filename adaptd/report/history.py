"""Decisions read back as words, for people and reports; nothing is judged here and nothing is run again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from adaptd.log.format.codec import CodecError
from adaptd.log.format.decisions import DecisionCoder
from adaptd.log.format.v1 import coder_of, read_decision
from adaptd.log.verify.reader import iter_records, segment_files, watched
from adaptd.log.verify.replay import Decided


class DecisionReader:
    """Fed with records in order, gives the decisions among them; what cannot be read is left out until the next ``config``."""

    def __init__(self) -> None:
        self._coder: DecisionCoder | None = None

    def feed(self, record: dict[str, Any]) -> Decided | None:
        """The decision if the record is a readable one."""
        if record["kind"] == "config":
            self._coder = coder_of(record) if isinstance(record.get("bind"), str) else None
        if record["kind"] != "decision" or self._coder is None:
            return None
        try:
            snapshot, verdict = read_decision(self._coder, record)
        except (CodecError, KeyError, TypeError):
            self._coder = None
            return None
        return Decided(record, snapshot, verdict)


def decisions(folder: Path, *, from_seq: int = 0) -> Iterator[Decided]:
    """Every readable decision of the log from record ``from_seq`` on."""
    reader = DecisionReader()
    for record in iter_records(folder, from_seq=_config_before(folder, from_seq)):
        decided = reader.feed(record)
        if decided is not None and record["seq"] >= from_seq:
            yield decided


def all_decisions(folder: Path, progress: Callable[[int, int], None] | None = None) -> Iterator[Decided]:
    """Every readable decision of the log, for someone who waits for the end of it."""
    reader = DecisionReader()
    for record in watched(folder, progress):
        decided = reader.feed(record)
        if decided is not None:
            yield decided


def last_decision(folder: Path) -> Decided | None:
    """The last decision on record, with what was sensed and decided in full; None for a log without one."""
    found = None
    files = segment_files(folder)
    for start in _starts(folder, len(files)):
        for decided in decisions(folder, from_seq=start):
            found = decided
        if found is not None:
            break
    return found


def _config_before(folder: Path, seq: int) -> int:
    """Where to begin reading so that the decision at ``seq`` can be decoded: its segment's first configuration."""
    for start in _starts(folder, len(segment_files(folder))):
        if start <= seq:
            return start
    return 0


def _starts(folder: Path, count: int) -> Iterator[int]:
    """First record numbers of segments that begin with a configuration, newest first, then 0."""
    files = segment_files(folder)
    for at in range(count - 1, 0, -1):
        head = files[at].read_bytes()[:400_000]
        if b'"kind":"config"' in head:
            line = head.split(b"\n", 2)[1]
            position = line.rfind(b'"seq":')
            if position >= 0:
                yield int(line[position + 6 :].split(b",")[0])
    yield 0
