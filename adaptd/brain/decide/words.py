"""A verdict in words, as `adaptd why` prints it."""

from adaptd.vocabulary import Verdict
from adaptd.vocabulary.battery import Lasting

HOUR_US = 3_600_000_000

RULES = {
    "most_worth": "it is worth most and keeps every limit",
    "not_worth_more": "a higher rate would cost more energy than its frames are worth",
    "temperature": "more power would pass the temperature limit",
    "power_budget": "more power would pass the power budget",
    "budget_unreachable": "the board passes the power budget without a single frame, so the floor is served: raise the budget",
    "endurance": "the battery must last until the goal, so energy costs more than the policy says",
    "protect_device": "no point at floor_fps or above keeps every limit, so the device is protected",
    "protect_service": "no point keeps every limit, so the service is held at floor_fps up to critical_c",
    "protect_critical": "critical_c is near, so nothing is served",
    "stop": "no point keeps every limit, so the service stops",
}


REFUSED = {
    "account_open": "the loss account has no credit for it",
    "scene_clear": "it differed in this scene, or has not agreed with the reference often enough yet",
    "light_known": "the light is not known",
    "no_gain": "it saves too little to swap",
    "dwell_over": "the engine was changed a moment ago",
    "not_quarantined": "the engine is broken",
    "no_fault": "a fault is latched",
    "mode_qualified": "it was not measured in the power mode that the board is in",
    "log_ok": "the log cannot be written",
    "worker_alive": "the worker is down",
    "power_budget": "it would pass the power budget",
    "temperature": "it would pass the temperature limit",
    "endurance": "the battery would not last",
    "deadline": "more of its frames would be late than late_pct allows",
}


def rate(mfps: int) -> str:
    """Frames a second for people: one digit after the point, two below one frame."""
    return f"{round(mfps / 1000, 1 if mfps >= 1000 else 2):g}"


def explain(verdict: Verdict) -> str:
    """One or more sentences: what was chosen, why, what was refused by which condition, and which conditions do not hold."""
    point = verdict.point
    what = f"{point.variant} at {rate(point.fps_mfps)} fps" if point.fps_mfps else "nothing is served"
    rule = verdict.rule
    why = f"vetoed: {rule.removeprefix('veto_')}" if rule.startswith("veto_") else RULES.get(rule, rule)
    lines = [f"{verdict.mode.value}: {what} in {verdict.band} light, because {why}."]
    if verdict.refused:
        refused = "; ".join(
            f"{one.point.variant} at {rate(one.point.fps_mfps)} fps, because {REFUSED.get(one.condition, one.condition)}"
            for one in verdict.refused
        )
        lines.append(f"Refused: {refused}.")
    broken = ", ".join(name for name, holds in verdict.conditions if not holds)
    if broken:
        lines.append(f"Not holding: {broken}.")
    if verdict.power_mode is not None:
        lines.append(f"Power mode: {verdict.power_mode}.")
    if verdict.lasting is not None:
        lines.append(_lasting(verdict.lasting))
    if verdict.predicted_mc is not None and verdict.predicted_mw is not None:
        lines.append(f"Expected: {verdict.predicted_mw / 1000:.2f} W, {verdict.predicted_mc / 1000:.1f} degC at the next tick.")
    return " ".join(lines)


def _lasting(said: Lasting) -> str:
    """How long the battery lasts, in hours from when it was judged."""
    hours, goal, floor = (span / HOUR_US for span in (said.lasts_us, said.ends_us - said.at_us, said.floor_us))
    reserve = f"{said.reserve_ppm / 10_000:g} % left"
    if goal <= 0:
        return f"Battery: the goal is over, {said.charge_ppm / 10_000:.0f} % are left."
    if not said.reachable:
        return f"Battery: {goal:.1f} h with {reserve} cannot be reached, at the floor rate it lasts {floor:.1f} h."
    price = f", so energy is priced at {said.price_ppm / 1e6:.2f} of the policy's word" if said.price_ppm > 1_000_000 else ""
    return f"Battery: {hours:.1f} h at {rate(said.rate_mfps)} fps with {reserve}, {goal:.1f} h are asked{price}."
