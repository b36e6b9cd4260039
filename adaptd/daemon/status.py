"""The status document: the contract of `adaptd status --json`, built from one snapshot and one verdict."""

from dataclasses import dataclass, field
from typing import Any

from adaptd.config.policy import Policy
from adaptd.vocabulary import Measured, Reading, Snapshot, Verdict


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
        "sensors": {
            "temperature_mc": reading_words(snapshot.temperature),
            "power_mw": reading_words(snapshot.power),
            "light_mlx": reading_words(snapshot.light),
        },
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
    return {"missing": reading.reason}


def _evidence(verdict: Verdict) -> dict[str, Any]:
    """Per band the most proven variant; the whole list is in the log."""
    words: dict[str, Any] = {}
    for found in verdict.evidence:
        row = {"variant": found.variant, "admitted": found.admitted, "samples": found.samples, "bound_ppm": found.bound_ppm}
        if found.band not in words or (found.admitted and not words[found.band]["admitted"]):
            words[found.band] = row
    return words
