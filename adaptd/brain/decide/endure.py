"""What energy costs while a battery must last: a price on every joule of the plan, so that what is left lasts until the goal.

Worth and energy are both linear in the rate, so a price alone would switch between the floor and the target. So while there is a
goal frames are worth most when there are few of them: the worth of one more falls in a straight line from (1 + BEND) of what the
policy says at the floor to (1 - BEND) at the target. Then the best rate follows the price without a jump:

    f = floor + (target - floor) (1 + BEND - price j / v) / (2 BEND), within floor and target

The price is sought once in EVERY_US for the mix of the last hour: for how long the cheapest frame that might be served took how
much energy. A mix of minutes spends the same power at all times; one of an hour saves joules of dear times for cheap ones. Where
even the policy's own word would leave energy over, the price falls below it: what is left above the reserve has served nobody.
"""

from dataclasses import replace
from typing import NamedTuple

from adaptd.brain.decide.planner import STEP_MFPS, Caps, Option, Plan, chance, plan_between
from adaptd.brain.estimate.battery import Belief
from adaptd.config.policy import Policy
from adaptd.vocabulary.battery import Goal, Lasting

PPM = 1_000_000
BEND = 0.25
LEAST_PRICE = 0.2  # energy that will be left over above the reserve is no cheaper than that
UNKNOWN_PPM = 1_000_000_000  # the price while nobody knows what is left: the floor
EVERY_US = 60_000_000
SHORTEST_US = 60_000_000  # the last minute is planned as a whole one
MIX_US = 3_600_000_000  # memory of the mix of kinds of time
KINDS, STEP, FIRST = 16, 1.2, 6  # kinds of time by the energy of a frame: how many, a factor apart, where the first one seen lies
PRICED = ("endurance", "most_worth", "not_worth_more")  # a plan that the price makes, and no limit
KEEP_SHARE = 0.04  # a rate this near to the one wanted is kept
SLACK = 0.01  # a goal missed by less is no reason to call somebody


def goal_of(policy: Policy) -> Goal | None:
    """The policy's goal in hours; one that ends at a time of day comes with the snapshot, since the wall clock is an input."""
    goal = policy.endurance
    return None if goal is None or goal.lasts_us is None else Goal(goal.reserve_ppm, goal.lasts_us)


class Kind(NamedTuple):
    """Time in which the cheapest frame took about so much energy: how long it was, and the mean energy of that frame."""

    weight_us: int = 0
    frame_nj: int = 0


class Memory(NamedTuple):
    """The mix of the last hours, mean power without a frame, and what was judged with it.

    ``kinds`` run from the cheapest to the dearest frame in steps of STEP, ``least_nj`` is where the first one ends.
    """

    kinds: tuple[Kind, ...] = ()
    least_nj: int = 0
    base_uw: int = 0
    said: Lasting | None = None
    goal: Goal | None = None


class Range(NamedTuple):
    """The lowest and the highest rate that may be planned, in frames a second, and what a frame in time is worth (J)."""

    low: float
    high: float
    value_j: float


def remember(memory: Memory, options: list[Option], base_w: float, dt_s: float) -> Memory:
    """The mix after one more interval: what the cheapest frame cost that might be served in it."""
    frame_nj = int(min([option.joules for option in options if not option.forbidden]) * 1e9)
    dt_us, base_uw = int(dt_s * 1e6), int(base_w * 1e6)
    if not memory.kinds:
        memory = memory._replace(kinds=(Kind(),) * KINDS, least_nj=max(1, int(frame_nj / STEP**FIRST)), base_uw=base_uw)
    at, edge = 0, float(memory.least_nj)
    while edge < frame_nj and at < KINDS - 1:
        at, edge = at + 1, edge * STEP
    kinds = list(memory.kinds)
    kind = kinds[at]
    whole_us = kind.weight_us + dt_us
    kinds[at] = Kind(whole_us, kind.frame_nj + (frame_nj - kind.frame_nj) * dt_us // max(1, whole_us))
    seen_us = sum([kind.weight_us for kind in kinds])
    return memory._replace(
        kinds=tuple(kinds), base_uw=memory.base_uw + (base_uw - memory.base_uw) * dt_us // max(1, dt_us, seen_us)
    )


def _fade(memory: Memory, passed_us: int) -> Memory:
    """The mix forgets with the time constant MIX_US."""
    part = min(passed_us, MIX_US)
    return memory._replace(
        kinds=tuple([kind._replace(weight_us=kind.weight_us - kind.weight_us * part // MIX_US) for kind in memory.kinds])
    )


def judge(memory: Memory, goal: Goal, charge: Belief, span: Range, now_us: int) -> Memory:
    """The price for what is left until the goal, and how long that lasts: anew once in EVERY_US, and when the goal changes."""
    said = memory.said
    if said is not None and goal == memory.goal and 0 <= now_us - said.at_us < EVERY_US:
        return memory
    memory = memory if said is None else _fade(memory, max(0, now_us - said.at_us))
    ends_us = goal.until_us if goal.until_us is not None else charge.since_us + (goal.lasts_us or 0)
    left_uj, to_go_us = charge.left_uj(goal.reserve_ppm), max(0, ends_us - now_us)
    floor_w = _mean(memory, span, None)[1]
    floor_us = _lasts_us(left_uj, floor_w)
    if charge.fed:
        price = 1.0
    elif not to_go_us:
        price = _most(memory, span)
    else:
        allowed_w = left_uj / max(to_go_us, SHORTEST_US)
        price = _solve(memory, span, allowed_w)
    rate, power_w = _mean(memory, span, price)
    said = Lasting(
        at_us=now_us,
        ends_us=ends_us,
        reserve_ppm=goal.reserve_ppm,
        charge_ppm=charge.charge_ppm,
        lasts_us=_lasts_us(left_uj, power_w),
        floor_us=floor_us,
        rate_mfps=int(rate * 1000),
        price_ppm=int(price * PPM),
        reachable=charge.fed or floor_us >= to_go_us * (1.0 - SLACK),
    )
    return memory._replace(said=said, goal=goal)


def _lasts_us(left_uj: int, power_w: float) -> int:
    return int(left_uj / max(power_w, 1e-3))


def rate_at(price: float, joules: float, span: Range) -> float:
    """The best rate of frames that take ``joules`` each, while energy costs ``price`` times what the policy says."""
    part = (1.0 + BEND - price * joules / span.value_j) / (2.0 * BEND)
    return span.low + (span.high - span.low) * max(0.0, min(1.0, part))


def _mean(memory: Memory, span: Range, price: float | None) -> tuple[float, float]:
    """Mean rate and mean power of the mix at a price; at the floor where it is None."""
    total = float(max(1, sum([kind.weight_us for kind in memory.kinds])))
    rate, power = 0.0, memory.base_uw / 1e6
    for kind in memory.kinds:
        if not kind.weight_us:
            continue
        joules = kind.frame_nj / 1e9
        fps = span.low if price is None else rate_at(price, joules, span)
        rate += fps * kind.weight_us / total
        power += fps * joules * kind.weight_us / total
    return rate, power


def _most(memory: Memory, span: Range) -> float:
    """The price at which even the cheapest frames are served at the floor alone."""
    return (1.0 + BEND) * span.value_j * 1e9 / max(1, min([kind.frame_nj for kind in memory.kinds if kind.weight_us], default=1))


def _solve(memory: Memory, span: Range, allowed_w: float) -> float:
    """The price at which the mix draws ``allowed_w``, by halving; the highest that means anything where it cannot be reached, and
    the policy's word where that gives the most that may be served."""
    rate, power_w = _mean(memory, span, 1.0)
    if power_w <= allowed_w and rate > span.high - 0.001:
        return 1.0
    low, high = (LEAST_PRICE, 1.0) if power_w <= allowed_w else (1.0, max(1.0, _most(memory, span)))
    for _ in range(24):
        middle = 0.5 * (low + high)
        if _mean(memory, span, middle)[1] > allowed_w:
            low = middle
        else:
            high = middle
    return high


def best(option: Option, span: Range, caps: Caps, price_ppm: int, deadline_us: int) -> Plan | None:
    """The best plan of ``option`` under the caps while energy has a price; its worth is that of the bent worth at this price."""
    low_mfps, high_mfps = round(span.low * 1000), round(span.high * 1000)
    plan = plan_between(option, low_mfps, high_mfps, caps, max(span.value_j, 4.0 * option.joules), deadline_us)
    if plan is None:
        return None
    value_j = span.value_j * chance(option, deadline_us)
    price = price_ppm / PPM
    wanted = rate_at(price, option.joules, Range(span.low, span.high, max(value_j, 1e-9)))
    mfps = int(wanted * 1000.0) // STEP_MFPS * STEP_MFPS
    rule = plan.rule
    if mfps < plan.low_mfps:
        plan, rule = replace(plan, low_mfps=max(low_mfps, mfps), high_mfps=max(low_mfps, mfps)), "endurance"
    fps = plan.low_mfps / 1000.0
    power = caps.base_w + fps * option.joules
    worth = _bent(fps, span, value_j) - price * power
    return replace(plan, worth_w=worth, power_w=power, value_j=value_j, rule=rule)


def levelled(option: Option, levels: tuple[int, ...], span: Range, caps: Caps, price_ppm: int, deadline_us: int) -> Plan | None:
    """The same where a camera has only these ``levels`` (ascending): two neighbours in turns, or what the caps leave of them."""
    free = best(option, span, caps, price_ppm, deadline_us)
    fitting = [level for level in levels if free is not None and level <= free.cap_mfps]
    if free is None or not fitting:
        return None
    below = max([level for level in fitting if level <= free.low_mfps], default=fitting[0])
    above = min([level for level in fitting if level > free.low_mfps], default=below)
    part = 0.0 if above == below else (free.low_mfps - below) / (above - below)
    return replace(free, low_mfps=below, high_mfps=above, high_part=part)


def _bent(fps: float, span: Range, value_j: float) -> float:
    """What ``fps`` are worth a second while frames are worth most when there are few."""
    width, over = max(1e-6, span.high - span.low), fps - span.low
    return value_j * (span.low + over * (1.0 + BEND - BEND * over / width))


def keep(plan: Plan, option: Option, now_mfps: int, low_mfps: int) -> Plan:
    """The plan at the rate that is served now, where that is near enough and no limit forbids it."""
    near = abs(now_mfps - plan.low_mfps) <= KEEP_SHARE * plan.low_mfps
    if not near or not low_mfps <= now_mfps <= plan.cap_mfps:
        return plan
    return replace(plan, low_mfps=now_mfps, high_mfps=now_mfps, power_w=plan.base_w + now_mfps / 1000.0 * option.joules)
