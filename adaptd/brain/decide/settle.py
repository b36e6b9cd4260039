"""A rate is changed when that is worth what a change costs: what the held rate forgoes is added up until it reaches the price.

Whoever pays at the moment when the sum reaches the price never pays more than twice what the best schedule in hindsight does
(the ski rental rule: Karlin, Manasse, Rudolph and Sleator, Algorithmica 1988, doi 10.1007/BF01762111). So a large difference is
taken at once, a small one after a while, and noise around the held rate never. A limit is no matter of price: what breaks one is
left in the same tick, a little further down than needed, so that the next breath of noise does not ask again.
"""

from dataclasses import dataclass
from typing import NamedTuple

from adaptd.brain.decide.planner import STEP_MFPS, Option, Plan, worth_w

CHANGE_S = 1.0  # a change costs what the target rate earns in so many seconds ...
BACK_TIMES, BACK_MOST = 2, 4  # ... and that many times more for each rise that a limit took back lately, to so many of them
REST_TIMES = 4  # protection that was left in vain is left again after so many times as many offers: a try serves nobody
BACK_US = 60_000_000  # a rise that is taken back within that was wrong; later the world has changed
FORGET_US = 600_000_000  # one of them is forgotten in so long
SPARE_PPM = 5_000  # how far below a limit a rate is put that had to give way
OFFERS = 3  # a rate is taken when it has been offered in so many ticks
FELT = 10  # a change by a tenth of the rate is one that a person notices
PPM = 1_000_000


class Owed(NamedTuple):
    """What the held rate has forgone since its last change (uJ), in how many ticks, and the least that was offered in them.

    ``back``: rises that a limit took back lately; ``calm_us`` since the last of them, ``risen_us`` since the last rise.
    ``vain``: rises that ended lately where no limit could be kept at the floor.
    ``leap``: offers in a row since one lay a tenth above the one before, ``leap_mfps`` the least of those, else the last.
    """

    uj: int = 0
    ticks: int = 0
    least_mfps: int = 0
    back: int = 0
    calm_us: int = 0
    risen_us: int = FORGET_US
    vain: int = 0
    leap: int = 0
    leap_mfps: int = 0


@dataclass(slots=True)
class Held:
    """The rate that is served now, the span in which it may stay, what it owes, and what the target rate earns (W).

    ``rests_mfps``: the device is protected, and a rate below this one, or none, is left when more was offered often enough;
    0: service goes on as soon as it may.
    """

    now_mfps: int
    lowest_mfps: int
    highest_mfps: int
    owed: Owed
    full_w: float
    rests_mfps: int = 0


def settle(plan: Plan, option: Option, held: Held, dt_s: float) -> tuple[Plan, Owed]:
    """The plan of ``option`` at the rate to serve, and what is owed after this tick.

    A higher rate is the least of those that were offered while the account grew: what noise offers once is not taken. But where
    the room has opened while the account grew, the whole of it is one step: what was offered before says nothing any more.
    A rate that a budget no longer offers is held while the margin that is left of it says that it fits (``Plan.hold_mfps``).
    """
    to, now, owed = plan.low_mfps, held.now_mfps, _older(held.owed, int(dt_s * 1e6))
    if to == now or now > held.highest_mfps or (now < max(1, held.lowest_mfps) and not held.rests_mfps):
        return plan, _quits(owed)
    if now > max(plan.cap_mfps, plan.hold_mfps):
        spared = max(held.lowest_mfps, (to - to * SPARE_PPM // PPM) // STEP_MFPS * STEP_MFPS)
        return _at(plan, option, spared), _taken_back(owed, now, spared, vain=not held.lowest_mfps)
    forgone_w = plan.worth_w - worth_w(option, now / 1000.0, plan.base_w, plan.value_j)
    if (owed.least_mfps > now) is not (to > now):
        owed = _quits(owed)  # what is owed upwards is not owed downwards
    owed, least = _leapt(owed, to)
    owed = owed._replace(uj=owed.uj + int(max(0.0, forgone_w) * dt_s * 1e6), ticks=owed.ticks + 1, least_mfps=least)
    times = BACK_TIMES**owed.back if to > now else 1
    if now < held.rests_mfps and (to >= held.rests_mfps or not now):  # what protection keeps from service is no matter of watts
        pays = owed.ticks >= OFFERS * REST_TIMES**owed.vain
    else:
        pays = owed.uj >= CHANGE_S * held.full_w * 1e6 * times and owed.ticks >= OFFERS
    if pays and not (to > now and owed.leap):
        if to < now:
            return plan, _quits(owed)
        return _at(plan, option, max(held.lowest_mfps, least)), _quits(owed)._replace(risen_us=0)
    return _at(plan, option, now), owed


def _leapt(owed: Owed, to_mfps: int) -> tuple[Owed, int]:
    """The least that was offered; or, where offers leapt up from one tick to the next and have stayed for OFFERS, that of those.

    Offers that drift up are those of a belief that is still being made: of them the least counts.
    """
    if not owed.ticks or (to_mfps - owed.least_mfps) * FELT <= owed.least_mfps:
        return owed._replace(leap=0, leap_mfps=to_mfps), min(to_mfps, owed.least_mfps) if owed.ticks else to_mfps
    if (to_mfps - owed.leap_mfps) * FELT > owed.leap_mfps:
        return owed._replace(leap=1, leap_mfps=to_mfps), owed.least_mfps
    if not owed.leap:
        return owed._replace(leap_mfps=to_mfps), owed.least_mfps
    lowest = min(to_mfps, owed.leap_mfps)
    if owed.leap + 1 >= OFFERS:
        return owed._replace(leap=0, leap_mfps=to_mfps), lowest
    return owed._replace(leap=owed.leap + 1, leap_mfps=lowest), owed.least_mfps


def paused(owed: Owed, now_mfps: int, dt_s: float) -> Owed:
    """What is owed after a tick in which no rate fits."""
    return _taken_back(_older(owed, int(dt_s * 1e6)), now_mfps, 0, vain=True)


def _taken_back(owed: Owed, now_mfps: int, to_mfps: int, *, vain: bool) -> Owed:
    """A limit has put the rate down: where that undoes a rise of a moment ago, the next one must earn more."""
    wrong = owed.risen_us < BACK_US and (now_mfps - to_mfps) * FELT > now_mfps
    if not wrong:
        return _quits(owed)
    back, tries = min(BACK_MOST, owed.back + 1), min(BACK_MOST, owed.vain + vain)
    return _quits(owed)._replace(back=back, vain=tries, calm_us=0, risen_us=FORGET_US)


def _older(owed: Owed, dt_us: int) -> Owed:
    if not owed.back and not owed.vain and not owed.calm_us and owed.risen_us == FORGET_US:
        return owed
    calm_us, back, vain = owed.calm_us + dt_us, owed.back, owed.vain
    if calm_us >= FORGET_US:
        calm_us, back, vain = 0, max(0, back - 1), max(0, vain - 1)
    calm_us = calm_us if back or vain else 0
    return owed._replace(calm_us=calm_us, back=back, vain=vain, risen_us=min(FORGET_US, owed.risen_us + dt_us))


def _quits(owed: Owed) -> Owed:
    """Nothing is owed; what limits took back stays known."""
    if not (owed.ticks or owed.uj or owed.least_mfps or owed.leap or owed.leap_mfps):
        return owed
    return owed._replace(uj=0, ticks=0, least_mfps=0, leap=0, leap_mfps=0)


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
        hold_mfps=plan.hold_mfps,
    )
