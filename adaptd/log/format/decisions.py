"""Decisions as records: what was sensed and what was decided, each written as the change since the decision before.

Shadow frames are events, not states: they are written against none, and their number against the length of their list.
"""

from typing import Any

from adaptd.base.canonical_json import Plain, same_bytes
from adaptd.log.format.codec import CodecError, row, words
from adaptd.log.format.shapes import Atom, Repeated
from adaptd.vocabulary import Shadow, Snapshot, Telemetry, Verdict

CHAIN_FIELDS = frozenset({"v", "seq", "boot", "mono_us", "utc_ms", "kind", "prev"})
SHORT = {"picture": "pic", "predicted_mc": "pred_mc", "predicted_mw": "pred_mw"}

_SNAPSHOT = words(Snapshot).without("now_us", "worker", short={"picture": SHORT["picture"]})
_WORKER = words(Telemetry).without("shadow_frames", "shadows")
_SHADOWS = Repeated(row(Shadow))
_COUNT = Atom(int)
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
        sensed = _write_snapshot(self.snapshot, snapshot)
        if self.verdict is None:
            fields = {"bind": self._binding, "in": sensed, "out": _VERDICT.full(verdict)}
        else:
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


def _write_snapshot(before: Snapshot | None, snapshot: Snapshot) -> dict[str, Plain]:
    """What was sensed, against the snapshot before."""
    worker = snapshot.worker
    plain: dict[str, Plain] = _SNAPSHOT.full(snapshot) if before is None else _SNAPSHOT.diff(before, snapshot)
    reported: dict[str, Plain] = _WORKER.full(worker) if before is None else _WORKER.diff(before.worker, worker)
    if worker.shadows:
        reported["shadows"] = _SHADOWS.full(worker.shadows)
    if worker.shadow_frames != len(worker.shadows):
        reported["shadow_frames"] = worker.shadow_frames
    if reported:
        plain["worker"] = reported
    return plain


def _read_snapshot(before: Snapshot | None, plain: dict[str, Plain], now_us: int) -> Snapshot:
    rest = dict(plain)
    reported = rest.pop("worker", {})
    shadows: tuple[Shadow, ...] = ()
    frames = 0
    if "shadows" in reported or "shadow_frames" in reported:
        reported = dict(reported)
        shadows = _SHADOWS.read(reported.pop("shadows", []))
        frames = _COUNT.read(reported.pop("shadow_frames", len(shadows)))
    if before is None:
        worker = _WORKER.read(reported, shadow_frames=frames, shadows=shadows)
        first: Snapshot = _SNAPSHOT.read(rest, now_us=now_us, worker=worker)
        return first
    worker = _WORKER.patch(before.worker, reported, shadow_frames=frames, shadows=shadows)
    snapshot: Snapshot = _SNAPSHOT.patch(before, rest, now_us=now_us, worker=worker)
    return snapshot


def same_fields(record: dict[str, Any], fields: dict[str, Plain]) -> bool:
    """Whether the record says exactly ``fields``, byte for byte, besides its chain fields."""
    if len(record) != len(fields) + len(CHAIN_FIELDS):
        return False
    if "in" in fields and record.get("in") != fields["in"]:  # every leaf of it was read by type, so equal is the same
        return False
    return all(name in record and (name == "in" or same_bytes(record[name], fields[name])) for name in fields)
