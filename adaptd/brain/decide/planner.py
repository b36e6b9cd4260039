"""Which operating point is worth most under every limit.

Per variant, power is linear in the rate, so the best rate under a power cap lies on the cap or at an end of the range; where it
lies between two levels the plan is a mixture of these two neighbours, served in turns (two configurations are enough for the
optimum under one constraint: Kim, Imes and Hoffmann, CPSNA 2015). Watts, joules and doubles inside; nothing of this is stored.
"""

from dataclasses import dataclass
from math import sqrt

from adaptd.brain.decide.deadline import in_time, stalled_late
from adaptd.brain.estimate.tail import Tail
from adaptd.config.policy import Policy

PPM = 1_000_000
GAIN_SHARE = 0.004  # a swap must earn this part of the board's power ...
SWAP_W = 0.005  # ... and this much
KEEP_SHARE = 0.5  # the variant that serves is kept while it earns this part of what a swap to it would need
POWER_SIGMAS = 3.0  # margin below the power budget, in deviations of the power predicted for the point ...
HOLD_SIGMAS = 2.5  # ... that is taken, and of one that is served: what moves by less than that is scatter
ARRIVING_SHARE = 0.95  # cameras keep their rate within a few percent
STEP_MFPS = 10  # rates are whole hundredths of a frame a second
RETURN_SHARE = 0.7  # of the late frames allowed: a variant that left for being late comes back below it
RISES = 1.001  # times what a frame costs, beyond which no rounding of watts hides that worth grows with the rate
BUSY = 0.95  # part of the time an engine may compute; beyond it frames queue


@dataclass(slots=True)
class Option:
    """One variant as believed now. ``forbidden`` names the condition that rules it out, empty when it may serve. ``tail``: what
    is known of stalls.

    The variance of its power at f frames a second is a + 2 b f + c f^2 with (a, b, c) = ``doubt``.
    """

    name: str
    joules: float
    latency_us: float
    scatter: float
    doubt: tuple[float, float, float]
    forbidden: str = ""
    tail: Tail | None = None


def option_of(options: list[Option], variant: str) -> Option:
    """The option of this variant.

    Raises:
        ValueError: there is none.
    """
    for option in options:
        if option.name == variant:
            return option
    raise ValueError(f"no option serves {variant}")


def chance(option: Option, deadline_us: int) -> float:
    """The chance that a frame of the option is in time, stalls counted."""
    core = in_time(option.latency_us, option.scatter, deadline_us)
    return core if option.tail is None else core * (1.0 - stalled_late(option.tail, option.latency_us, deadline_us)[0])


def punctual(option: Option, policy: Policy, held: str = "") -> bool:
    """Whether at most ``late_pct`` of its frames are late, one deviation of what is known of stalls included.

    One that does not serve while another one does (``held``) must keep well within it.
    """
    if policy.late_ppm is None:
        return True
    late = 1.0 - in_time(option.latency_us, option.scatter, policy.deadline_us)
    share, deviation = stalled_late(option.tail, option.latency_us, policy.deadline_us)
    return late + share + deviation <= policy.late_ppm / 1e6 * (1.0 if held in ("", option.name) else RETURN_SHARE)


@dataclass(slots=True)
class Caps:
    """Watts: what is always drawn; what temperature lets the plan average, and draw in one tick; what the budget lets it draw.

    ``budget_w`` must hold at every moment, ``average_w`` on average. ``unreachable``: not even a pause keeps the budget.
    """

    base_w: float
    mean_w: float
    peak_w: float
    budget_w: float
    average_w: float = 1e9
    unreachable: bool = False


@dataclass(slots=True)
class Plan:
    """A mixture of two neighbouring rates of one variant: ``high_part`` of the ticks at ``high_mfps``, else ``low_mfps``.

    ``base_w`` is drawn without a frame, ``value_j`` what a frame brings on average, lateness counted, ``cap_mfps`` the highest
    rate that the limits allow, ``hold_mfps`` the highest that is kept where it is served already.
    """

    variant: str
    low_mfps: int
    high_mfps: int
    high_part: float
    worth_w: float
    power_w: float
    rule: str
    base_w: float = 0.0
    value_j: float = 0.0
    cap_mfps: int = 0
    hold_mfps: int = 0

    @property
    def mean_mfps(self) -> float:
        """The rate on average."""
        return self.low_mfps + (self.high_mfps - self.low_mfps) * self.high_part


def plan_variant(option: Option, levels: tuple[int, ...], caps: Caps, value_j: float, deadline_us: int) -> Plan | None:
    """The best mixture of ``option`` at ``levels`` (ascending, mfps) under the caps, or None where not even the lowest fits.

    Levels are tried from the highest down. Power grows with the rate, so the first level that fits has the only useful neighbour
    above it; worth grows up to where frames cost more than they bring or queue, and falls beyond, so the walk ends at its top.
    """
    value_j *= chance(option, deadline_us)
    at = len(levels) - 1
    power, worth, refused = _point(option, levels[at], caps, value_j)
    above: tuple[int, float, float, str] | None = None
    while refused and at:
        above = (levels[at], power, worth, refused)
        at -= 1
        power, worth, refused = _point(option, levels[at], caps, value_j)
    if refused:
        return None
    # Where every frame brings more than it costs and none queues, no lower level is worth more.
    rising = value_j > RISES * option.joules and levels[at] * option.latency_us <= BUSY * 1e9
    peak = True
    while at and not rising:
        lower = _point(option, levels[at - 1], caps, value_j)
        if lower[1] <= worth:
            break
        power, worth, _ = lower
        at -= 1
        peak = False
    low = levels[at]
    if above is None or not peak or above[2] <= worth:
        return Plan(option.name, low, low, 0.0, worth, power, "most_worth" if at == len(levels) - 1 else "not_worth_more")
    if above[3] != "average":
        return Plan(option.name, low, low, 0.0, worth, power, above[3])
    part = (caps.mean_w - power) / (above[1] - power)
    return Plan(option.name, low, above[0], part, worth + part * (above[2] - worth), caps.mean_w, "temperature")


def plan_between(option: Option, low_mfps: int, high_mfps: int, caps: Caps, value_j: float, deadline_us: int) -> Plan | None:
    """The best rate of ``option`` from ``low_mfps`` to ``high_mfps`` under the caps, or None where not even the lowest fits.

    Worth is linear up to where frames queue and falls beyond, power is linear: so the best rate is that point or a limit.
    """
    value_j *= chance(option, deadline_us)
    low, best, rule = low_mfps / 1000.0, high_mfps / 1000.0, "most_worth"
    useful = BUSY * 1e6 / option.latency_us if value_j > option.joules else low
    if useful < best:
        best, rule = max(low, useful), "not_worth_more"
    average = (caps.average_w - caps.base_w) / option.joules
    budget = min(_budget_fps(option, caps), average)
    heat = (min(caps.mean_w, caps.peak_w) - caps.base_w) / option.joules
    cap = min(budget, heat)
    if cap < best:
        best, rule = cap, "power_budget" if budget < heat else "temperature"
    if best < low:
        return None
    mfps = high_mfps if best * 1000.0 >= high_mfps else max(low_mfps, int(best * 1000.0) // STEP_MFPS * STEP_MFPS)
    fps = mfps / 1000.0
    power, worth = caps.base_w + fps * option.joules, worth_w(option, fps, caps.base_w, value_j)
    hold = min(_budget_fps(option, caps, HOLD_SIGMAS), average, heat, 1e6) if rule == "power_budget" else cap
    cap_mfps, hold_mfps = int(min(cap, 1e6) * 1000.0), int(min(hold, 1e6) * 1000.0)
    return Plan(option.name, mfps, mfps, 0.0, worth, power, rule, caps.base_w, value_j, cap_mfps, hold_mfps)


def _budget_fps(option: Option, caps: Caps, sigmas: float = POWER_SIGMAS) -> float:
    """The highest rate whose power fits with its doubt: base + f j + k sqrt(a + 2 b f + c f^2) = budget, solved for f."""
    room, j = caps.budget_w - caps.base_w, option.joules
    a, b, c = option.doubt
    k = sigmas * sigmas
    left = room * room - k * a
    if room < 0.0 or left < 0.0:
        return -1.0
    half = room * j + k * b
    root = half + sqrt(max(0.0, half * half - (j * j - k * c) * left))
    return left / root if root > 0.0 else -1.0


def worth_w(option: Option, fps: float, base_w: float, value_j: float) -> float:
    """What ``fps`` earn less what they cost; frames beyond what the engine can compute earn nothing."""
    busy = fps * option.latency_us / 1e6
    return value_j * (fps if busy <= BUSY else fps * BUSY / busy) - base_w - fps * option.joules


def _point(option: Option, mfps: int, caps: Caps, value_j: float) -> tuple[float, float, str]:
    """Power, worth, and the limit that a level breaks: ``average`` where only an average over ticks may use it."""
    fps = mfps / 1000.0
    power = caps.base_w + fps * option.joules
    busy = fps * option.latency_us / 1e6
    worth = value_j * (fps if busy <= BUSY else fps * BUSY / busy) - power
    a, b, c = option.doubt
    if power > caps.average_w or power > caps.budget_w - POWER_SIGMAS * sqrt(max(0.0, a + fps * (2.0 * b + fps * c))):
        return power, worth, "power_budget"
    if power > caps.peak_w:
        return power, worth, "temperature"
    return power, worth, "average" if power > caps.mean_w else ""


def punctual_first(plans: list[Plan], options: list[Option], policy: Policy, held: str) -> tuple[list[Plan], list[Plan]]:
    """The plans of variants that are late seldom enough, and the others; where all are late too often, all of them count."""
    if policy.late_ppm is None:
        return plans, []
    good = {one.name for one in options if punctual(one, policy, held)}
    kept = [plan for plan in plans if plan.variant in good]
    return (kept, [plan for plan in plans if plan.variant not in good]) if kept else (plans, [])


def arriving_most(target_mfps: int, source_mfps: int | None) -> int:
    """The most of ``target_mfps`` that can be served of what arrives; a camera within ARRIVING_SHARE of the target keeps it."""
    if not source_mfps or source_mfps >= target_mfps * ARRIVING_SHARE:
        return target_mfps
    return source_mfps


def arriving(levels: tuple[int, ...], source_mfps: int | None) -> tuple[int, ...]:
    """The levels (ascending) up to the first that takes every frame which arrives: more cannot be served, so more is not booked.

    A camera of 15 fps that is asked for 60 is planned at 15. A rate within ARRIVING_SHARE of a level counts as that level.
    """
    if not source_mfps:
        return levels
    for at, level in enumerate(levels):
        if level >= source_mfps * ARRIVING_SHARE:
            return levels[: at + 1]
    return levels


def plan_of(plans: list[Plan], variant: str) -> Plan | None:
    """The plan of this variant, if there is one."""
    for plan in plans:
        if plan.variant == variant:
            return plan
    return None


def choose(plans: list[Plan], reference: str, held: str) -> tuple[Plan, list[Plan]]:
    """The plan worth most; leaving the reference must earn something, and the variant that serves has an edge.

    Returns the choice and the efficient plans that would have been worth more by too little (``no_gain``).
    """
    base = plan_of(plans, reference)
    best, useless = base, []
    for plan in plans:
        if plan.variant == reference:
            continue
        if base is not None:
            need = max(SWAP_W, GAIN_SHARE * base.power_w) * (KEEP_SHARE if plan.variant == held else 1.0)
            if plan.worth_w < base.worth_w + need:
                useless.append(plan)
                continue
        if best is None or plan.worth_w > best.worth_w:
            best = plan
    if best is None:
        raise ValueError("no plan to choose from")
    return best, useless


def slice_tick(plan: Plan, credit_ppm: int) -> tuple[int, int]:
    """First-order sigma-delta: the rate of this tick, and the credit carried to the next."""
    if plan.low_mfps == plan.high_mfps:
        return plan.low_mfps, credit_ppm
    credit = credit_ppm + int(plan.high_part * PPM)
    if credit >= PPM:
        return plan.high_mfps, min(credit - PPM, PPM)
    return plan.low_mfps, credit
