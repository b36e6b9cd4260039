"""A verifier's finding in words and as JSON."""

from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from adaptd.base import decision_core as core
from adaptd.log.format.verdicts import Outcome, VerifyReport

MEANING = {
    Outcome.VALID: "complete, unchanged, and every decision follows",
    Outcome.TORN_TAIL: "sound up to the last acknowledgement; what stands behind it proves nothing",
    Outcome.EVIDENCE_INSUFFICIENT: "an efficient engine served without proof",
    Outcome.GAP: "time is unaccounted for",
    Outcome.REPLAY_MISMATCH: "a decision does not follow from what was sensed",
    Outcome.FORGED: "the records are not the ones that were signed",
    Outcome.DAMAGED: "records are missing or changed",
}


def report_json(report: VerifyReport) -> dict[str, Any]:
    """The finding with every field, for machines."""
    plain = asdict(report)
    plain["verdict"] = report.verdict.value
    return {**plain, "self_signed": report.self_signed, "unsigned": report.unsigned, "meaning": MEANING[report.verdict]}


def report_lines(report: VerifyReport) -> list[str]:
    """The finding for a person: the verdict first."""
    verdict = report.verdict.value
    if report.verdict is Outcome.VALID:
        lines = [f"{verdict}: {MEANING[report.verdict]}"]
    else:
        lines = [f"{verdict}: {MEANING[report.verdict]}", f"  first bad record  {report.first_bad_seq}: {report.reason}"]
    if not report.records:
        return lines
    last = report.first_seq + report.records - 1
    lines.append(
        f"  log               {report.origin or 'unknown'}, records {report.first_seq} to {last} in {report.segments} segments"
    )
    span = f"{_when(report.first_ms)} to {_when(report.last_ms)}"
    lines.append(f"  written           {span}, {report.boots} runs, {report.epochs} key epochs")
    lines.append(f"  decisions         {report.decisions}, {_replayed(report)}")
    lines.append(f"  signed            {_signed(report)}")
    lines.append(f"  proof             {_proof(report)}")
    if report.interruptions:
        unclean = sum(not one.clean for one in report.interruptions)
        lines.append(f"  interruptions     {len(report.interruptions)}, of which {unclean} without a clean stop")
    if report.clock_steps or report.degraded:
        lines.append(f"  on record         {report.clock_steps} clock steps, {report.degraded} failures of the disk")
    if report.own_key:
        lines.append("  note              no --key was given: the log vouches for itself with the key beside it")
    return lines + [f"  note              {note}" for note in report.notes]


def _replayed(report: VerifyReport) -> str:
    if report.replayed is None:
        return "not run again"
    same = "all run again with the same result" if report.replayed == report.decisions else f"{report.replayed} run again"
    other = "; the decision code is not the one that made them" if report.code_matches is False else ""
    return f"{same} by the {core.running()} core{other}"


def _signed(report: VerifyReport) -> str:
    parts = []
    if report.witnessed is not None:
        by = f" by {', '.join(report.witnesses)}" if report.witnesses else " by a copy of a checkpoint"
        parts.append(f"witnessed up to record {report.witnessed - 1}{by}")
    parts.append(f"{report.self_signed} records signed by the device{' alone' if report.witnessed is None else ' only'}")
    if report.unsigned:
        parts.append(f"{report.unsigned} not signed")
    return ", ".join(parts)


def _proof(report: VerifyReport) -> str:
    if report.replayed is None:
        return "not recomputed"
    frames = sum(one.frames for one in report.intervals)
    weak = sum(not one.admitted for one in report.intervals)
    if not report.intervals:
        return "no efficient engine served"
    return f"{len(report.intervals)} intervals with {frames} efficient frames, " + (
        f"{weak} of them without proof" if weak else "proof recomputed and held in every one"
    )


def _when(ms: int | None) -> str:
    if ms is None:
        return "unknown"
    try:
        return datetime.fromtimestamp(ms / 1000, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"
