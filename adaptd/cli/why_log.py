"""`adaptd why --audit DIR`: decisions in words, from the log alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adaptd.cli.errors import CommandError
from adaptd.log.format.codec import CodecError
from adaptd.log.format.decisions import DecisionCoder
from adaptd.log.verify.reader import iter_records
from adaptd.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """One decision of the log."""

    seq: int
    since_start_us: int
    verdict: Verdict


def decisions(folder: Path) -> Iterator[LoggedDecision]:
    """Every decision of a log in order.

    Raises:
        CommandError: the folder holds no log, or a record in it cannot be read.
    """
    coder: DecisionCoder | None = None
    began_us = 0
    for record in iter_records(folder):
        if record["kind"] == "start":
            began_us = record["mono_us"]
        elif record["kind"] == "config":
            coder = DecisionCoder(record["bind"])
        elif record["kind"] == "decision" and coder is not None:
            try:
                coder.snapshot, coder.verdict = coder.read_snapshot(record), coder.read_verdict(record)
            except CodecError as error:
                advice = f"check with `adaptd audit verify {folder}`"
                raise CommandError(f"{folder}: record {record['seq']} cannot be read ({error}), {advice}") from None
            yield LoggedDecision(record["seq"], record["mono_us"] - began_us, coder.verdict)


def lines_from_log(folder: Path, *, everything: bool) -> list[str]:
    """The last decision in words, or with ``everything`` each change of operating point.

    Raises:
        CommandError: there is no decision to explain.
    """
    from adaptd.brain.tick import explain

    lines: list[str] = []
    last: LoggedDecision | None = None
    for decided in decisions(folder):
        changed = last is None or last.verdict.point != decided.verdict.point
        last = decided
        if everything and changed:
            lines.append(f"{decided.since_start_us / 1e6:9.1f} s  record {decided.seq}: {explain(decided.verdict)}")
    if last is None:
        raise CommandError(f"{folder}: holds no decision, name the folder that `adaptd run --audit` wrote")
    return lines if everything else [explain(last.verdict)]
