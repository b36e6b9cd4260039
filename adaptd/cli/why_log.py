"""`adaptd why --audit DIR`: decisions in words, from the log alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.base.clock import wall_words
from adaptd.brain.decide.words import explain
from adaptd.cli.audit_args import need_log
from adaptd.cli.audit_words import harmless
from adaptd.cli.errors import CommandError
from adaptd.log.format.codec import CodecError
from adaptd.log.verify.decided import UNREADABLE, DecisionReader, last_decision
from adaptd.log.verify.reader import iter_records
from adaptd.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """One decision of the log."""

    seq: int
    since_start_us: int
    verdict: Verdict
    clock: Callable[[int], str]


def decisions(folder: Path) -> Iterator[LoggedDecision]:
    """Every decision of a log in order.

    Raises:
        CommandError: the folder holds no log, or a record in it cannot be read.
    """
    reader, began_us = DecisionReader(), 0
    for record in iter_records(folder):
        if record["kind"] == "start":
            began_us = record["mono_us"]
        try:
            decided = reader.read(record)
        except UNREADABLE as error:
            raise _unreadable(folder, f"record {record['seq']} cannot be read ({error})") from None
        if decided is not None:
            yield LoggedDecision(record["seq"], record["mono_us"] - began_us, decided.verdict, _clock(record))


def _clock(record: dict[str, Any]) -> Callable[[int], str]:
    return wall_words(record["mono_us"], record["utc_ms"])


def _unreadable(folder: Path, what: str) -> CommandError:
    return CommandError(f"{folder}: {what}, check with `adaptd audit verify {folder}`")


def lines_from_log(folder: Path, *, everything: bool) -> list[str]:
    """The last decision in words, or with ``everything`` each change of operating point.

    Raises:
        CommandError: there is no decision to explain.
    """
    need_log(folder)
    if everything:
        return list(_changes(folder))
    try:
        last = last_decision(folder)
    except CodecError as error:
        raise _unreadable(folder, str(error)) from None
    if last is None:
        raise CommandError(f"{folder}: holds no decision, name the folder that `adaptd run --audit` wrote")
    return [harmless(explain(last.verdict, _clock(last.record)))]


def _changes(folder: Path) -> Iterator[str]:
    """A line for each decision that asked for another operating point than the one before."""
    last: LoggedDecision | None = None
    for decided in decisions(folder):
        if last is None or last.verdict.point != decided.verdict.point:
            why = harmless(explain(decided.verdict, decided.clock))
            yield f"{decided.since_start_us / 1e6:9.1f} s  record {decided.seq}: {why}"
        last = decided
    if last is None:
        raise CommandError(f"{folder}: holds no decision, name the folder that `adaptd run --audit` wrote")
