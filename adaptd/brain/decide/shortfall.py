"""What a decision runs into, in numbers: how much a better point needs, and what its limit leaves.

Nothing is decided here. Needs round up and what is left rounds down, in steps that noise seldom crosses: a sentence never says
that 9.0 W pass 9.0 W, and a log of a hot day does not fill with the last digit of a thermometer.
"""

from dataclasses import dataclass
from math import sqrt

from adaptd.brain.decide.deadline import in_time
from adaptd.brain.decide.inputs import DecisionFrame, Inputs
from adaptd.brain.decide.planner import (
    BUSY,
    GAIN_SHARE,
    KEEP_SHARE,
    POWER_SIGMAS,
    STEP_MFPS,
    SWAP_W,
    Caps,
    Option,
    Plan,
    option_of,
    plan_of,
)
from adaptd.brain.estimate.scene_guard import Guard
from adaptd.config.policy import Policy
from adaptd.vocabulary import Bound, Limit, Lowered, Mode, OperatingPoint, Refusal

STEP_MW, STEP_MC, STEP_GAIN_MW, STEP_US = 100, 500, 10, 1_000_000
POWER_RULES = ("power_budget", "budget_unreachable")
CONFLICTS = ("protect_device", "protect_service", "stop")
NUMBERLESS = ("most_worth", "not_worth_more", "endurance", "rate_held", "rate_rising")


def _up(value: float, step: int) -> int:
    """The next multiple of ``step`` above what may be a multiple itself."""
    return -int(-value // step) * step


def _down(value: float, step: int) -> int:
    return int(value // step) * step


def lowered(before: Lowered | None, budget_mw: int | None, by: str, own_mw: int | None, now_us: int) -> Lowered | None:
    """Whether a budget from outside is lower than the policy's, and since when it is what it is."""
    if budget_mw is None or (own_mw is not None and budget_mw >= own_mw):
        return None
    same = before is not None and (before.budget_mw, before.by) == (budget_mw, by)
    return Lowered(budget_mw, own_mw, by, before.since_us if same and before is not None else now_us)


@dataclass(slots=True)
class Ground:
    """What a plan was made on. ``hot``: the limit was passed and ``resume_c`` is not reached yet."""

    sight: Inputs
    policy: Policy
    table: DecisionFrame
    options: list[Option]
    caps: Caps
    hot: bool


Gains = dict[str, tuple[float, float]]  # per variant the watts that a swap to it must earn, and those that it would


def gains(useless: list[Plan], plans: list[Plan], reference: str, served: str) -> Gains:
    """What swaps would earn that ``planner.choose`` took for too little, by its own measure."""
    base = plan_of(plans, reference) if useless else None
    if base is None:
        return {}
    need = max(SWAP_W, GAIN_SHARE * base.power_w)
    return {one.variant: (need * (KEEP_SHARE if one.variant == served else 1.0), one.worth_w - base.worth_w) for one in useless}


def told(ground: Ground, plan: Plan, vetoed: str) -> tuple[str, tuple[Limit, ...]]:
    """The rule of the verdict, and in numbers what kept the point from being more."""
    critical_mc, mc = ground.policy.critical_mc, ground.sight.temperature_mc
    if vetoed == "over_critical" and mc is not None:
        point = OperatingPoint(plan.variant, plan.low_mfps)
        return "veto_over_critical", (_limit(point, "veto_over_critical", Bound.CRITICAL, critical_mc, mc, critical_mc),)
    if vetoed:
        return f"veto_{vetoed}", ()
    rule = _rule(ground, plan)
    return rule, () if rule in NUMBERLESS else _of_plan(ground, plan, rule)


def _rule(ground: Ground, plan: Plan) -> str:
    """By which rule the plan is the best: what kept it below the target, where no limit of power or heat did."""
    if plan.rule not in ("most_worth", "not_worth_more"):
        return plan.rule
    if plan.mean_mfps >= ground.policy.target_mfps:
        return "most_worth"
    if plan.rule == "most_worth":
        return _ceiling(ground.sight, ground.policy, ground.hot, plan)
    option = option_of(ground.options, plan.variant)
    value_j = ground.table.value_j * in_time(option.latency_us, option.scatter, ground.policy.deadline_us)
    return "engine_busy" if value_j > option.joules else plan.rule


def _ceiling(sight: Inputs, policy: Policy, hot: bool, plan: Plan) -> str:
    """Why no higher rate was planned at all, in the order in which ``decision`` asks; what is left is a rate that is held, or one
    on its way up. A camera is the reason only where all that it gives is served."""
    if sight.watch.fault:
        return "fault_latched"
    if sight.unknown[0] and not sight.modelled:
        return "temperature_unknown"
    if hot:
        return "cooling"
    if sight.mode in (Mode.PROTECT, Mode.STOPPED):
        return "after_protection"
    source_mfps = sight.worker.source_mfps
    if source_mfps and source_mfps < policy.target_mfps and plan.high_mfps + STEP_MFPS > source_mfps:
        return "camera_rate"
    if sight.unknown[0]:
        return "temperature_unknown"
    if sight.unknown[1] and not sight.meterless:
        return "power_unknown"
    return "rate_rising" if plan.low_mfps > sight.point.fps_mfps > 0 else "rate_held"


def _of_plan(ground: Ground, plan: Plan, rule: str) -> tuple[Limit, ...]:
    """The limit that keeps the plan from the target rate of its variant, or from its floor; none where no number says it."""
    sight, policy, option = ground.sight, ground.policy, option_of(ground.options, plan.variant)
    top = OperatingPoint(plan.variant, policy.target_mfps)
    if rule in CONFLICTS:
        least = min([one for one in ground.options if not one.forbidden], key=lambda one: one.joules)
        floor = OperatingPoint(least.name, ground.table.levels[0])
        why = _power(floor, rule, least, ground) or _heat(floor, rule, least, ground) or _cooling(floor, rule, ground)
        return _some(why)
    if rule in POWER_RULES:
        return _some(_power(top, rule, option, ground))
    if rule == "temperature":
        return _some(_heat(top, rule, option, ground))
    if rule == "protect_critical":
        mc = max(int(sight.believed_k * 1000), policy.critical_mc)
        return (_limit(top, rule, Bound.CRITICAL, policy.critical_mc, _up(mc, STEP_MC), policy.critical_mc),)
    if rule == "cooling":
        return _some(_cooling(top, rule, ground))
    if rule == "camera_rate":
        arrives = sight.worker.source_mfps or 0
        return (_limit(top, rule, Bound.CAMERA, arrives, policy.target_mfps, arrives),)
    if rule == "engine_busy":
        most = int(BUSY * 1e9 / option.latency_us)
        return (_limit(top, rule, Bound.ENGINE, most, policy.target_mfps, most),)
    return ()


def _some(limit: Limit | None) -> tuple[Limit, ...]:
    return () if limit is None else (limit,)


UNITS = {
    Bound.BUDGET: "mw",
    Bound.WINDOW: "mw",
    Bound.PEAK: "mw",
    Bound.GAIN: "mw",
    Bound.TEMPERATURE: "mc",
    Bound.CRITICAL: "mc",
    Bound.COOLING: "mc",
    Bound.ENGINE: "mfps",
    Bound.CAMERA: "mfps",
    Bound.DWELL: "us",
    Bound.LOSS: "frames",
    Bound.SCENE: "frames",
}


def _limit(point: OperatingPoint, condition: str, bound: Bound, limit: int, needed: int, available: int) -> Limit:
    return Limit(point, condition, bound, UNITS[bound], limit, needed, available)


def _power(point: OperatingPoint, rule: str, option: Option, ground: Ground) -> Limit | None:
    """Which of the power limits a point passes, with the margin that the planner keeps; None where it keeps them all."""
    caps, sight, policy = ground.caps, ground.sight, ground.policy
    fps = 0.0 if caps.unreachable else point.fps_mfps / 1000.0
    watts = caps.base_w + fps * option.joules
    a, b, c = option.doubt
    with_margin = watts if caps.unreachable else watts + POWER_SIGMAS * sqrt(max(0.0, a + fps * (2.0 * b + fps * c)))
    own = [mw for mw in (sight.budget_mw if sight.average_w is None else None, policy.peak_mw) if mw is not None]
    if caps.unreachable:
        own = [mw for mw in (sight.budget_mw, policy.peak_mw) if mw is not None]
    elif watts > caps.average_w and sight.budget_mw is not None:
        left_mw = _down(caps.average_w * 1000, STEP_MW)
        return _limit(point, rule, Bound.WINDOW, sight.budget_mw, _up(watts * 1000, STEP_MW), min(left_mw, sight.budget_mw))
    if not own or (with_margin <= caps.budget_w and not caps.unreachable):
        return None
    cap_mw = min(own)
    bound = Bound.BUDGET if cap_mw == sight.budget_mw else Bound.PEAK
    needed_mw = _up(with_margin * 1000, STEP_MW)
    return _limit(point, rule, bound, cap_mw, needed_mw, cap_mw) if needed_mw > cap_mw else None


def _heat(point: OperatingPoint, rule: str, option: Option, ground: Ground) -> Limit | None:
    """How warm the device would get at a point, with the margin that the planner keeps; None where it stays below the limit."""
    caps, sight, policy = ground.caps, ground.sight, ground.policy
    over_w = caps.base_w + point.fps_mfps / 1000.0 * option.joules - min(caps.mean_w, caps.peak_w)
    if over_w <= 0.0:
        return None
    gain = sight.ahead[1][2] if caps.mean_w <= caps.peak_w and len(sight.ahead) > 1 else sight.ahead[0][2]
    mc = policy.limit_mc + max(1.0, over_w * gain * 1000.0)
    return _limit(point, rule, Bound.TEMPERATURE, policy.limit_mc, _up(mc, STEP_MC), policy.limit_mc)


def _cooling(point: OperatingPoint, rule: str, ground: Ground) -> Limit | None:
    """Between the limit and ``resume_c`` on the way down; None where the device is below both."""
    mc, resume_mc = int(ground.sight.believed_k * 1000), ground.policy.resume_mc
    return None if mc <= resume_mc else _limit(point, rule, Bound.COOLING, resume_mc, _up(mc, STEP_MC), resume_mc)


def of_refusals(
    refused: tuple[Refusal, ...], gains: Gains, guards: dict[str, Guard], sight: Inputs, dwell_us: int
) -> tuple[Limit, ...]:
    """What each refused point lacks, where a number says it."""
    found = []
    for one in refused:
        name, point = one.point.variant, one.point
        if one.condition == "account_open" and sight.shut is not None:
            credit, least, left = sight.shut
            found.append(_limit(point, one.condition, Bound.LOSS, credit, least, min(left, max(0, least - 1))))
        elif one.condition == "scene_clear" and name in guards:
            found.append(_limit(point, one.condition, Bound.SCENE, guards[name].owed, guards[name].owed, 0))
        elif one.condition == "dwell_over":
            held_us = _down(sight.now_us - sight.held.swapped_at_us, STEP_US)
            found.append(_limit(point, one.condition, Bound.DWELL, dwell_us, dwell_us, held_us))
        elif one.condition == "no_gain" and name in gains:
            need, earns = _up(gains[name][0] * 1000.0, STEP_GAIN_MW), _down(gains[name][1] * 1000.0, STEP_GAIN_MW)
            found.append(_limit(point, one.condition, Bound.GAIN, need, need, earns))
    return tuple(found)
