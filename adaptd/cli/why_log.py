"""`adaptd why --audit DIR`: decisions in words, from the log alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adaptd.cli.errors import CommandError
from adaptd.cli.harmless import harmless
from adaptd.log.format.codec import CodecError
from adaptd.log.format.decisions import DecisionCoder
from adaptd.log.format.v1 import coder_of, read_decision
from adaptd.log.verify.reader import iter_records, starts
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
            coder = coder_of(record)
        elif record["kind"] == "decision" and coder is not None:
            try:
                verdict = read_decision(coder, record)[1]
            except CodecError as error:
                advice = f"check with `adaptd audit verify {folder}`"
                raise CommandError(f"{folder}: record {record['seq']} cannot be read ({error}), {advice}") from None
            yield LoggedDecision(record["seq"], record["mono_us"] - began_us, verdict)


def last_verdict(folder: Path) -> Verdict | None:
    """The last decision, read from the newest segment that begins with a configuration: the ones before it are left alone."""
    for start in reversed([0, *starts(folder)[1:]]):
        coder: DecisionCoder | None = None
        found: Verdict | None = None
        for record in iter_records(folder, from_seq=start):
            if record["kind"] == "config":
                coder = coder_of(record)
            elif record["kind"] == "decision" and coder is not None:
                try:
                    found = read_decision(coder, record)[1]
                except CodecError as error:
                    advice = f"check with `adaptd audit verify {folder}`"
                    raise CommandError(f"{folder}: record {record['seq']} cannot be read ({error}), {advice}") from None
        if found is not None:
            return found
    return None


def lines_from_log(folder: Path, *, everything: bool) -> list[str]:
    """The last decision in words, or with ``everything`` each change of operating point.

    Raises:
        CommandError: there is no decision to explain.
    """
    from adaptd.brain.tick import explain

    lines: list[str] = []
    last: LoggedDecision | None = None
    if not everything and (verdict := last_verdict(folder)) is not None:
        return [harmless(explain(verdict))]
    for decided in decisions(folder):
        changed = last is None or last.verdict.point != decided.verdict.point
        last = decided
        if everything and changed:
            lines.append(f"{decided.since_start_us / 1e6:9.1f} s  record {decided.seq}: {harmless(explain(decided.verdict))}")
    if last is None:
        raise CommandError(f"{folder}: holds no decision, name the folder that `adaptd run --audit` wrote")
    return lines if everything else [harmless(explain(last.verdict))]
