"""Decisions as records: what was sensed and what was decided, each written as the change since the decision before.

Shadow frames and stretches are events, not states: they are written against none, and the number of shadow frames against the
length of their list. Every now and then a decision is written whole, so that a reader may begin near the end.
"""

from typing import Any

from adaptd.base.canonical_json import Plain, same_bytes
from adaptd.log.format.codec import CodecError, row, words
from adaptd.log.format.shapes import Atom, Repeated, misfit
from adaptd.vocabulary import Shadow, Snapshot, Stretch, Telemetry, Verdict

UNBOOKED = "unbooked"  # why a run stopped whose last frames could not be booked
CHAIN_FIELDS = frozenset({"v", "seq", "boot", "mono_us", "utc_ms", "kind", "prev"})
WHOLE_EVERY = 2048  # decisions: reading the last one takes at most so many lines
SHORT = {"picture": "pic", "predicted_mc": "pred_mc", "predicted_mw": "pred_mw"}


_STRETCHES = Repeated(row(Stretch))


class Form:
    """How snapshots and verdicts of one version of the log are written; version 1 knew no stretches."""

    def __init__(
        self, snapshot: type, telemetry: type, shadow: type, verdict: type, short: dict[str, str], *, stretches: bool = True
    ) -> None:
        self.snapshot = words(snapshot).without("now_us", "worker", short=short)
        events = ("shadow_frames", "shadows", "stretches") if stretches else ("shadow_frames", "shadows")
        self.worker = words(telemetry).without(*events)
        self.shadows = Repeated(row(shadow))
        self.verdict = words(verdict).without(short=short)
        self.has_stretches = stretches


FORM = Form(Snapshot, Telemetry, Shadow, Verdict, SHORT)
_COUNT = Atom(int)


class DecisionCoder:
    """Writes or reads the decisions that follow one ``config`` record. The first is whole and names the binding, as does any
    other that carries ``bind``.

    A record's ``mono_us`` is the snapshot's ``now_us``; ``lag_us`` appears only where a later record had already been written.
    """

    def __init__(self, binding: str, form: Form = FORM) -> None:
        self._binding, self._form = binding, form
        self.snapshot: Snapshot | None = None
        self.verdict: Verdict | None = None
        self._since = 0  # decisions written as changes since the last whole one

    @property
    def whole_due(self) -> bool:
        """Whether a writer makes the next decision a whole one if it is the first after a heartbeat: a replay may begin there."""
        return self._since >= WHOLE_EVERY // 2

    @property
    def whole_overdue(self) -> bool:
        """Whether a writer makes the next decision a whole one in any case."""
        return self._since >= WHOLE_EVERY - 1

    def write(self, snapshot: Snapshot, verdict: Verdict, mono_us: int, *, whole: bool = False) -> dict[str, Plain]:
        """The fields of the next decision record, which will carry ``mono_us``; the first is ``whole`` in any case."""
        fields: dict[str, Plain] = {}
        whole = whole or self.verdict is None
        self._since = 0 if whole else self._since + 1
        sensed = _write_snapshot(self._form, None if whole else self.snapshot, snapshot)
        if whole or self.verdict is None:
            fields = {"bind": self._binding, "in": sensed, "out": self._form.verdict.full(verdict)}
        else:
            decided = self._form.verdict.diff(self.verdict, verdict)
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
        whole = self.snapshot is None or "bind" in record
        if whole and record.get("bind") != self._binding:
            raise CodecError("the decision is not bound to the configuration before it")
        try:
            return _read_snapshot(self._form, None if whole else self.snapshot, record.get("in", {}), now_us)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise CodecError(f"what was sensed cannot be read: {misfit(error)}") from None

    def read_verdict(self, record: dict[str, Any]) -> Verdict:
        """The verdict of a decision record; raises CodecError where it does not fit. Changes nothing."""
        try:
            if self.verdict is None or "bind" in record:
                first: Verdict = self._form.verdict.read(record.get("out"))
                return first
            verdict: Verdict = self._form.verdict.patch(self.verdict, record["out"]) if "out" in record else self.verdict
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise CodecError(f"what was decided cannot be read: {misfit(error)}") from None
        return verdict


def ended_clean(record: dict[str, Any]) -> bool:
    """Whether a record says that its run stopped with every frame booked."""
    return record["kind"] == "stop" and record.get("reason") != UNBOOKED


def stretches_in(record: dict[str, Any]) -> tuple[Stretch, ...]:
    """What a decision record holds of the frames that were served before it; none where it cannot be read."""
    try:
        found: tuple[Stretch, ...] = _STRETCHES.read(record["in"]["worker"]["stretches"])
    except (CodecError, TypeError, ValueError, KeyError, AttributeError):
        return ()
    return found


def _write_snapshot(form: Form, before: Snapshot | None, snapshot: Snapshot) -> dict[str, Plain]:
    """What was sensed, against the snapshot before."""
    worker = snapshot.worker
    plain: dict[str, Plain] = form.snapshot.full(snapshot) if before is None else form.snapshot.diff(before, snapshot)
    reported: dict[str, Plain] = form.worker.full(worker) if before is None else form.worker.diff(before.worker, worker)
    if worker.shadows:
        reported["shadows"] = form.shadows.full(worker.shadows)
    if form.has_stretches and worker.stretches:
        reported["stretches"] = _STRETCHES.full(worker.stretches)
    if worker.shadow_frames != len(worker.shadows):
        reported["shadow_frames"] = worker.shadow_frames
    if reported:
        plain["worker"] = reported
    return plain


def _read_snapshot(form: Form, before: Snapshot | None, plain: dict[str, Plain], now_us: int) -> Snapshot:
    rest = dict(plain)
    reported = rest.pop("worker", {})
    shadows: tuple[Any, ...] = ()
    frames = 0
    stretches: tuple[Stretch, ...] = ()
    if "stretches" in reported:
        reported = dict(reported)
        stretches = _STRETCHES.read(reported.pop("stretches"))
    if "shadows" in reported or "shadow_frames" in reported:
        reported = dict(reported)
        shadows = form.shadows.read(reported.pop("shadows", []))
        frames = _COUNT.read(reported.pop("shadow_frames", len(shadows)))
    events = {"shadow_frames": frames, "shadows": shadows} | ({"stretches": stretches} if form.has_stretches else {})
    if before is None:
        worker = form.worker.read(reported, **events)
        first: Snapshot = form.snapshot.read(rest, now_us=now_us, worker=worker)
        return first
    worker = form.worker.patch(before.worker, reported, **events)
    snapshot: Snapshot = form.snapshot.patch(before, rest, now_us=now_us, worker=worker)
    return snapshot


def same_fields(record: dict[str, Any], fields: dict[str, Plain]) -> bool:
    """Whether the record says exactly ``fields``, byte for byte, besides its chain fields."""
    if len(record) != len(fields) + len(CHAIN_FIELDS):
        return False
    if "in" in fields and record.get("in") != fields["in"]:  # every leaf of it was read by type, so equal is the same
        return False
    return all(name in record and (name == "in" or same_bytes(record[name], fields[name])) for name in fields)
