"""Nothing keeps every limit at a rate that the policy wants: what it says of that, on the allowed variant that draws least."""

from dataclasses import replace

from adaptd.brain.decide import planner
from adaptd.brain.decide.headroom import cap_w
from adaptd.brain.decide.inputs import DecisionFrame, Inputs
from adaptd.brain.decide.planner import Caps, Option, Plan
from adaptd.brain.decide.transitions import Event
from adaptd.config.policy import Policy
from adaptd.vocabulary import Mode


def best(option: Option, levels: tuple[int, ...], caps: Caps, table: DecisionFrame, policy: Policy) -> Plan | None:
    """The best plan of one variant at any rate within ``levels``, or at these where a camera has no other."""
    if table.free:
        return planner.plan_between(option, levels[0], levels[-1], caps, table.value_j, policy.deadline_us)
    return planner.plan_variant(option, levels, caps, table.value_j, policy.deadline_us)


def plan(sight: Inputs, policy: Policy, table: DecisionFrame, options: list[Option], caps: Caps) -> tuple[Plan, Event]:
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
    found = _floor(sight, policy, table, least, caps) or best(least, (*table.below, floor), caps, table, policy)
    return replace(found or pause, rule="protect_device"), Event.PROTECT


def _floor(sight: Inputs, policy: Policy, table: DecisionFrame, least: Option, caps: Caps) -> Plan | None:
    """The floor, where only the margin of a budget is missing, or where what speaks against it is a look or two.

    A rise of the base is believed at its first look and a fall at its third; before it has been seen so often, neither is a
    reason to serve nothing: the floor is served where the base before the rise leaves room for it, or the last reading does.
    """
    floor = table.levels[0]
    needed_w = caps.base_w + floor / 1000.0 * least.joules
    fits = needed_w - sight.rise_w[0] <= caps.budget_w
    if sight.measured_w is not None:
        fits = fits or sight.measured_w + (floor - sight.point.fps_mfps) / 1000.0 * least.joules <= caps.budget_w
    if fits:
        caps = replace(caps, budget_w=max(caps.budget_w, needed_w + 1e-6))
    return best(replace(least, doubt=(0.0, 0.0, 0.0)), (floor,), caps, table, policy)
