"""What a verification checked, as statements in a fixed order: the same words on the terminal, in JSON and on the page.

A statement says exactly what was checked and nothing more. ``standing`` is ``good``, ``unsure`` where something was not checked
or rests on the device alone, and ``bad`` where it does not hold.
"""

from dataclasses import dataclass
from datetime import datetime, timezone

from adaptd.log import KEEP_DAYS
from adaptd.log.format.verdicts import Outcome, VerifyReport

GOOD, UNSURE, BAD = "good", "unsure", "bad"
BROKEN = {
    Outcome.TORN_TAIL: "sound up to the last acknowledgement; what stands behind it proves nothing",
    Outcome.EVIDENCE_INSUFFICIENT: "an efficient engine served without proof",
    Outcome.GAP: "time is unaccounted for",
    Outcome.REPLAY_MISMATCH: "a decision does not follow from what was sensed",
    Outcome.FORGED: "the records are not the ones that were signed",
    Outcome.DAMAGED: "records are missing or changed",
}

NEXT = {
    Outcome.TORN_TAIL: "after a power loss nothing need be done: adaptd cuts it off at its next start and says so on record",
    Outcome.EVIDENCE_INSUFFICIENT: "keep this copy, and see what was known then: 'adaptd audit show DIR --from-seq N --last 20'",
    Outcome.GAP: "ask what happened to the device in that time; the records around it stand",
    Outcome.REPLAY_MISMATCH: "keep this copy, and run it again with the release that made it; if that says the same, "
    "the record was made up",
    Outcome.FORGED: "keep this copy, and ask for the log and for its public key from another source",
    Outcome.DAMAGED: "keep this copy, and take the log from another one; 'adaptd audit show DIR' reads what is left of this one",
}
"""What a person does about each finding."""
EMPTY = "name the folder that holds the log; if it is this one, take the log from a copy"


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that was checked, or was not."""

    topic: str
    standing: str
    text: str


def meaning(report: VerifyReport) -> str:
    """The verdict in one line, made of what was checked."""
    if report.verdict is not Outcome.VALID:
        return BROKEN[report.verdict]
    last = report.first_seq + report.records - 1
    whole = f"records {report.first_seq} to {last} are complete and unchanged"
    if report.not_run_again:
        follows = ", and every decision of this version follows" if report.replayed else ""
        return f"{whole}{follows}; {_older(report)}"
    return f"{whole}, and every decision follows" if _all_run_again(report) else f"{whole}; {_replayed(report)}"


def headline(report: VerifyReport) -> list[Statement]:
    """Every statement about a log that has records, in the order in which a person asks."""
    last = report.first_seq + report.records - 1
    whole = report.verdict not in (Outcome.DAMAGED, Outcome.FORGED)
    records = f"{report.first_seq} to {last} in {counted(report.segments, 'segment')}, re-encoded and compared byte by byte"
    ran = GOOD if _all_run_again(report) else BAD if report.verdict is Outcome.REPLAY_MISMATCH else UNSURE
    gaps = counted(len(report.gaps), "gap") if report.gaps else "no unexplained silence"
    given = "checked under the public key that was given"
    beside = "checked only against the key in this folder, which an attacker could replace: give your own copy with --key"
    return [
        Statement("records", GOOD if whole else BAD, records),
        Statement("decisions", ran, _replayed(report)),
        Statement("proof", *_proof(report)),
        *([Statement("account", *_account(report))] if report.coins != 0 or report.coins_waiting else []),
        *([Statement("statements", *_statements(report))] if report.statements else []),
        Statement("time", BAD if report.gaps else GOOD, gaps),
        Statement("key", UNSURE if report.own_key else GOOD, beside if report.own_key else given),
        Statement("complete", *_complete(report)),
        Statement("witnessed", *_witnessed(report)),
        Statement("sealed", *_sealed(report)),
        Statement("rewritable", *_rewritable(report)),
    ]


def rewritable_from(report: VerifyReport) -> int:
    """The first record that whoever holds the folder, its private key included, could write anew without being found out.

    What others have witnessed is fixed. What a key signed that was erased since is fixed too, but only for a reader who brings
    the first public key along.
    """
    sealed = report.first_seq if report.own_key else max(report.first_seq, report.sealed)
    return max(sealed, report.witnessed or 0)


def bar(report: VerifyReport, width: int = 48) -> str:
    """The log from its first record to its last: ``#`` witnessed, ``=`` sealed by erased keys, ``.`` rewritable."""
    end = report.first_seq + report.records
    if report.records <= 0:
        return ""
    marks = []
    for at in range(width):
        seq = report.first_seq + report.records * at // width
        sealed = seq < report.sealed and not report.own_key
        marks.append("#" if seq < min(report.witnessed or 0, end) else "=" if sealed else ".")
    return "".join(marks)


def _all_run_again(report: VerifyReport) -> bool:
    return report.replayed is not None and report.replayed == report.decisions


def _older(report: VerifyReport) -> str:
    """Decisions of an older version of the log: how many, which core made them, and which release runs them again."""
    return "; ".join(
        f"{one.decisions} decisions were not run again: decision core {one.code[:12]} made them, adaptd {one.release} has it"
        for one in report.not_run_again
    )


def _replayed(report: VerifyReport) -> str:
    if report.not_run_again and report.replayed is not None:
        ran = f"{report.replayed} of {report.decisions} decisions run again with the same result; " if report.replayed else ""
        return ran + _older(report)
    other = "; the decision core here is not the one that made them" if report.code_matches is False else ""
    if report.replayed is None:
        return f"{report.decisions} decisions were not run again"
    if _all_run_again(report):
        return f"all {report.decisions} decisions run again with the same result{other}"
    return f"{report.replayed} of {report.decisions} decisions run again with the same result{other}"


def _proof(report: VerifyReport) -> tuple[str, str]:
    if report.replayed is None:
        return UNSURE, "the accuracy evidence was not recomputed"
    if report.not_run_again and not report.replayed:
        return UNSURE, "the accuracy evidence is what the log says of itself"
    if not report.intervals:
        return GOOD, "no efficient engine served"
    weak = sum(not one.admitted for one in report.intervals)
    frames = sum(one.frames for one in report.intervals)
    served = f"{counted(frames, 'frame')} of efficient engines in {counted(len(report.intervals), 'interval')}"
    return (BAD, f"{served}, {weak} of them without evidence") if weak else (GOOD, f"{served}, the evidence held in every one")


def _account(report: VerifyReport) -> tuple[str, str]:
    """The coin of the loss account: which frames were compared was nobody's choice."""
    if report.coins is None:
        return BAD, "a coin does not fit its commitment, or a draw its coin"
    waiting = f"; {report.coins_waiting} not revealed yet" if report.coins_waiting else ""
    draws = f"{counted(report.draws, 'draw')} among {counted(report.tossed_frames, 'frame')} follow{waiting}"
    standing = UNSURE if report.coins_waiting else GOOD
    return standing, f"{counted(report.coins, 'coin')} revealed as committed, {draws}"


def _statements(report: VerifyReport) -> tuple[str, str]:
    """What the device said of its own losses, held against the decisions."""
    said = f"{counted(report.statements, 'statement')} of the loss account"
    if _all_run_again(report) and report.verdict is not Outcome.REPLAY_MISMATCH:
        return GOOD, f"{said} recomputed from the decisions, with the same bounds"
    return UNSURE, f"{said} not recomputed"


def _complete(report: VerifyReport) -> tuple[str, str]:
    if not report.first_seq:
        return GOOD, "from record 0: nothing was removed"
    early = any(one.keep_days < KEEP_DAYS for one in report.removals)
    said = "; ".join(
        f"{one.records} records{'' if one.decisions is None else f' with {one.decisions} decisions'} removed on"
        f" {day(one.utc_ms)}, older than {one.keep_days} days"
        + (f", fewer than the {KEEP_DAYS} that are usual" if one.keep_days < KEEP_DAYS else "")
        for one in report.removals
    )
    return UNSURE if early else GOOD, f"from record {report.first_seq}: {said or 'what came before was removed on record'}"


def _witnessed(report: VerifyReport) -> tuple[str, str]:
    if report.witnessed is None:
        return UNSURE, "by nobody outside this device"
    by = [f"{name} at {moment(time_s * 1000)}" for name, time_s in report.witnesses]
    return GOOD, f"up to record {report.witnessed - 1} by {', '.join(by) or 'a copy of a checkpoint kept elsewhere'}"


def _sealed(report: VerifyReport) -> tuple[str, str]:
    unsigned = f"; {report.unsigned} records after the last signature are not signed" if report.unsigned else ""
    if not report.sealed:
        return UNSURE, f"no signing key was erased yet{unsigned}"
    standing = UNSURE if report.own_key or report.unsigned else GOOD
    only = ", which holds only under your own copy of the public key" if report.own_key else ""
    return standing, f"up to record {report.sealed - 1} by keys that were erased since{only}{unsigned}"


def _rewritable(report: VerifyReport) -> tuple[str, str]:
    first = rewritable_from(report)
    if first >= report.first_seq + report.records:
        return GOOD, "no record"
    return UNSURE, f"from record {first} on by whoever holds this folder with its private key"


def counted(count: int, noun: str) -> str:
    """A number and its noun, in the plural where it is one."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def moment(ms: int | None) -> str:
    """A moment of the device's wall clock for people, or ``unknown``."""
    if ms is None:
        return "unknown"
    try:
        return f"{datetime.fromtimestamp(ms / 1000, tz=timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"


def day(ms: int) -> str:
    """The day of a moment."""
    return moment(ms)[:10]
