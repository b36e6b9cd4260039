"""Decisions as records: what was sensed and what was decided, each written as the change since the decision before.

Shadow frames are events, not states: they are written against none, and their number against the length of their list.
"""

from dataclasses import replace
from typing import Any

from adaptd.record.canonical import Plain, same_bytes
from adaptd.record.codec import CodecError, words
from adaptd.vocabulary import Snapshot, Telemetry, Verdict

CHAIN_FIELDS = frozenset({"v", "seq", "boot", "mono_us", "utc_ms", "kind", "prev"})
SHORT = {"temperature": "temp", "predicted_mc": "pred_mc", "predicted_mw": "pred_mw"}

_SNAPSHOT = words(Snapshot).without("now_us", short={"temperature": SHORT["temperature"]})
_VERDICT = words(Verdict).without(short={name: SHORT[name] for name in ("predicted_mc", "predicted_mw")})


class DecisionCoder:
    """Writes or reads the decisions that follow one ``config`` record. The first is whole and names the binding.

    A record's ``mono_us`` is the snapshot's ``now_us``; ``lag_us`` appears only where a later record had already been written.
    """

    def __init__(self, binding: str) -> None:
        self._binding = binding
        self.snapshot: Snapshot | None = None
        self.verdict: Verdict | None = None

    def write(self, snapshot: Snapshot, verdict: Verdict, mono_us: int) -> dict[str, Plain]:
        """The fields of the next decision record, which will carry ``mono_us``."""
        fields: dict[str, Plain] = {}
        if self.snapshot is None or self.verdict is None:
            fields = {"bind": self._binding, "in": _SNAPSHOT.full(snapshot), "out": _VERDICT.full(verdict)}
        else:
            sensed = _SNAPSHOT.diff(_base(self.snapshot, len(snapshot.worker.shadows)), snapshot)
            decided = _VERDICT.diff(self.verdict, verdict)
            if sensed:
                fields["in"] = sensed
            if decided:
                fields["out"] = decided
        if mono_us != snapshot.now_us:
            fields["lag_us"] = mono_us - snapshot.now_us
        self.snapshot, self.verdict = snapshot, verdict
        return fields

    def read_snapshot(self, record: dict[str, Any]) -> Snapshot:
        """The snapshot of a decision record; raises CodecError where it does not fit. Changes nothing."""
        lag_us = record.get("lag_us", 0)
        if type(lag_us) is not int:
            raise CodecError("lag_us is not an integer")
        now_us = record["mono_us"] - lag_us
        if self.snapshot is None and record.get("bind") != self._binding:
            raise CodecError("the decision is not bound to the configuration before it")
        try:
            return _read_snapshot(self.snapshot, record.get("in", {}), now_us)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise CodecError(f"what was sensed cannot be read: {error}") from None

    def read_verdict(self, record: dict[str, Any]) -> Verdict:
        """The verdict of a decision record; raises CodecError where it does not fit. Changes nothing."""
        try:
            if self.verdict is None:
                first: Verdict = _VERDICT.read(record.get("out"))
                return first
            verdict: Verdict = _VERDICT.patch(self.verdict, record["out"]) if "out" in record else self.verdict
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise CodecError(f"what was decided cannot be read: {error}") from None
        return verdict


def _read_snapshot(before: Snapshot | None, plain: Plain, now_us: int) -> Snapshot:
    if before is None:
        first: Snapshot = _SNAPSHOT.read(plain, now_us=now_us)
        return first
    shadows = plain.get("worker", {}).get("shadows", ())
    snapshot: Snapshot = _SNAPSHOT.patch(_base(before, len(shadows)), plain, now_us=now_us)
    return snapshot


def _base(before: Snapshot, shadows: int) -> Snapshot:
    """What the next snapshot is written against."""
    worker = before.worker
    if not worker.shadows and worker.shadow_frames == shadows:
        return before
    return replace(before, worker=_worker_base(worker, shadows))


def _worker_base(worker: Telemetry, shadows: int) -> Telemetry:
    return replace(worker, shadow_frames=shadows, shadows=())


def same_fields(record: dict[str, Any], fields: dict[str, Plain]) -> bool:
    """Whether the record says exactly ``fields``, byte for byte, besides its chain fields."""
    if len(record) != len(fields) + len(CHAIN_FIELDS):
        return False
    return all(name in record and same_bytes(record[name], fields[name]) for name in fields)
