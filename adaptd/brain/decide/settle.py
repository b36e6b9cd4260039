"""A rate is changed when that is worth what a change costs: what the held rate forgoes is added up until it reaches the price.

Whoever pays at the moment when the sum reaches the price never pays more than twice what the best schedule in hindsight does
(the ski rental rule: Karlin, Manasse, Rudolph and Sleator, Algorithmica 1988, doi 10.1007/BF01762111). So a large difference is
taken at once, a small one after a while, and noise around the held rate never. A limit is no matter of price: what breaks one is
left in the same tick, a little further down than needed, so that the next breath of noise does not ask again.
"""

from dataclasses import replace

from adaptd.brain.decide.planner import Option, Plan, worth_w

CHANGE_S = 0.25  # a change costs what the target rate earns in so many seconds
SPARE_PPM = 5_000  # how far below a limit a rate is put that had to give way
PPM = 1_000_000
LIMITS = ("power_budget", "temperature", "protect_device", "endurance")


def settle(
    plan: Plan, option: Option, now_mfps: int, lowest_mfps: int, owed_uj: int, dt_s: float, full_w: float
) -> tuple[Plan, int]:
    """The plan at the rate to serve, and microjoules forgone since the last change.

    ``now_mfps`` is what ``option`` serves now (0: nothing of it), ``full_w`` what the target rate earns.
    """
    to = plan.low_mfps
    if to == now_mfps or now_mfps < lowest_mfps:
        return plan, 0
    if to < now_mfps and plan.rule in LIMITS:
        to = max(lowest_mfps, to - to * SPARE_PPM // PPM)
        return _at(plan, option, to), 0
    forgone_w = plan.worth_w - worth_w(option, now_mfps / 1000.0, plan.base_w, plan.value_j)
    owed_uj += int(max(0.0, forgone_w) * dt_s * 1e6)
    if owed_uj >= CHANGE_S * full_w * 1e6:
        return plan, 0
    return _at(plan, option, now_mfps), owed_uj


def _at(plan: Plan, option: Option, mfps: int) -> Plan:
    """The plan at another rate."""
    fps = mfps / 1000.0
    worth = worth_w(option, fps, plan.base_w, plan.value_j)
    return replace(plan, low_mfps=mfps, high_mfps=mfps, worth_w=worth, power_w=plan.base_w + fps * option.joules)
