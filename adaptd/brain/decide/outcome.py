"""What a chosen point comes to: its power, its lease, what the veto looks at, and every named condition."""

from adaptd.brain.decide import planner, safety
from adaptd.brain.decide.carryover import Carryover
from adaptd.brain.decide.endure import Memory
from adaptd.brain.decide.inputs import Inputs
from adaptd.brain.decide.planner import Caps, Option, Plan
from adaptd.config.policy import Policy
from adaptd.vocabulary import OperatingPoint


def power_at(options: list[Option], point: OperatingPoint, caps: Caps) -> float:
    """Watts that a point draws, base included."""
    for option in options:
        if option.name == point.variant:
            return caps.base_w + option.joules * point.fps_mfps / 1000.0
    raise ValueError(f"no option serves {point.variant}")


def lease(point: OperatingPoint, policy: Policy) -> int:
    """How long the point holds without renewal; 0 for the reference at its target, which relaxes nothing."""
    lease_us = 0
    if point.fps_mfps < policy.target_mfps:
        lease_us = policy.reduced_lease_us
    if point.variant != policy.reference:
        lease_us = min(lease_us or policy.efficient_lease_us, policy.efficient_lease_us)
    return lease_us


def veto_facts(
    sight: Inputs, policy: Policy, admitted: tuple[str, ...], options: list[Option], wanted: OperatingPoint, caps: Caps
) -> safety.VetoFacts:
    """What the veto looks at; without a thermometer also where the wanted point would settle at the worst."""
    at_worst_mc = None
    if sight.modelled:
        _, free, gain, _, _ = sight.ahead[-1]
        at_worst_mc = int((free + gain * power_at(options, wanted, caps)) * 1000)
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
        modelled_mc=at_worst_mc,
        limit_mc=policy.limit_mc,
    )


def conditions(
    sight: Inputs, policy: Policy, held: Carryover, options: list[Option], plan: Plan, lasting: Memory | None
) -> tuple[tuple[str, bool], ...]:
    """Every named condition, in an order that never changes; more of them where power modes, late_pct or a battery matter."""
    mean_mfps, reasons = plan.mean_mfps, [option.forbidden for option in options if option.name != policy.reference]
    fixed: tuple[tuple[str, bool], ...] = (
        ("worker_alive", sight.worker.alive),
        ("log_ok", sight.log_ok),
        ("temperature_known", not sight.unknown[0]),
        ("power_known", not sight.unknown[1]),
        ("light_known", not sight.unknown[2]),
        ("no_fault", not sight.watch.fault),
        ("below_limit", not held.hot and not sight.unknown[0]),
        ("below_critical", sight.temperature_mc is not None and sight.temperature_mc < policy.critical_mc),
        ("efficient_allowed", "" in reasons),
        ("account_open", sight.offer.frames > 0),
        ("scene_clear", bool(reasons) and "scene_clear" not in reasons),
        ("target_fits", mean_mfps >= policy.target_mfps),
        ("floor_fits", mean_mfps >= policy.floor_mfps),
    )
    if sight.modes is not None:
        fixed += (("mode_qualified", not sight.stale), ("mode_free", sight.modes.memory.off is None))
    if policy.late_ppm is not None:
        fixed += (("deadline_kept", planner.punctual(planner.option_of(options, plan.variant), policy)),)
    if sight.goal is None:
        return fixed
    said = None if lasting is None else lasting.said
    return (*fixed, ("battery_known", said is not None), ("goal_reachable", said is not None and said.reachable))
