"""The status document: the contract of `adaptd status --json`, built from one snapshot and one verdict."""

from dataclasses import dataclass, field
from typing import Any

from adaptd.brain.judge.words import BETWEEN, quality, why, why_missing
from adaptd.config.policy import Policy
from adaptd.vocabulary import (
    QUANTITIES,
    UNITS,
    Doubt,
    Judged,
    Measured,
    Raw,
    RawReading,
    Reading,
    Snapshot,
    Verdict,
    believed,
)


@dataclass(slots=True)
class Totals:
    """Frames since the daemon started."""

    delivered: int = 0
    missed: int = 0
    dropped: int = 0
    shadow: int = 0
    swaps: int = 0

    def add(self, snapshot: Snapshot) -> None:
        """Count what the worker did since the last snapshot."""
        worker = snapshot.worker
        self.delivered += worker.delivered
        self.missed += worker.missed
        self.dropped += worker.dropped
        self.shadow += worker.shadow_frames


@dataclass(frozen=True, slots=True)
class EngineWords:
    """What the worker said of its engines when it started."""

    backend: str = "starting"
    warm: tuple[str, ...] = ()
    precision: tuple[tuple[str, str], ...] = ()
    priors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SourceWords:
    """How the source is: ``no_source`` while no frame comes, the rate that arrives, and frames that could not be used."""

    state: str = "ok"
    arriving_mfps: int | None = None
    bad_frames: int = 0

    def plain(self, target_mfps: int) -> dict[str, Any]:
        """For status; ``words`` is the line that people read."""
        arriving = self.arriving_mfps if self.state == "ok" else None
        fps = None if arriving is None else arriving / 1000
        asked = target_mfps / 1000
        shown = self.state if fps is None else f"{fps:.1f} fps of {asked:g} asked"
        bad = f", {self.bad_frames} frames unusable" if self.bad_frames else ""
        return {"state": self.state, "fps": fps, "asked_fps": asked, "bad_frames": self.bad_frames, "words": shown + bad}


@dataclass(frozen=True, slots=True)
class LogWords:
    """Where the log stands."""

    seq: int = -1
    checkpoint_seq: int = -1
    degraded: bool = False
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything one status document is made of."""

    policy: Policy
    snapshot: Snapshot
    verdict: Verdict
    engines: EngineWords
    log: LogWords
    totals: Totals
    uptime_s: int
    why: str
    last_result: dict[str, Any] = field(default_factory=dict)
    source: "SourceWords" = field(default_factory=SourceWords)
    trouble: tuple[str, ...] = ()


def status_document(scene: Scene) -> dict[str, Any]:
    """The document, in the keys that other people's scripts rely on."""
    snapshot, verdict = scene.snapshot, scene.verdict
    real = snapshot.worker.point
    return {
        "state": "no_source" if scene.source.state == "no_source" else verdict.mode.value,
        "source": scene.source.plain(scene.policy.target_mfps),
        "policy": {"name": scene.policy.name, "sha256": scene.policy.sha256},
        "operating_point": {"variant": real.variant, "fps": real.fps_mfps / 1000},
        "asked": {"variant": verdict.point.variant, "fps": verdict.point.fps_mfps / 1000},
        "engines": {
            "warm": list(scene.engines.warm),
            "active": real.variant,
            "backend": scene.engines.backend,
            "precision": dict(scene.engines.precision),
            "priors": dict(scene.engines.priors),
            "quarantined": list(snapshot.worker.quarantined),
        },
        "sensors": {f"{name}_{UNITS[name]}": reading_words(believed(snapshot, verdict, name)) for name in QUANTITIES},
        "sources": source_words(snapshot, verdict),
        "band": verdict.band,
        "evidence": _evidence(verdict),
        "conditions": dict(verdict.conditions),
        "audit": {
            "seq": scene.log.seq,
            "checkpoint_seq": scene.log.checkpoint_seq,
            "degraded": scene.log.degraded,
            "folder": scene.log.folder,
        },
        "frames": {
            "delivered": scene.totals.delivered,
            "missed": scene.totals.missed,
            "dropped": scene.totals.dropped,
            "shadow": scene.totals.shadow,
        },
        "swaps": scene.totals.swaps,
        "rule": verdict.rule,
        "why": scene.why,
        "last_result": scene.last_result,
        "trouble": list(scene.trouble),
        "uptime_s": scene.uptime_s,
    }


def reading_words(reading: Reading) -> dict[str, Any]:
    """A reading for people and scripts: either a value or the reason why there is none."""
    if isinstance(reading, Measured):
        return {
            "value": reading.value,
            "age_ms": reading.age_us // 1000,
            "source": reading.source,
            "simulated": reading.simulated,
        }
    return {"missing": why_missing(reading), "code": reading.reason.value}


def source_words(snapshot: Snapshot, verdict: Verdict) -> dict[str, Any]:
    """Every source's own judgement: good, suspect (used and named), stale or failed (both Missing)."""
    return {name: _of_quantity(snapshot, judged, name) for name, judged in zip(QUANTITIES, verdict.judged, strict=True)}


def _of_quantity(snapshot: Snapshot, judged: Judged, name: str) -> dict[str, Any]:
    doubts = {doubt.source: doubt for doubt in judged.doubts}
    own = [raw for raw in snapshot.raw if raw.quantity == name]
    between = [doubt.reason for doubt in judged.doubts if doubt.reason in BETWEEN]
    return {
        "note": why(between[0]) if between else "",
        "sources": [_of_source(raw, doubts.get(raw.source)) for raw in own],
    }


def _of_source(raw: Raw, doubt: Doubt | None) -> dict[str, Any]:
    known = isinstance(raw, RawReading) and (doubt is None or not doubt.refused)
    return {
        "source": raw.source,
        "quality": quality(doubt),
        "reason": "" if doubt is None else why(doubt.reason, raw),
        "code": None if doubt is None else doubt.reason.value,
        "value": raw.value if isinstance(raw, RawReading) and known else None,
        "age_ms": raw.age_us // 1000 if isinstance(raw, RawReading) and known else None,
    }


def _evidence(verdict: Verdict) -> dict[str, Any]:
    """Per band the most proven variant; the whole list is in the log."""
    words: dict[str, Any] = {}
    for found in verdict.evidence:
        row = {"variant": found.variant, "admitted": found.admitted, "samples": found.samples, "bound_ppm": found.bound_ppm}
        if found.band not in words or (found.admitted and not words[found.band]["admitted"]):
            words[found.band] = row
    return words
