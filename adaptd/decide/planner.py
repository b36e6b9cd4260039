"""Which operating point is worth most under every limit.

Per variant, power is linear in the rate, so the best rate under a power cap lies on the cap or at an end of the range; where it
lies between two levels the plan is a mixture of these two neighbours, served in turns (two configurations are enough for the
optimum under one constraint: Kim, Imes and Hoffmann, CPSNA 2015). Watts, joules and doubles inside; nothing of this is stored.
"""

from dataclasses import dataclass
from math import sqrt

from adaptd.decide.deadline import in_time

PPM = 1_000_000
GAIN_SHARE = 0.004  # a swap must earn this part of the board's power ...
SWAP_W = 0.005  # ... and this much
KEEP_SHARE = 0.5  # the variant that serves is kept while it earns this part of what a swap to it would need
POWER_SIGMAS = 3.0  # margin below the power budget, in deviations of the power predicted for the point
BUSY = 0.95  # part of the time an engine may compute; beyond it frames queue


@dataclass(slots=True)
class Option:
    """One variant as believed now. ``forbidden`` names the condition that rules it out, empty when it may serve.

    The variance of its power at f frames a second is a + 2 b f + c f^2 with (a, b, c) = ``doubt``.
    """

    name: str
    joules: float
    latency_us: float
    scatter: float
    doubt: tuple[float, float, float]
    forbidden: str = ""


@dataclass(slots=True)
class Caps:
    """Watts: what is always drawn; what temperature lets the plan average, and draw in one tick; what the budget lets it draw."""

    base_w: float
    mean_w: float
    peak_w: float
    budget_w: float


@dataclass(slots=True)
class Plan:
    """A mixture of two neighbouring rates of one variant: ``high_part`` of the ticks at ``high_mfps``, else ``low_mfps``."""

    variant: str
    low_mfps: int
    high_mfps: int
    high_part: float
    worth_w: float
    power_w: float
    rule: str

    @property
    def mean_mfps(self) -> float:
        """The rate on average."""
        return self.low_mfps + (self.high_mfps - self.low_mfps) * self.high_part


def plan_variant(option: Option, levels: tuple[int, ...], caps: Caps, value_j: float, deadline_us: int) -> Plan | None:
    """The best mixture of ``option`` at ``levels`` (ascending, mfps) under the caps, or None where not even the lowest fits."""
    low = None
    on_time = in_time(option.latency_us, option.scatter, deadline_us)
    for mfps in levels:
        fps = mfps / 1000.0
        power = caps.base_w + fps * option.joules
        busy = fps * option.latency_us / 1e6
        worth = value_j * fps * (on_time if busy <= BUSY else on_time * BUSY / busy) - power
        a, b, c = option.doubt
        certain = caps.budget_w - POWER_SIGMAS * sqrt(max(0.0, a + fps * (2.0 * b + fps * c)))
        if power <= caps.mean_w and power <= caps.peak_w and power <= certain:
            if low is None or worth >= low[1]:
                low = (mfps, worth, power)
            continue
        if low is None:
            return None
        if worth <= low[1]:
            break
        if power > certain or power > caps.peak_w:
            return Plan(option.name, low[0], low[0], 0.0, low[1], low[2], "power_budget" if power > certain else "temperature")
        part = (caps.mean_w - low[2]) / (power - low[2])
        return Plan(option.name, low[0], mfps, part, low[1] + part * (worth - low[1]), caps.mean_w, "temperature")
    if low is None:
        return None
    rule = "most_worth" if low[0] == levels[-1] else "not_worth_more"
    return Plan(option.name, low[0], low[0], 0.0, low[1], low[2], rule)


def choose(plans: list[Plan], reference: str, held: str) -> tuple[Plan, list[Plan]]:
    """The plan worth most; leaving the reference must earn something, and the variant that serves has an edge.

    Returns the choice and the efficient plans that would have been worth more by too little (``no_gain``).
    """
    base = next((plan for plan in plans if plan.variant == reference), None)
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
