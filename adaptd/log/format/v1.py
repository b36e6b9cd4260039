"""Version 1 of the log (adaptd 0.1.0): its words as they were, frozen, and what they mean in the words of today.

A log of version 1 holds readings that were judged before they were written. Its structure is verified in full; its decisions are
read, not run again, since the core that made them is another one.
"""

from dataclasses import dataclass
from typing import Any, Union

from adaptd import vocabulary as today
from adaptd.log.format.decisions import DecisionCoder, Form

VERSION = 1
RELEASE = "0.1.0"


@dataclass(frozen=True, slots=True)
class Measured:
    """A reading that exists: ``value`` in the quantity's unit, taken ``age_us`` before the snapshot, by ``source``."""

    value: int
    age_us: int
    source: str
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """A reading that does not exist, and why. It has no value, so no code can mistake it for one."""

    reason: str


Reading = Union[Measured, Missing]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What the worker is asked to do: which engine variant, at which rate. ``fps_mfps == 0`` serves no frame."""

    variant: str
    fps_mfps: int


@dataclass(frozen=True, slots=True)
class Served:
    """Frames one variant served since the last snapshot, with the summed and the longest latency."""

    variant: str
    frames: int
    latency_sum_us: int
    latency_max_us: int


@dataclass(frozen=True, slots=True)
class Shadow:
    """One frame run on both engines in ``band``: loss of ``variant`` against the reference, 0 to 1,000,000 ppm."""

    band: str
    variant: str
    loss_ppm: int


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What the worker did since the last snapshot. ``point`` is read back from it, not what it was asked for."""

    alive: bool
    point: OperatingPoint
    delivered: int = 0
    missed: int = 0
    dropped: int = 0
    shadow_frames: int = 0
    served: tuple[Served, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    quarantined: tuple[str, ...] = ()
    source_mfps: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one decision may look at. ``budget_mw`` overrides the policy's budget while it is given."""

    now_us: int
    temperature: Reading
    power: Reading
    light: Reading
    worker: Telemetry
    budget_mw: int | None = None
    log_ok: bool = True


@dataclass(frozen=True, slots=True)
class BandEvidence:
    """What is known of one variant in one light band: admitted or not, by how many samples, and the upper bound on its loss."""

    band: str
    variant: str
    admitted: bool
    samples: int
    bound_ppm: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A point that was worth more than the chosen one, and the named condition that forbade it."""

    point: OperatingPoint
    condition: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision: the point, until when it holds without renewal, the share of frames to shadow, and why."""

    mode: str
    point: OperatingPoint
    lease_us: int
    shadow_ppm: int
    band: str
    rule: str
    conditions: tuple[tuple[str, bool], ...]
    evidence: tuple[BandEvidence, ...] = ()
    refused: tuple[Refusal, ...] = ()
    predicted_mc: int | None = None
    predicted_mw: int | None = None


FORM = Form(
    Snapshot,
    Telemetry,
    Shadow,
    Verdict,
    {"temperature": "temp", "predicted_mc": "pred_mc", "predicted_mw": "pred_mw"},
    stretches=False,
)


def snapshot_today(old: Any) -> today.Snapshot:
    """The snapshot in the words of today: one source a quantity, the one that was believed."""
    raw = tuple([_raw(getattr(old, name), name) for name in today.QUANTITIES])
    worker = old.worker
    return today.Snapshot(
        now_us=old.now_us,
        raw=raw,
        worker=today.Telemetry(
            alive=worker.alive,
            point=_point(worker.point),
            delivered=worker.delivered,
            missed=worker.missed,
            dropped=worker.dropped,
            shadow_frames=worker.shadow_frames,
            served=tuple(
                [today.Served(one.variant, one.frames, one.latency_sum_us, one.latency_max_us) for one in worker.served]
            ),
            shadows=tuple([today.Shadow(one.band, one.variant, one.loss_ppm) for one in worker.shadows]),
            quarantined=worker.quarantined,
            source_mfps=worker.source_mfps,
        ),
        budget_mw=old.budget_mw,
        log_ok=old.log_ok,
    )


def verdict_today(old: Any, snapshot: Any) -> today.Verdict:
    """The verdict in the words of today; what was believed is what the snapshot says."""
    return today.Verdict(
        mode=today.Mode(old.mode),
        point=_point(old.point),
        lease_us=old.lease_us,
        shadow_ppm=old.shadow_ppm,
        band=old.band,
        rule=old.rule,
        conditions=old.conditions,
        evidence=tuple(
            [today.BandEvidence(one.band, one.variant, one.admitted, one.samples, one.bound_ppm) for one in old.evidence]
        ),
        refused=tuple([today.Refusal(_point(one.point), one.condition) for one in old.refused]),
        predicted_mc=old.predicted_mc,
        predicted_mw=old.predicted_mw,
        judged=tuple([_judged(getattr(snapshot, name)) for name in today.QUANTITIES]),
    )


def _point(old: Any) -> today.OperatingPoint:
    return today.OperatingPoint(old.variant, old.fps_mfps)


def _raw(reading: Any, quantity: str) -> today.Raw:
    if isinstance(reading, Missing):
        return today.Unread(today.MissingReason.DEVICE, reading.reason, "", quantity)
    return today.RawReading(reading.value, reading.age_us, 0, reading.source, quantity, reading.simulated)


def _judged(reading: Any) -> today.Judged:
    if isinstance(reading, Missing):
        return today.Judged("", today.MissingReason.DEVICE)
    return today.Judged(reading.source)


def read_decision(coder: DecisionCoder, record: dict[str, Any]) -> tuple[today.Snapshot, today.Verdict]:
    """What a decision record of version 1 says in the words of today; or CodecError, and then changes nothing."""
    snapshot: Any = coder.read_snapshot(record)
    verdict: Any = coder.read_verdict(record)
    coder.snapshot, coder.verdict = snapshot, verdict
    return snapshot_today(snapshot), verdict_today(verdict, snapshot)
