"""From beliefs to a verdict: what each variant may do, the plan, what a conflict demands, the veto, the transition."""

from dataclasses import replace
from functools import lru_cache
from math import sqrt

from adaptd.brain.decide import conflict, endure, outcome, planner, safety, shadowing, shift, shortfall
from adaptd.brain.decide import settle as settling
from adaptd.brain.decide.carryover import PAYS_MOST, Carryover
from adaptd.brain.decide.inputs import DecisionFrame, Inputs, dwell_us, frame
from adaptd.brain.decide.limits import caps_of
from adaptd.brain.decide.planner import Caps, Option, Plan
from adaptd.brain.decide.settle import Owed
from adaptd.brain.decide.transitions import Event, legal, move
from adaptd.brain.estimate.scene_guard import Guard
from adaptd.config.cells import band_of
from adaptd.config.policy import Policy
from adaptd.vocabulary import BandEvidence, Mode, OperatingPoint, Refusal, Verdict

__all__ = ["DecisionFrame", "Inputs", "decide", "dwell_us", "frame"]

PAYING = ("account_open", "scene_clear", "dwell_over")
BINDING = ("temperature", "power_budget", "endurance", "protect_device", "protect_service")
BLINK_US = 3_000_000  # three looks: what is seen once more may be the last of a fault
PPM = 1_000_000

Rates = tuple[tuple[int, ...], int]  # the levels that may be planned (ascending), and the most that arrives


def decide(sight: Inputs, policy: Policy, table: DecisionFrame) -> tuple[Verdict, Carryover]:
    """The verdict of this tick and what the next one must remember."""
    held = _remember_heat(sight, policy)
    guards = _worst(sight)
    looking = shadowing.looking(sight, policy, table, guards)
    options = _options(sight, policy, table, guards, looking)
    caps = caps_of(sight, policy, options)
    lasting = None if sight.goal is None else _lasting(sight, policy, table, options)
    rates = _rates(sight, table, held)
    plan, event, refused, owed, gains = _plan(sight, policy, table, options, caps, held, lasting, rates)
    rate, credit = planner.slice_tick(plan, held.credit_ppm)
    admitted = tuple([name for name, guard in guards.items() if not guard.owed]) if sight.offer.frames else ()
    wanted = sight.point  # itself where it stays: what is the same need not be compared again
    if wanted.variant != plan.variant or wanted.fps_mfps != rate:
        wanted = OperatingPoint(plan.variant, rate)
    point, vetoed = safety.veto(wanted, outcome.veto_facts(sight, policy, admitted, options, wanted, caps))
    mode = move(sight.mode, _after_veto(sight.mode, event, vetoed, policy) if vetoed else event)
    swapped = held.swapped_at_us if point.variant == sight.point.variant else _swapped_at(sight, table.dwell_us)
    served_w = outcome.power_at(options, point, caps)
    rule, numbers = shortfall.told(shortfall.Ground(sight, policy, table, options, caps, held.hot), plan, vetoed)
    shifted = None
    if sight.modes is not None:
        shifted = _shift(sight, policy, options, caps, lambda one, left: _priced(one, rates[0], left, table, policy, lasting))
    verdict = Verdict(
        mode=mode,
        point=point,
        lease_us=outcome.lease(point, policy),
        shadow_ppm=looking if point.variant == policy.reference else sight.offer.share_ppm,
        band=sight.band,
        rule=rule,
        conditions=outcome.conditions(sight, policy, held, options, plan, lasting),
        evidence=tuple(
            [_word(one.band, one.variant, not one.owed, sight.standing.get(one.band, (0, PPM))) for one in sight.guards]
        ),
        refused=refused,
        predicted_mc=int((sight.ahead[0][1] + sight.ahead[0][2] * served_w) * 1000),
        predicted_mw=int(served_w * 1000),
        judged=sight.judged,
        most_frames=0 if point.variant == policy.reference else sight.offer.frames,
        lasting=None if lasting is None else lasting.said,
        limits=(*numbers, *shortfall.of_refusals(refused, gains, guards, sight, table.dwell_us)),
        lowered=sight.lowered,
        power_mode=None if shifted is None or not policy.modes else shifted.asked or shifted.here,
    )
    return verdict, Carryover(
        swapped_at_us=swapped,
        low_mfps=plan.low_mfps,
        credit_ppm=credit,
        hot=held.hot,
        shadow_ppm=verdict.shadow_ppm,
        claim=held.claim,
        bound=plan.rule in BINDING,
        pays=_pays(held, policy, point, refused),
        owed=owed,
        lasting=lasting,
        shift=shifted,
    )


def _swapped_at(sight: Inputs, dwell_us: int) -> int:
    """From when on the new engine is held. Light that is lost for a moment, when the engine before had been held for its time, is
    no reason to hold the reference for longer than it takes to see that the light is back."""
    blinked = sight.unknown[2] is not None and sight.now_us - sight.held.swapped_at_us >= dwell_us
    return sight.now_us - max(0, dwell_us - BLINK_US) if blinked else sight.now_us


def _shift(sight: Inputs, policy: Policy, options: list[Option], caps: Caps, best: shift.Best) -> shift.Shift | None:
    """What is remembered of power modes, and which one is asked for."""
    modes = sight.modes
    if modes is None or not modes.wanted:
        return None if modes is None else modes.memory
    return shift.choose(modes, options, caps, best, lambda one: planner.punctual(one, policy), sight.now_us, sight.dt_s)


def _lasting(sight: Inputs, policy: Policy, table: DecisionFrame, options: list[Option]) -> endure.Memory:
    """What energy costs now, and how long the battery lasts at that."""
    memory = endure.remember(sight.held.lasting or endure.Memory(), options, sight.base_w, sight.dt_s)
    if sight.charge is None or sight.goal is None:
        return memory._replace(said=None)
    return endure.judge(memory, sight.goal, sight.charge, _span(sight, table), sight.now_us)


def _span(sight: Inputs, table: DecisionFrame) -> endure.Range:
    most = max(table.levels[0], planner.arriving_most(table.levels[-1], sight.worker.source_mfps))
    return endure.Range(table.levels[0] / 1000.0, most / 1000.0, table.value_j)


def _worst(sight: Inputs) -> dict[str, Guard]:
    """For each variant the scene guard of this band; of several cameras the one that owes most, since all share one variant."""
    found: dict[str, Guard] = {}
    for guard in sight.guards:
        if band_of(guard.band) == sight.band and (guard.variant not in found or guard.owed > found[guard.variant].owed):
            found[guard.variant] = guard
    return found


@lru_cache(maxsize=1024)
def _word(band: str, variant: str, admitted: bool, standing: tuple[int, int]) -> BandEvidence:
    """In the words of the log, which seldom change: whether the scene speaks for the variant, where the band's account stands."""
    return BandEvidence(band, variant, admitted, *standing)


def _pays(held: Carryover, policy: Policy, point: OperatingPoint, refused: tuple[Refusal, ...]) -> int:
    """For how many ticks an efficient variant is still taken to pay: full while it serves or would be worth more, else less.

    What cannot win under any answer of the shadow frames is not worth them; the count is the hysteresis.
    """
    worth = point.variant != policy.reference or any(
        one.point.variant != policy.reference and one.condition in PAYING for one in refused
    )
    return PAYS_MOST if worth else max(0, held.pays - 1)


def _after_veto(mode: Mode, event: Event, vetoed: str, policy: Policy) -> Event:
    """The event that a veto leaves: a lesser service, or protection where the device is in danger."""
    if event in (Event.FAULT, Event.STOP, Event.PROTECT):
        return event
    if vetoed == "over_critical":
        return Event.STOP if policy.on_conflict == "stop" or mode is Mode.STOPPED else Event.PROTECT
    return Event.REDUCE if legal(mode, Event.REDUCE) else event


def _remember_heat(sight: Inputs, policy: Policy) -> Carryover:
    """Hot from the limit until resume; without a temperature nothing cools down."""
    held = sight.held
    if sight.unknown[0]:
        return held
    if held.hot:
        hot = sight.believed_k * 1000 > policy.resume_mc
    else:
        seen = sight.temperature_mc is not None and sight.temperature_mc >= policy.limit_mc
        hot = seen and (sight.believed_k - 2.0 * sight.believed_sd_k) * 1000 >= policy.limit_mc
    return held if hot == held.hot else held._replace(hot=hot)


def _options(sight: Inputs, policy: Policy, table: DecisionFrame, guards: dict[str, Guard], share: int) -> list[Option]:
    """Every variant, in place, with the price of its shadow frames and, where it may not serve, the reason."""
    dark, reference = sight.unknown[2] is not None, policy.reference
    beside = tested = (0.0, 0.0, 0.0)
    for option in sight.options:
        price = option.joules, option.doubt[1], option.doubt[2]
        if option.name == reference:
            beside = price
        elif price[0] > tested[0] and (dark or option.name in guards):  # the dearest that may run beside
            tested = price
    if dark:
        # In light that is not known the reference is planned as if it were watched at most, so that blindness frees no power.
        share = shadowing.share(0, policy.shadow_ppm, table.rate_mfps, shadowing.budget(policy.shadow_ppm, table.rate_mfps))
    found = []
    for option, fact in zip(sight.options, sight.facts, strict=True):
        if option.name == reference:
            _watched(option, tested, share / PPM)
        elif option.name in policy.efficient:
            _watched(option, beside, (sight.offer.share_ppm or share) / PPM)
            if fact.no_gain or option.name in table.unsupported:
                option.forbidden = "no_gain"
            else:
                option.forbidden = _forbidden(option.name, sight, table, guards.get(option.name))
        else:
            continue
        found.append(option)
    return found


def _watched(option: Option, beside: tuple[float, float, float], share: float) -> None:
    """Add the shadow frames on the engine beside to the price of a frame, and their doubt as if both erred together."""
    joules, tie, square = beside
    a, b, c = option.doubt
    deviation = sqrt(c) + share * sqrt(square)
    option.joules += joules * share
    option.doubt = (a, b + tie * share, deviation * deviation)


def _forbidden(name: str, sight: Inputs, table: DecisionFrame, guard: Guard | None) -> str:
    if not sight.log_ok or not sight.worker.alive:
        return "worker_alive" if sight.log_ok else "log_ok"
    if name in sight.stale or sight.unknown[2] or guard is None:
        return "mode_qualified" if name in sight.stale else "light_known"
    if name in sight.worker.quarantined:
        return "not_quarantined"
    if sight.watch.fault:
        return "no_fault"
    if not sight.offer.frames:
        return "account_open"
    if guard.owed:
        return "scene_clear"
    if sight.point.variant != name and sight.now_us - sight.held.swapped_at_us < table.dwell_us:
        return "dwell_over"
    return ""


def _rates(sight: Inputs, table: DecisionFrame, held: Carryover) -> Rates:
    """What may be planned at all this tick, and of it all the most that arrives."""
    lowest, source_mfps = table.levels[0], sight.worker.source_mfps
    if table.free:
        arriving: tuple[int, ...] = lowest, max(lowest, planner.arriving_most(table.levels[-1], source_mfps))
    else:
        arriving = planner.arriving(table.levels, source_mfps)
    most_mfps = arriving[-1]
    unseen = sight.unknown[0] and not sight.modelled
    if unseen or held.hot or sight.watch.fault or sight.mode in (Mode.PROTECT, Mode.STOPPED):
        return table.levels[:1], most_mfps
    if not sight.unknown[0] and (sight.meterless or not sight.unknown[1]):
        return arriving, most_mfps
    if table.free:  # blind to heat or power, a rate never rises
        return (lowest, max(lowest, min(most_mfps, held.low_mfps))), most_mfps
    return tuple([level for level in arriving if level <= held.low_mfps]) or arriving[:1], most_mfps


def _priced(
    option: Option, levels: tuple[int, ...], caps: Caps, table: DecisionFrame, policy: Policy, lasting: endure.Memory | None
) -> Plan | None:
    """The best plan of one variant at any rate within ``levels``, or at these where a camera has no other: at what energy costs
    while the battery must last, else at the policy's word alone."""
    if lasting is None:
        return conflict.best(option, levels, caps, table, policy)
    span = endure.Range(levels[0] / 1000.0, levels[-1] / 1000.0, table.value_j)
    price_ppm = endure.UNKNOWN_PPM if lasting.said is None else lasting.said.price_ppm
    if table.free:
        return endure.best(option, span, caps, price_ppm, policy.deadline_us)
    return endure.levelled(option, levels, span, caps, price_ppm, policy.deadline_us)


def _plan(
    sight: Inputs,
    policy: Policy,
    table: DecisionFrame,
    options: list[Option],
    caps: Caps,
    held: Carryover,
    lasting: endure.Memory | None,
    rates: Rates,
) -> tuple[Plan, Event, tuple[Refusal, ...], Owed, shortfall.Gains]:
    """The plan, the event it means, what would have been worth more, what the held rate has forgone so far, and what swaps that
    earn too little would earn."""
    levels, most_mfps = rates
    if caps.unreachable:
        levels = table.levels[:1]
    plans, refused, gains = [], [], {}
    single = sight.mode is Mode.STOPPED or (sight.mode is Mode.PROTECT and len(table.levels) == 1)
    for option in options:
        plan = _priced(option, levels, caps, table, policy, lasting)
        if option.forbidden:
            if plan is not None:
                refused.append((plan, option.forbidden))
        elif plan is not None and not (single and option.name != policy.reference):
            plans.append(plan)
    plans, tardy = planner.punctual_first(plans, options, policy, sight.point.variant)
    refused += [(plan, "deadline") for plan in tardy]
    stopped = sight.mode is Mode.STOPPED and (held.hot or bool(sight.unknown[0]) or sight.believed_k * 1000 > policy.resume_mc)
    if not plans or stopped:
        plan, event = conflict.plan(sight, policy, table, options, caps)
        plan, owed = _settled(sight, policy, table, options, plan, (0, table.levels[0]), held)
    else:
        plan, useless = planner.choose(plans, policy.reference, sight.point.variant)
        refused += [(one, "no_gain") for one in useless]
        gains = shortfall.gains(useless, plans, policy.reference, sight.point.variant)
        plan, owed = _settled(sight, policy, table, options, plan, (levels[0], levels[-1]), held)
        if caps.unreachable:
            plan = replace(plan, rule="budget_unreachable")
        event = _event(sight, policy, plan, most_mfps)
        if plan.low_mfps < levels[0]:  # protection is left when that pays, not when noise first offers it
            plan, event = replace(plan, rule="after_protection"), Event.PROTECT
    if sight.watch.fault:
        event = Event.FAULT
    words = [
        Refusal(OperatingPoint(one.variant, one.high_mfps), why)
        for one, why in refused
        if one.worth_w > plan.worth_w or why == "no_gain"
    ]
    if plan.rule in BINDING[:3] and levels[-1] > plan.low_mfps:
        words.append(Refusal(OperatingPoint(plan.variant, levels[-1]), plan.rule))
    return plan, event, tuple(words), owed, gains


def _settled(
    sight: Inputs, policy: Policy, table: DecisionFrame, options: list[Option], plan: Plan, span: tuple[int, int], held: Carryover
) -> tuple[Plan, Owed]:
    """The plan at the rate that is served now, while changing it would not pay; ``span``: the lowest and the highest allowed."""
    if not table.free:
        return plan, Owed()
    if not plan.low_mfps:
        return plan, settling.paused(held.owed, sight.point.fps_mfps, sight.dt_s)
    option = planner.option_of(options, plan.variant)
    if sight.goal is not None and plan.rule in endure.PRICED:
        return endure.keep(plan, option, sight.point.fps_mfps, span[0]), held.owed
    rests = table.levels[0] if sight.mode is Mode.PROTECT and policy.on_conflict != "protect_service" else 0
    if any(sight.rise_w):  # power has just risen, and how far is not known yet: that is no scatter
        plan = replace(plan, hold_mfps=plan.cap_mfps)
    rate = settling.Held(sight.point.fps_mfps, *span, held.owed, table.full_w, rests)
    return settling.settle(plan, option, rate, sight.dt_s)


def _event(sight: Inputs, policy: Policy, plan: Plan, most_mfps: int) -> Event:
    if sight.mode is Mode.STOPPED:
        return Event.SERVE_REFERENCE
    if plan.mean_mfps < most_mfps:
        return Event.REDUCE
    return Event.SERVE_REFERENCE if plan.variant == policy.reference else Event.SERVE_EFFICIENT
