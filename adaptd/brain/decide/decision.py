"""From beliefs to a verdict: what each variant may do, the plan, what a conflict demands, the veto, the transition."""

from dataclasses import replace

from adaptd.brain.decide import freshness, planner, safety, shadowing
from adaptd.brain.decide.carryover import Carryover
from adaptd.brain.decide.headroom import MEAN_SIGMAS, cap_w
from adaptd.brain.decide.inputs import DecisionFrame, Inputs, Proof, dwell_us, frame
from adaptd.brain.decide.planner import Caps, Option, Plan
from adaptd.brain.decide.transitions import Event, legal, move
from adaptd.config.policy import Policy
from adaptd.vocabulary import Mode, OperatingPoint, Refusal, Verdict

__all__ = ["DecisionFrame", "Inputs", "decide", "dwell_us", "frame"]

NO_BUDGET_W = 1e9
BINDING = ("temperature", "power_budget", "protect_device", "protect_service")
PPM = 1_000_000
HOPELESS_TIMES = 2  # a loss seen at this many times the limit ...
HOPELESS_SAMPLES = 300  # ... over this many frames is not worth a burst


def decide(sight: Inputs, policy: Policy, table: DecisionFrame) -> tuple[Verdict, Carryover]:
    """The verdict of this tick and what the next one must remember."""
    held = _remember_heat(sight, policy)
    proofs = {proof.word.variant: proof for proof in sight.proofs if proof.word.band == sight.band}
    share = _share(sight, policy, table, proofs)
    options = _options(sight, policy, table, proofs, share)
    caps = _caps(sight, policy)
    plan, event, refused = _plan(sight, policy, table, options, caps, held)
    rate, credit = planner.slice_tick(plan, held.credit_ppm)
    admitted = tuple([name for name, proof in proofs.items() if proof.word.admitted])
    point, vetoed = safety.veto(OperatingPoint(plan.variant, rate), _veto_facts(sight, policy, admitted))
    mode = move(sight.mode, _after_veto(sight.mode, event, vetoed, policy))
    swapped = held.swapped_at_us if point.variant == sight.point.variant else sight.now_us
    served_w = _power_at(options, point, caps)
    verdict = Verdict(
        mode=mode,
        point=point,
        lease_us=_lease(point, policy),
        shadow_ppm=share,
        band=sight.band,
        rule=f"veto_{vetoed}" if vetoed else plan.rule,
        conditions=_conditions(sight, policy, held, options, plan),
        evidence=tuple([proof.word for proof in sight.proofs]),
        refused=refused,
        predicted_mc=int((sight.ahead[0][1] + sight.ahead[0][2] * served_w) * 1000),
        predicted_mw=int(served_w * 1000),
    )
    grant, granted_at, lapsed = freshness.remember(
        held, point.variant, policy.reference, sight.band, sight.proofs, sight.now_us, policy.efficient_lease_us
    )
    return verdict, Carryover(
        swapped, plan.low_mfps, credit, held.hot, share, held.claim, grant, granted_at, lapsed, plan.rule in BINDING
    )


def _after_veto(mode: Mode, event: Event, vetoed: str, policy: Policy) -> Event:
    """The event that a veto leaves: a lesser service, or protection where the device is in danger."""
    if not vetoed or event in (Event.FAULT, Event.STOP, Event.PROTECT):
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


def _share(sight: Inputs, policy: Policy, table: DecisionFrame, proofs: dict[str, Proof]) -> int:
    """The shadow share that the neediest useful variant asks for."""
    if not sight.log_ok or not sight.worker.alive or not proofs:
        return 0
    left = shadowing.left(sight.spent, policy.shadow_ppm, policy.target_mfps)
    best = 0
    for fact in sight.facts:
        proof = proofs.get(fact.name)
        if proof is None or fact.no_gain or fact.name in table.unsupported or fact.name in sight.worker.quarantined:
            continue
        best = max(best, shadowing.share(_need(proof, table, policy, sight.held), policy.shadow_ppm, policy.target_mfps, left))
    return best


def _need(proof: Proof, table: DecisionFrame, policy: Policy, held: Carryover) -> str:
    """How badly the proof wants shadow frames. While a limit binds, each of them costs frames, so a young proof waits."""
    samples = proof.word.samples
    if not proof.word.admitted:
        seen = proof.loss_ppm // samples if samples else 0
        return "hopeless" if samples >= HOPELESS_SAMPLES and seen > HOPELESS_TIMES * policy.max_loss_ppm else "thin"
    return "strong" if held.bound or proof.device_samples >= table.proven_samples else "young"


def _options(sight: Inputs, policy: Policy, table: DecisionFrame, proofs: dict[str, Proof], share: int) -> list[Option]:
    """Every variant, in place, with the price of its shadow frames and, where it may not serve, the reason."""
    reference = next(option for option in sight.options if option.name == policy.reference)
    beside, tested = reference.joules, max([option.joules for option in sight.options if option.name in proofs], default=0.0)
    if sight.unknown[2]:
        # In light that is not known the reference is planned as if it were watched at most, so that blindness frees no power.
        tested = max([option.joules for option in sight.options if option is not reference], default=0.0)
        whole = shadowing.budget(policy.shadow_ppm, policy.target_mfps)
        share = shadowing.share("thin", policy.shadow_ppm, policy.target_mfps, whole)
    found = []
    for option, fact in zip(sight.options, sight.facts, strict=True):
        if option is reference:
            option.joules += tested * share / PPM
        elif option.name in policy.efficient:
            option.joules += beside * share / PPM
            if fact.no_gain or option.name in table.unsupported:
                option.forbidden = "no_gain"
            else:
                option.forbidden = _forbidden(option.name, sight, policy, table, proofs.get(option.name))
        else:
            continue
        found.append(option)
    return found


def _forbidden(name: str, sight: Inputs, policy: Policy, table: DecisionFrame, proof: Proof | None) -> str:
    if not sight.log_ok or not sight.worker.alive:
        return "worker_alive" if sight.log_ok else "log_ok"
    if sight.unknown[2] or proof is None:
        return "light_known"
    if name in sight.worker.quarantined:
        return "not_quarantined"
    if sight.watch.fault:
        return "no_fault"
    if not proof.word.admitted:
        return "proven"
    if not freshness.fresh(sight.held, proof, sight.now_us, policy.efficient_lease_us):
        return "evidence_fresh"
    if sight.point.variant != name and sight.now_us - sight.held.swapped_at_us < table.dwell_us:
        return "dwell_over"
    return ""


def _caps(sight: Inputs, policy: Policy) -> Caps:
    """Watts that heat and budget leave, on average and for one tick."""
    drawn, limit = sight.drawn_w, policy.limit_mc / 1000.0
    budget = NO_BUDGET_W if sight.budget_mw is None else sight.budget_mw / 1000.0
    return Caps(sight.base_w, cap_w(sight.ahead[1:], limit, drawn, MEAN_SIGMAS), cap_w(sight.ahead[:1], limit, drawn), budget)


def _levels(sight: Inputs, policy: Policy, table: DecisionFrame, held: Carryover) -> tuple[int, ...]:
    """The rates that may be planned at all this tick."""
    if sight.unknown[0] or held.hot or sight.watch.fault or sight.mode in (Mode.PROTECT, Mode.STOPPED):
        return table.levels[:1]
    if sight.unknown[1]:
        return tuple([level for level in table.levels if level <= held.low_mfps]) or table.levels[:1]
    return table.levels


def _plan(
    sight: Inputs, policy: Policy, table: DecisionFrame, options: list[Option], caps: Caps, held: Carryover
) -> tuple[Plan, Event, tuple[Refusal, ...]]:
    """The plan, the event it means, and what would have been worth more."""
    levels = _levels(sight, policy, table, held)
    plans, refused = [], []
    single = sight.mode is Mode.STOPPED or (sight.mode is Mode.PROTECT and len(table.levels) == 1)
    for option in options:
        plan = planner.plan_variant(option, levels, caps, table.value_j, policy.deadline_us)
        if option.forbidden:
            if plan is not None:
                refused.append((plan, option.forbidden))
        elif plan is not None and not (single and option.name != policy.reference):
            plans.append(plan)
    stopped = sight.mode is Mode.STOPPED and (held.hot or bool(sight.unknown[0]) or sight.believed_k * 1000 > policy.resume_mc)
    if not plans or stopped:
        plan, event = _conflict(sight, policy, table, options, caps)
    else:
        plan, useless = planner.choose(plans, policy.reference, sight.point.variant)
        refused += [(one, "no_gain") for one in useless]
        event = _event(sight, policy, plan)
    if sight.watch.fault:
        event = Event.FAULT
    better = [(one, why) for one, why in refused if one.worth_w > plan.worth_w or why == "no_gain"]
    words = [Refusal(OperatingPoint(one.variant, one.high_mfps), why) for one, why in better]
    if plan.rule in BINDING[:2] and levels[-1] > plan.low_mfps:
        words.append(Refusal(OperatingPoint(plan.variant, levels[-1]), plan.rule))
    return plan, event, tuple(words)


def _event(sight: Inputs, policy: Policy, plan: Plan) -> Event:
    if sight.mode is Mode.STOPPED:
        return Event.SERVE_REFERENCE
    if plan.mean_mfps < policy.target_mfps:
        return Event.REDUCE
    return Event.SERVE_REFERENCE if plan.variant == policy.reference else Event.SERVE_EFFICIENT


def _conflict(sight: Inputs, policy: Policy, table: DecisionFrame, options: list[Option], caps: Caps) -> tuple[Plan, Event]:
    """Nothing keeps every limit: what the policy says of that, on the allowed variant that draws least."""
    allowed = [option for option in options if not option.forbidden]
    least = min(allowed, key=lambda option: option.joules)
    floor = table.levels[0]
    held = sight.point.variant
    pause = Plan(held if held in [one.name for one in allowed] else policy.reference, 0, 0, 0.0, -caps.base_w, caps.base_w, "")
    if policy.on_conflict == "stop" or sight.mode is Mode.STOPPED:
        return replace(pause, rule="stop"), Event.STOP
    if policy.on_conflict == "protect_service":
        power = caps.base_w + floor * least.joules / 1000.0
        critical = cap_w(sight.ahead, policy.critical_mc / 1000.0, sight.drawn_w)
        if power <= critical and not sight.unknown[0]:
            return Plan(least.name, floor, floor, 0.0, 0.0, power, "protect_service"), Event.PROTECT
        return replace(pause, rule="protect_critical"), Event.PROTECT
    plan = planner.plan_variant(least, (*table.below, floor), caps, table.value_j, policy.deadline_us)
    return replace(plan or pause, rule="protect_device"), Event.PROTECT


def _power_at(options: list[Option], point: OperatingPoint, caps: Caps) -> float:
    joules = next(option.joules for option in options if option.name == point.variant)
    return caps.base_w + joules * point.fps_mfps / 1000.0


def _lease(point: OperatingPoint, policy: Policy) -> int:
    """How long the point holds without renewal; 0 for the reference at its target, which relaxes nothing."""
    lease = 0
    if point.fps_mfps < policy.target_mfps:
        lease = policy.reduced_lease_us
    if point.variant != policy.reference:
        lease = min(lease or policy.efficient_lease_us, policy.efficient_lease_us)
    return lease


def _veto_facts(sight: Inputs, policy: Policy, admitted: tuple[str, ...]) -> safety.VetoFacts:
    return safety.VetoFacts(
        reference=policy.reference,
        floor_mfps=policy.floor_mfps,
        target_mfps=policy.target_mfps,
        admitted=admitted,
        band_known=not sight.unknown[2],
        log_ok=sight.log_ok,
        worker_alive=sight.worker.alive,
        quarantined=sight.worker.quarantined,
        temperature_mc=sight.temperature_mc,
        critical_mc=policy.critical_mc,
        fault=sight.watch.fault,
    )


def _conditions(
    sight: Inputs, policy: Policy, held: Carryover, options: list[Option], plan: Plan
) -> tuple[tuple[str, bool], ...]:
    """Every named condition, in an order that never changes."""
    reasons = [option.forbidden for option in options if option.name != policy.reference]
    return (
        ("worker_alive", sight.worker.alive),
        ("log_ok", sight.log_ok),
        ("temperature_known", not sight.unknown[0]),
        ("power_known", not sight.unknown[1]),
        ("light_known", not sight.unknown[2]),
        ("no_fault", not sight.watch.fault),
        ("below_limit", not held.hot and not sight.unknown[0]),
        ("below_critical", sight.temperature_mc is not None and sight.temperature_mc < policy.critical_mc),
        ("efficient_allowed", "" in reasons),
        ("proven", bool(reasons) and "proven" not in reasons),
        ("target_fits", plan.mean_mfps >= policy.target_mfps),
        ("floor_fits", plan.mean_mfps >= policy.floor_mfps),
    )
