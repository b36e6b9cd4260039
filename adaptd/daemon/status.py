"""The status document: the contract of `adaptd status --json`, built from one snapshot and one verdict."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

from adaptd.brain.estimate import account, account_table
from adaptd.brain.tick import State
from adaptd.config.cells import band_of, camera_of
from adaptd.config.policy import Policy
from adaptd.daemon.account_window import Objects
from adaptd.daemon.status_rows import evidence_rows, reading_words, reason_rows, refused_rows, source_words
from adaptd.vocabulary import POWER, QUANTITIES, UNITS, BandStatement, Measured, Reading, Snapshot, Verdict, believed


@dataclass(slots=True)
class Energy:
    """Board energy since the daemon started: power times time, over the ticks in which power was known."""

    total_uj: int = 0
    known_us: int = 0
    unknown_us: int = 0
    simulated: bool = False
    at_us: int | None = None

    def add(self, now_us: int, power: Reading) -> None:
        """Add the time since the last decision at the power that this one believed."""
        passed_us = 0 if self.at_us is None else now_us - self.at_us
        self.at_us = now_us
        if isinstance(power, Measured):
            self.total_uj += power.value * passed_us // 1000
            self.known_us += passed_us
            self.simulated |= power.simulated
        else:
            self.unknown_us += passed_us

    def words(self) -> dict[str, Any]:
        """For the status document."""
        seconds = {"known_s": self.known_us // 1_000_000, "unknown_s": self.unknown_us // 1_000_000}
        return {"total_mj": self.total_uj // 1000, **seconds, "simulated": self.simulated}


@dataclass(slots=True)
class Totals:
    """Frames since the daemon started."""

    delivered: int = 0
    missed: int = 0
    dropped: int = 0
    shadow: int = 0
    swaps: int = 0
    served: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    energy: Energy = field(default_factory=Energy)

    def add(self, snapshot: Snapshot, verdict: Verdict) -> None:
        """Count what the worker did since the last snapshot, and which conditions refused a better point."""
        worker = snapshot.worker
        for one in worker.served:
            self.served[one.variant] += one.frames
        self.refused.update({refusal.condition for refusal in verdict.refused})
        self.energy.add(snapshot.now_us, believed(snapshot, verdict, POWER))
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
class AccountRow:
    """The loss account of one band as people and scripts see it; losses in ppm of a frame."""

    said: BandStatement
    window_end_ms: int
    limit_ppm: int
    open: bool
    apart: tuple[int, int] | None = None  # objects missed and added; None where none were

    def words(self) -> str:
        """The account in one sentence that says the limit, the bound and what was seen."""
        said = self.said
        light, delivered = light_of(said.band), said.delivered
        seen = f"{said.differed} seen in {said.shadowed:,} that ran on both engines"
        if said.allowed_ppm_frames > self.limit_ppm * delivered:  # so little that the loan is more: counts say it, not per cent
            most = min(delivered, -(-said.bound_ppm_frames // 1_000_000))  # late frames are charged before one is delivered
            allowed = said.allowed_ppm_frames // 1_000_000
            return f"in {light} at most {most} of {delivered:,} frames differ, {allowed} allowed; {seen}"
        share, limit = said.bound_ppm_frames / max(1, delivered) / 10_000, self.limit_ppm / 10_000
        return f"in {light} at most {share:.2f} % of {delivered:,} frames differ, limit {limit:g} %; {seen}"

    def plain(self) -> dict[str, Any]:
        """The row for scripts."""
        return {
            "window_end_utc": datetime.fromtimestamp(self.window_end_ms / 1000, tz=timezone.utc).isoformat(timespec="seconds"),
            **{name: getattr(self.said, name) for name in ("delivered", "efficient", "shadowed", "differed")},
            "bound_ppm": self.said.bound_ppm_frames // max(1, self.said.delivered),
            "limit_ppm": self.limit_ppm,
            "allowed_frames": self.said.allowed_ppm_frames // 1_000_000,
            "bound_frames": -(-self.said.bound_ppm_frames // 1_000_000),
            "open": self.open,
            **({} if self.apart is None else {"objects_missed": self.apart[0], "objects_added": self.apart[1]}),
            "words": self.words(),
        }


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
    source: SourceWords = field(default_factory=SourceWords)
    trouble: tuple[str, ...] = ()
    account: tuple[AccountRow, ...] = ()
    cameras: dict[str, Any] = field(default_factory=dict)


def light_of(cell: str) -> str:
    """``bright light``, and the camera where there are several."""
    camera = camera_of(cell)
    return f"{band_of(cell)} light" + (f" of camera {camera}" if camera else "")


def account_rows(state: State, policy: Policy, now_us: int, utc_ms: int, apart: Objects) -> tuple[AccountRow, ...]:
    """The loss account of every band in which anything was delivered in the window in force."""
    rules, window = account_table.rules(policy), state.account
    ends_ms = utc_ms + max(0, window.opened_us + rules.window_us - now_us) // 1000
    return tuple(
        AccountRow(
            said=said,
            window_end_ms=ends_ms,
            limit_ppm=policy.max_loss_ppm,
            open=account.most_frames(rules, window, said.band) > 0,
            apart=apart.get(said.band),
        )
        for said in account.statements(rules, window)
    )


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
        "evidence": evidence_rows(verdict.evidence),
        "cameras": scene.cameras,
        "account": {row.said.band: row.plain() for row in scene.account},
        "conditions": dict(verdict.conditions),
        "audit": asdict(scene.log),
        "frames": {name: getattr(scene.totals, name) for name in ("delivered", "missed", "dropped", "shadow")},
        "swaps": scene.totals.swaps,
        "served": dict(scene.totals.served),
        "refusals": dict(scene.totals.refused),
        "refused": refused_rows(verdict),
        "reasons": reason_rows(verdict),
        "lowered": None if verdict.lowered is None else asdict(verdict.lowered),
        "energy": scene.totals.energy.words(),
        "limits": _limits(scene),
        "preview": scene.policy.preview,
        "expected": {"temperature_mc": verdict.predicted_mc, "power_mw": verdict.predicted_mw},
        "rule": verdict.rule,
        "why": scene.why,
        "last_result": scene.last_result,
        "trouble": list(scene.trouble),
        "uptime_s": scene.uptime_s,
    }


def _limits(scene: Scene) -> dict[str, Any]:
    """What the policy demands, and the budget that holds now; None where there is none."""
    policy, given_mw = scene.policy, scene.snapshot.budget_mw
    return {
        "reference": policy.reference,
        "target_fps": policy.target_mfps / 1000,
        "floor_fps": policy.floor_mfps / 1000,
        "deadline_us": policy.deadline_us,
        "limit_mc": policy.limit_mc,
        "resume_mc": policy.resume_mc,
        "critical_mc": policy.critical_mc,
        "budget_mw": policy.budget_mw if given_mw is None else given_mw,
        "max_loss_ppm": policy.max_loss_ppm,
        "bands": [{"name": band.name, "down_at_mlx": band.down_at_mlx, "up_at_mlx": band.up_at_mlx} for band in policy.bands],
    }
