"""Decisions read back as words, one after the other or from the end of a log; nothing is judged here and nothing is run again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.log.format.codec import CodecError
from adaptd.log.format.decisions import DecisionCoder
from adaptd.log.verify.reader import from_the_end, iter_records, starts
from adaptd.vocabulary import Snapshot, Verdict

UNREADABLE = (CodecError, LookupError, TypeError, AttributeError)  # what a record that no writer made can come to


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision as it was read, or read and re-run."""

    record: dict[str, Any]
    snapshot: Snapshot
    verdict: Verdict


class DecisionReader:
    """Fed with records in order, gives the decisions among them; what cannot be read is left out until the next whole one."""

    def __init__(self) -> None:
        self._coder: DecisionCoder | None = None
        self._version = 0

    def feed(self, record: dict[str, Any]) -> Decided | None:
        """The decision if the record is a readable one."""
        try:
            return self.read(record)
        except UNREADABLE:
            self._coder = None
            return None

    def read(self, record: dict[str, Any]) -> Decided | None:
        """The decision if the record is one that follows a configuration or is whole; raises CodecError where it does not fit."""
        kind, bind = record["kind"], record.get("bind")
        if kind == "config" or (kind == "decision" and self._coder is None and bind is not None):
            self._coder, self._version = coder_of(record) if isinstance(bind, str) else None, record["v"]
        if kind != "decision" or self._coder is None:
            return None
        if record["v"] != self._version:
            raise CodecError("it is of another version than the configuration before it")
        if record["v"] == 1:
            from adaptd.log.format import v1

            return Decided(record, *v1.read_decision(self._coder, record))
        snapshot, verdict = self._coder.read_snapshot(record), self._coder.read_verdict(record)
        self._coder.snapshot, self._coder.verdict = snapshot, verdict
        return Decided(record, snapshot, verdict)


def coder_of(record: dict[str, Any]) -> DecisionCoder:
    """The coder of the decisions that follow a ``config`` record, or begin with a whole one, of whatever version."""
    if record["v"] == 1:
        from adaptd.log.format import v1

        return DecisionCoder(record["bind"], v1.FORM)
    return DecisionCoder(record["bind"])


def last_decision(folder: Path) -> Decided | None:
    """The last decision on record, with what was sensed and decided in full; None for a log without one.

    Raises:
        CodecError: a record from which it follows cannot be read; the text names its number.
    """
    return next((found for stretch in from_the_end(folder) if (found := _last(stretch)) is not None), None)


def _last(stretch: list[dict[str, Any]]) -> Decided | None:
    reader, found = DecisionReader(), None
    for record in stretch:
        try:
            found = reader.read(record) or found
        except UNREADABLE as error:
            raise CodecError(f"record {record['seq']} cannot be read ({error})") from None
    return found


def decided_in(records: Iterator[dict[str, Any]]) -> Iterator[Decided]:
    """Every readable decision among ``records``."""
    reader = DecisionReader()
    for record in records:
        decided = reader.feed(record)
        if decided is not None:
            yield decided


def decisions(folder: Path, *, from_seq: int = 0) -> Iterator[Decided]:
    """Every readable decision of the log from record ``from_seq`` on, read from the start of the segment that holds it."""
    start = max((first for first in starts(folder) if first <= from_seq), default=0) if from_seq else 0
    return (decided for decided in decided_in(iter_records(folder, from_seq=start)) if decided.record["seq"] >= from_seq)
