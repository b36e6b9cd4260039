"""What one variant costs on the true device: energy, latency, lateness."""

from dataclasses import dataclass
from math import erfc, sqrt

from adaptd.config.policy import Policy
from adaptd.twin.words import PPM, Scenario
from adaptd.vocabulary import VariantFacts


@dataclass(frozen=True, slots=True)
class Work:
    """One frame of a variant under no contention: energy and latency as they really are."""

    name: str
    energy_uj: float
    latency_us: float


@dataclass(frozen=True, slots=True)
class FramePace:
    """What a requested rate comes to under contention: frames a second computed, the share of them late, latency of one."""

    executed_fps: float
    late: float
    latency_us: float


def true_work(scenario: Scenario, facts: tuple[VariantFacts, ...]) -> dict[str, Work]:
    """Qualification's numbers, scaled as the truth says."""
    energy = dict(scenario.truth.energy_scale_ppm)
    latency = dict(scenario.truth.latency_scale_ppm)
    return {
        fact.name: Work(
            fact.name,
            fact.energy_uj * energy.get(fact.name, PPM) / PPM,
            fact.latency_us * latency.get(fact.name, PPM) / PPM,
        )
        for fact in facts
    }


def beside(work: dict[str, Work], policy: Policy, serving: str) -> str:
    """The engine that a shadow frame runs on besides: the reference, or the first efficient one where the reference serves."""
    if serving != policy.reference:
        return policy.reference
    return next((name for name in policy.efficient if name in work), "")


def beside_uj(work: dict[str, Work], policy: Policy, serving: str) -> float:
    """What one shadow frame costs more than a plain one."""
    name = beside(work, policy, serving)
    return work[name].energy_uj if name else 0.0


def pace_of(latency_us: float, beside_us: float, fps: float, deadline_us: int, noise: float) -> FramePace:
    """An engine computes one frame at a time, so no more than 1 / (latency + shadow time) of them start; the others are dropped.

    Latencies are normal around their mean with relative deviation ``noise``; the late ones are counted exactly, not drawn. A
    shadow frame runs after its answer is out: it takes time (``beside_us`` a frame on average) and delays no answer.
    """
    executed = min(fps, 1e6 / (latency_us + beside_us))
    if noise > 0:
        late = 0.5 * erfc((deadline_us - latency_us) / (noise * latency_us * sqrt(2)))
    else:
        late = 1.0 if latency_us > deadline_us else 0.0
    return FramePace(executed, late, latency_us)
