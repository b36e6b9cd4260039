"""What one decision looks at, and what follows from the policy alone."""

from dataclasses import dataclass

from adaptd.brain.decide.carryover import BandEdges, Carryover, Claim
from adaptd.brain.decide.endure import goal_of
from adaptd.brain.decide.headroom import Prediction
from adaptd.brain.decide.planner import Option
from adaptd.brain.decide.safety import Watch
from adaptd.brain.decide.shift import Modes
from adaptd.brain.estimate.account import Offer
from adaptd.brain.estimate.battery import Belief
from adaptd.brain.estimate.scene_guard import Guard
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import Judged, Lowered, MissingReason, Mode, OperatingPoint, Telemetry, VariantFacts
from adaptd.vocabulary.battery import Goal

DWELL_SHARE = 2
DWELL_MIN_US, DWELL_MAX_US = 10_000_000, 60_000_000


@dataclass(frozen=True, slots=True)
class DecisionFrame:
    """The policy as the planner wants it. ``levels`` run from floor to target, ``below`` from 0 to the last level under it.

    ``free``: any rate between the first and the last of them may be served.
    ``value_j`` is what a round earns, a frame of each camera; ``full_w`` is what the target rate earns, and ``rate_mfps`` the
    frames of all cameras at it.
    """

    levels: tuple[int, ...]
    below: tuple[int, ...]
    dwell_us: int
    claim: Claim
    unsupported: frozenset[str]
    value_j: float
    free: bool = False
    full_w: float = 0.0
    rate_mfps: int = 0
    goal: Goal | None = None


@dataclass(slots=True)
class Inputs:
    """Beliefs and facts of this tick. ``unknown`` says why temperature, power and light are not believed (None: believed).

    ``to_look``: shadow frames that the budget holds beside what the account needs in the day to come.
    ``standing`` per band: frames shadowed, and the account's bound in ppm of the frames delivered.
    ``average_w`` is what a budget over a window leaves; ``meterless``: there is no power meter at all;
    ``goal``: what the battery must last, if anything, and ``charge`` what is known of it;
    ``modelled``: the temperature is not measured, and the last prediction in ``ahead`` is where it would settle at the worst.
    ``shut``: of a closed account the frames that may be lost, those that must be left to open it, and those that are;
    ``lowered``: who has set a lower power budget than the policy;
    ``unwatched``: the profile says that this machine has no thermometer, and none is there.
    ``measured_w``: the last reading of power, as it is; ``rise_w``: the part of the base that a last
    look or two alone speak for, and by how much power is about to rise on.
    ``modes``: the board's power modes, where something depends on them; ``stale``: variants that were not measured in this one.
    """

    now_us: int
    mode: Mode
    point: OperatingPoint
    band: str
    unknown: tuple[MissingReason | None, MissingReason | None, MissingReason | None]
    temperature_mc: int | None
    believed_k: float
    believed_sd_k: float
    ahead: list[Prediction]
    base_w: float
    drawn_w: float
    options: list[Option]
    guards: tuple[Guard, ...]
    offer: Offer
    standing: dict[str, tuple[int, int]]
    to_look: int
    worker: Telemetry
    log_ok: bool
    budget_mw: int | None
    watch: Watch
    held: Carryover
    facts: tuple[VariantFacts, ...]
    dt_s: float = 0.0
    average_w: float | None = None
    meterless: bool = False
    modelled: bool = False
    unwatched: bool = False
    judged: tuple[Judged, ...] = ()
    goal: Goal | None = None
    charge: Belief | None = None
    shut: tuple[int, int, int] | None = None
    lowered: Lowered | None = None
    modes: Modes | None = None
    stale: frozenset[str] = frozenset()
    measured_w: float | None = None
    rise_w: tuple[float, float] = (0.0, 0.0)


def dwell_us(profile: HardwareProfile) -> int:
    """How long an engine is held: half of the dominant time constant, since a swap that is undone sooner only follows noise."""
    dominant = max(profile.poles, key=lambda pole: pole.r_uk_per_mw)
    return max(DWELL_MIN_US, min(DWELL_MAX_US, dominant.tau_ms * 1000 // DWELL_SHARE))


def frame(policy: Policy, held_us: int, unsupported: frozenset[str]) -> DecisionFrame:
    """What follows from the policy. ``claim`` says what the loss account promises."""
    claim = Claim(
        reference=policy.reference,
        efficient=tuple(policy.efficient),
        max_loss_ppm=policy.max_loss_ppm,
        alpha_ppm=policy.alpha_ppm,
        shadow_ppm=policy.shadow_ppm,
        window_us=policy.window_us,
        loan_frames=policy.loan_frames,
        miss_weight_ppm=policy.miss_weight_ppm,
        bands=tuple([BandEdges(band.name, band.down_at_mlx, band.up_at_mlx) for band in policy.bands]),
        cameras=tuple(policy.cameras),
    )
    levels = policy.levels_mfps or tuple(sorted({policy.floor_mfps, policy.target_mfps}))
    return DecisionFrame(
        levels=tuple(level for level in levels if policy.floor_mfps <= level <= policy.target_mfps),
        below=(0, *(level for level in policy.levels_mfps if 0 < level < policy.floor_mfps)),
        dwell_us=held_us,
        claim=claim,
        unsupported=unsupported,
        value_j=policy.frame_value_uj * policy.streams / 1e6,
        free=not policy.levels_mfps,
        full_w=policy.target_mfps * policy.streams / 1e9 * policy.frame_value_uj,
        rate_mfps=policy.target_mfps * policy.streams,
        goal=goal_of(policy),
    )
