"""`adaptd why --audit DIR`: decisions in words, from the log alone."""

from collections.abc import Iterator
from pathlib import Path

from adaptd.base.clock import wall_words
from adaptd.brain.decide.words import explain
from adaptd.cli.audit_args import need_log
from adaptd.cli.audit_words import harmless
from adaptd.cli.errors import CommandError
from adaptd.log.format.codec import CodecError
from adaptd.log.verify.decided import UNREADABLE, Decided, DecisionReader, last_decision
from adaptd.log.verify.reader import iter_records


def _unreadable(folder: Path, what: str) -> CommandError:
    return CommandError(f"{folder}: {what}, check with `adaptd audit verify {folder}`")


def _said(decided: Decided) -> str:
    return harmless(explain(decided.verdict, wall_words(decided.record["mono_us"], decided.record["utc_ms"])))


def lines_from_log(folder: Path, *, everything: bool) -> list[str]:
    """The last decision in words, or with ``everything`` each change of operating point.

    Raises:
        CommandError: there is no decision to explain, or a record cannot be read.
    """
    need_log(folder)
    try:
        last = None if everything else last_decision(folder)
    except CodecError as error:
        raise _unreadable(folder, str(error)) from None
    lines = [_said(last)] if last is not None else list(_changes(folder)) if everything else []
    if not lines:
        raise CommandError(f"{folder}: holds no decision, name the folder that `adaptd run --audit` wrote")
    return lines


def _changes(folder: Path) -> Iterator[str]:
    """A line for each decision that asked for another operating point than the one before."""
    reader, began_us, before = DecisionReader(), 0, None
    for record in iter_records(folder):
        if record["kind"] == "start":
            began_us = record["mono_us"]
        try:
            decided = reader.read(record)
        except UNREADABLE as error:
            raise _unreadable(folder, f"record {record['seq']} cannot be read ({error})") from None
        if decided is not None and decided.verdict.point != before:
            before = decided.verdict.point
            yield f"{(record['mono_us'] - began_us) / 1e6:9.1f} s  record {record['seq']}: {_said(decided)}"
