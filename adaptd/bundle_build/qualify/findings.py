"""What was measured, in the manifest's words and in the fuller record that travels beside it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adaptd.bundle_build.model.bounds import SOURCE_BETTING, SOURCE_EXACT, betting_ppm, clopper_pearson_ppm
from adaptd.bundle_build.qualify.energy import Cost
from adaptd.bundle_build.qualify.evaluate import ScoreTally, Tallies, quantile_us
from adaptd.bundle_build.qualify.gain import Gain, admitted
from adaptd.bundle_build.qualify.measure import Run, device_words
from adaptd.config.engine_answers import TOLERANCE_PPM
from adaptd.config.manifest import Manifest, ModeFact
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class MeasurePlan:
    """What to qualify and how. ``window_s`` is the metering window, ``saturated_s`` that of the back-to-back runs."""

    bundle: Path
    data: tuple[Path, ...]
    policy: Policy
    profile: HardwareProfile
    backend: str = "ort"
    band: str | None = None
    threads: int = 0
    window_s: float = 60.0
    saturated_s: float = 2.0
    root: Path = Path("/")
    power_mode: ModeFact | None = None


@dataclass(frozen=True, slots=True)
class MeasuredFigures:
    """Everything that was measured, by variant; ``prints`` are fingerprints of the arithmetic (``device.fingerprint``),
    ``answers`` the reference's to the fixed probes.
    """

    tallies: Tallies
    runs: Mapping[str, Run]
    costs: Mapping[str, Cost]
    prints: Mapping[str, str]
    memory_mb: Mapping[str, int]
    answers: str = ""

    def counts(self, name: str) -> dict[str, tuple[int, int]]:
        """By band, the frames of a variant and how many of them differed or stood near."""
        seen = {band: tallies[name] for band, tallies in self.tallies.items()}
        return {band: (tally.n, tally.disagreed + len(tally.near)) for band, tally in seen.items()}


def qualification(plan: MeasurePlan, measured: MeasuredFigures, name: str, gain: Gain) -> dict[str, Any]:
    """The manifest's ``qualification`` of one variant."""
    cost = measured.costs[name]
    return {
        "device": device_words(plan.backend, plan.threads, plan.root),
        "bands": _bands(measured, name, plan.policy),
        "energy_marginal_uj": cost.marginal_uj,
        "energy_saturated_uj": cost.saturated_uj,
        "energy_method": cost.method,
        "idle_power_mw": cost.idle_mw,
        "warm_memory_mb": measured.memory_mb[name],
        "no_gain": {"flag": gain.no_gain, "why": gain.why},
        "power_mode": None if plan.power_mode is None else plan.power_mode.model_dump(),
    }


def put_in(entry: dict[str, Any], measured: dict[str, Any]) -> None:
    """Into a variant's entry of the manifest: in the place of what was measured in the same power mode, else beside it.

    Without a mode, or where nothing noted one yet, it is the qualification.
    """
    before = entry["qualification"]
    if before is None or measured["power_mode"] is None or before["power_mode"] in (None, measured["power_mode"]):
        entry["qualification"] = measured
        return
    others = [one for one in entry["modes"] if one["power_mode"] != measured["power_mode"]]
    entry["modes"] = [*others, measured]


def _bands(measured: MeasuredFigures, name: str, policy: Policy) -> dict[str, dict[str, Any]]:
    """What a variant did in every band."""
    return {band: _band(tallies[name], policy) for band, tallies in sorted(measured.tallies.items())}


def _band(tally: ScoreTally, policy: Policy) -> dict[str, Any]:
    return {
        "n": tally.n,
        "score_ppm": tally.score_ppm,
        "disagreed": tally.disagreed,
        "near": len(tally.near),
        "disagreement_bound_ppm": bound_ppm(tally, policy),
        **{f"latency_p{share_pct}_us": quantile_us(tally.latencies_us, share_pct) for share_pct in (50, 90, 99)},
    }


def bound_ppm(tally: ScoreTally, policy: Policy) -> int:
    """Upper confidence bound on the mean loss at the policy's level: exact for right-or-wrong frames, else by betting."""
    alpha, losses = policy.alpha_ppm / MILLION, tally.counted_ppm
    if all(loss in (0, MILLION) for loss in losses):
        return clopper_pearson_ppm(sum(losses) // MILLION, tally.n, alpha)
    return betting_ppm(losses, alpha)


def record_of(
    plan: MeasurePlan,
    manifest: Manifest,
    plain: dict[str, Any],
    measured: MeasuredFigures,
    gains: Mapping[str, Gain],
    warnings: list[str],
) -> dict[str, Any]:
    """Everything behind the manifest's numbers, in integers and words."""
    exact = manifest.task == "classification"
    policy, efficient = plan.policy, [name for name in measured.costs if name != manifest.reference]
    return {
        "schema": 1,
        "model": manifest.model,
        "backend": plan.backend,
        "device": device_words(plan.backend, plan.threads, plan.root),
        "task": manifest.task,
        "score": "top-1" if exact else "mAP at IoU 0.5",
        "loss": "another top class" if exact else "1 - F1 of the boxes at IoU 0.5",
        "bound": SOURCE_EXACT if exact else SOURCE_BETTING,
        "policy": {
            "name": policy.name,
            "sha256": policy.sha256,
            "alpha_ppm": policy.alpha_ppm,
            "max_loss_ppm": policy.max_loss_ppm,
            "levels_mfps": list(policy.grid_mfps),
            "bands": [band.name for band in policy.bands],
        },
        "profile": plan.profile.name,
        "reference": manifest.reference,
        "precision": {name: plain["variants"][name][plan.backend]["precision_computed"] for name in measured.costs},
        "scores": {name: _bands(measured, name, policy) for name in next(iter(measured.tallies.values()))},
        "admitted": {name: admitted(policy, name, measured.counts(name)) for name in efficient},
        "energy": {name: asdict(cost) for name, cost in measured.costs.items()},
        "saturated": {name: asdict(run) for name, run in measured.runs.items()},
        "warm_memory_mb": dict(measured.memory_mb),
        "gain": {name: {**asdict(gain), "rates": [asdict(rate) for rate in gain.rates]} for name, gain in gains.items()},
        "fingerprint": dict(measured.prints),
        "answers": {"reference": measured.answers, "tolerance_ppm": TOLERANCE_PPM},
        "warnings": warnings,
    }
