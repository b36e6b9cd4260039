"""What one decision looks at, and what follows from the policy alone."""

from dataclasses import dataclass
from typing import Protocol

from adaptd.brain.decide.carryover import Carryover
from adaptd.brain.decide.headroom import Prediction
from adaptd.brain.decide.planner import Option
from adaptd.brain.decide.safety import Watch
from adaptd.brain.decide.shadowing import Spent
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import BandEvidence, Mode, OperatingPoint, Telemetry, VariantFacts


class Proof(Protocol):
    """What decisions read of an accuracy proof."""

    @property
    def word(self) -> BandEvidence: ...
    @property
    def loss_ppm(self) -> int: ...
    @property
    def device_samples(self) -> int: ...
    @property
    def last_at_us(self) -> int | None: ...


DWELL_SHARE = 2
DWELL_MIN_US, DWELL_MAX_US = 10_000_000, 60_000_000
PROVEN_NATS = 3  # losses of the limit itself that this many samples would show at least one of, with 95 %


@dataclass(frozen=True, slots=True)
class DecisionFrame:
    """The policy as the planner wants it. ``levels`` run from floor to target, ``below`` from 0 to the last level under it."""

    levels: tuple[int, ...]
    below: tuple[int, ...]
    dwell_us: int
    claim: str
    unsupported: frozenset[str]
    value_j: float
    proven_samples: int


@dataclass(slots=True)
class Inputs:
    """Beliefs and facts of this tick. ``unknown`` says why temperature, power and light are not believed (empty: believed)."""

    now_us: int
    mode: Mode
    point: OperatingPoint
    band: str
    unknown: tuple[str, str, str]
    temperature_mc: int | None
    believed_k: float
    believed_sd_k: float
    ahead: list[Prediction]
    base_w: float
    drawn_w: float
    options: list[Option]
    proofs: tuple[Proof, ...]
    spent: Spent
    worker: Telemetry
    log_ok: bool
    budget_mw: int | None
    watch: Watch
    held: Carryover
    facts: tuple[VariantFacts, ...]


def dwell_us(profile: HardwareProfile) -> int:
    """How long an engine is held: half of the dominant time constant, since a swap that is undone sooner only follows noise."""
    dominant = max(profile.poles, key=lambda pole: pole.r_uk_per_mw)
    return max(DWELL_MIN_US, min(DWELL_MAX_US, dominant.tau_ms * 1000 // DWELL_SHARE))


def frame(policy: Policy, held_us: int, unsupported: frozenset[str]) -> DecisionFrame:
    """What follows from the policy. ``claim`` binds evidence to what it was gathered under."""
    claim = f"{policy.reference}|{policy.efficient}|{policy.max_loss_ppm}|{policy.alpha_ppm}|{policy.bands}"
    return DecisionFrame(
        levels=tuple(level for level in policy.levels_mfps if policy.floor_mfps <= level <= policy.target_mfps),
        below=(0, *(level for level in policy.levels_mfps if 0 < level < policy.floor_mfps)),
        dwell_us=held_us,
        claim=claim,
        unsupported=unsupported,
        value_j=policy.frame_value_uj / 1e6,
        proven_samples=PROVEN_NATS * 1_000_000 // policy.max_loss_ppm,
    )
