"""A verifier's finding in words and as JSON."""

from dataclasses import asdict
from typing import Any

from adaptd.base import decision_core as core
from adaptd.log.format.verdicts import VerifyReport
from adaptd.log.verify.headline import EMPTY, NEXT, bar, counted, headline, meaning, moment, rewritable_from


def report_json(report: VerifyReport) -> dict[str, Any]:
    """The finding with every field, for machines; ``headline`` holds the statements that a person reads."""
    return {
        **asdict(report),
        "verdict": report.verdict.value,
        "meaning": meaning(report) if report.records else "",
        "headline": [asdict(one) for one in headline(report)] if report.records else [],
        "rewritable_from": rewritable_from(report),
        "self_signed": report.self_signed,
        "unsigned": report.unsigned,
    }


def report_lines(report: VerifyReport) -> list[str]:
    """The finding for a person: the verdict first, then what was checked. What the log says comes out harmless."""
    return [harmless(line) for line in _lines(report)]


def _lines(report: VerifyReport) -> list[str]:
    lines = [f"{report.verdict.value}: {meaning(report) if report.records else 'there is nothing to check'}"]
    if report.first_bad_seq is not None:
        lines.append(f"  first bad record  {report.first_bad_seq}: {report.reason}")
        lines.append(f"  what to do        {NEXT[report.verdict] if report.records else EMPTY}")
    if not report.records:
        return lines
    span = f"{moment(report.first_ms)} to {moment(report.last_ms)}"
    made = f"{counted(report.boots, 'run')}, {counted(report.epochs, 'signing key')}"
    lines.append(f"  log               {report.origin or 'unknown'}, {made}")
    lines.append(f"  written           {span} by the device's clock")
    marks = {"good": " ", "unsure": "?", "bad": "!"}
    for one in headline(report):
        ran_by = f" ({core.running()} core)" if one.topic == "decisions" and report.replayed else ""
        lines.append(f"{marks[one.standing]} {one.topic:<17} {one.text}{ran_by}")
    lines.append(f"                    [{bar(report)}]  # witnessed  = sealed  . rewritable")
    if report.interruptions:
        unclean = sum(not one.clean for one in report.interruptions)
        lines.append(f"  interruptions     {len(report.interruptions)}, of which {unclean} without a clean stop")
    if report.clock_steps or report.degraded:
        lines.append(
            f"  on record         {counted(report.clock_steps, 'clock step')}, {counted(report.degraded, 'failure')} of the disk"
        )
    return lines + [f"  note              {note}" for note in report.notes]


def harmless(text: str) -> str:
    """``text`` with every character that is not printable written as ``\\u`` and its number in hex."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _number(one) for one in text)


def _number(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
