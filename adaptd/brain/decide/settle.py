"""A rate is changed when that is worth what a change costs: what the held rate forgoes is added up until it reaches the price.

Whoever pays at the moment when the sum reaches the price never pays more than twice what the best schedule in hindsight does
(the ski rental rule: Karlin, Manasse, Rudolph and Sleator, Algorithmica 1988, doi 10.1007/BF01762111). So a large difference is
taken at once, a small one after a while, and noise around the held rate never. A limit is no matter of price: what breaks one is
left in the same tick, a little further down than needed, so that the next breath of noise does not ask again.
"""

from dataclasses import dataclass
from typing import NamedTuple

from adaptd.brain.decide.planner import STEP_MFPS, Option, Plan, worth_w

CHANGE_S = 1.0  # a change costs what the target rate earns in so many seconds
SPARE_PPM = 5_000  # how far below a limit a rate is put that had to give way
OFFERS = 3  # a rate is taken when it has been offered in so many ticks
PPM = 1_000_000


class Owed(NamedTuple):
    """What the held rate has forgone since its last change (uJ), in how many ticks, and the least that was offered in them."""

    uj: int = 0
    ticks: int = 0
    least_mfps: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """The rate that is served now (0: none), the span in which it may stay, what it owes, and what the target rate earns (W)."""

    now_mfps: int
    lowest_mfps: int
    highest_mfps: int
    owed: Owed
    full_w: float


def settle(plan: Plan, option: Option, held: Held, dt_s: float) -> tuple[Plan, Owed]:
    """The plan of ``option`` at the rate to serve, and what is owed after this tick.

    A higher rate is the least of those that were offered while the account grew: what noise offers once is not taken.
    """
    to, now, owed = plan.low_mfps, held.now_mfps, held.owed
    if to == now or not held.lowest_mfps <= now <= held.highest_mfps or not now:
        return plan, Owed()
    if now > plan.cap_mfps:
        spared = (to - to * SPARE_PPM // PPM) // STEP_MFPS * STEP_MFPS
        return _at(plan, option, max(held.lowest_mfps, spared)), Owed()
    forgone_w = plan.worth_w - worth_w(option, now / 1000.0, plan.base_w, plan.value_j)
    if (owed.least_mfps > now) is not (to > now):
        owed = Owed()  # what is owed upwards is not owed downwards
    least = min(to, owed.least_mfps) if owed.ticks else to
    owed = Owed(owed.uj + int(max(0.0, forgone_w) * dt_s * 1e6), owed.ticks + 1, least)
    if owed.uj >= CHANGE_S * held.full_w * 1e6 and owed.ticks >= OFFERS:
        return _at(plan, option, max(held.lowest_mfps, least) if to > now else to), Owed()
    return _at(plan, option, now), owed


def _at(plan: Plan, option: Option, mfps: int) -> Plan:
    """The plan at another rate."""
    fps = mfps / 1000.0
    return Plan(
        variant=plan.variant,
        low_mfps=mfps,
        high_mfps=mfps,
        high_part=plan.high_part,
        worth_w=worth_w(option, fps, plan.base_w, plan.value_j),
        power_w=plan.base_w + fps * option.joules,
        rule=plan.rule,
        base_w=plan.base_w,
        value_j=plan.value_j,
        cap_mfps=plan.cap_mfps,
    )
