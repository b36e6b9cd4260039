"""A verdict in words, as `adaptd why` prints it: every sentence names the limit, what was needed and what was left."""

from collections.abc import Callable

from adaptd.vocabulary import Bound, Limit, Lowered, Refusal, Verdict
from adaptd.vocabulary.battery import Lasting

HOUR_US = 3_600_000_000
Clock = Callable[[int], str]  # a monotonic time (us) as a person reads it; empty where nobody can tell

RULES = {
    "most_worth": "it is worth most and keeps every limit",
    "not_worth_more": "a frame more would cost more energy than it is worth",
    "engine_busy": "the engine computes no more frames in time",
    "camera_rate": "the camera gives no more frames",
    "rate_held": "changing the frame rate would earn less than the change costs",
    "rate_rising": "the limits have left room for this rate for some seconds, and for a higher one not yet so long",
    "cooling": "the temperature passed its limit and has not fallen to resume_c yet",
    "after_protection": "the limits hold again after a protection: it starts at floor_fps once that fits for some seconds",
    "temperature_unknown": "the temperature is not known, so the frame rate may not rise",
    "power_unknown": "the power is not known, so the frame rate may not rise",
    "fault_latched": "a fault stands until it is cleared, so floor_fps is served",
    "temperature": "more power would pass the temperature limit",
    "power_budget": "more power would pass the power budget",
    "budget_unreachable": "the board passes the power budget without a single frame, so floor_fps is served: raise the budget",
    "endurance": "the battery must last until the goal, so energy costs more than the policy says",
    "protect_device": "even floor_fps would pass a limit, so the rate falls below it",
    "protect_service": "no choice keeps every limit, so floor_fps is held up to critical_c",
    "protect_critical": "the temperature is close to critical_c, so nothing is served",
    "stop": "no choice keeps every limit, and then the policy says stop",
    "veto_log_down": "the log cannot be written, and without a record the reference serves",
    "veto_worker_down": "the worker is down",
    "veto_light_unknown": "the light is not known, and without it no efficient engine is proven",
    "veto_quarantined": "the engine is broken or set aside",
    "veto_fault_latched": "a fault stands until it is cleared, so the reference serves at floor_fps at most",
    "veto_account_closed": "the efficient engine is not proven",
    "veto_above_target": "target_fps is the most that is ever served",
    "veto_temperature_unknown": "the temperature is not known, so floor_fps is the most",
    "veto_over_critical": "the temperature passed critical_c, so nothing is served",
}


REFUSED = {
    "account_open": "not proven: the loss account has no credit for it",
    "scene_clear": "not proven: it differed in this scene, or has not agreed with the reference often enough yet",
    "light_known": "not proven: the light is not known",
    "no_gain": "it saves too little to swap",
    "dwell_over": "the engine was changed a moment ago",
    "not_quarantined": "the engine is broken, or set aside by an order",
    "no_fault": "a fault stands until it is cleared",
    "mode_qualified": "it was not measured in the power mode that the board is in",
    "log_ok": "the log cannot be written",
    "worker_alive": "the worker is down",
    "power_budget": "it would pass the power budget",
    "temperature": "it would pass the temperature limit",
    "endurance": "the battery would not last",
    "deadline": "more of its frames would be late than late_pct allows",
}

SCALES = {"mw": (1000, "W", 1), "mc": (1000, "degC", 1), "mfps": (1000, "fps", 1), "us": (1_000_000, "s", 0)}

NUMBERS = {
    Bound.BUDGET: "power {needed} would pass the budget of {limit}{lowered}",
    Bound.WINDOW: "power {needed} would pass the {available} that the budget of {limit}{lowered} leaves now in its window",
    Bound.PEAK: "power {needed} would pass the peak of {limit}",
    Bound.TEMPERATURE: "the temperature could reach {needed} and pass the limit of {limit}",
    Bound.CRITICAL: "the temperature of {needed} reaches critical_c of {limit}",
    Bound.COOLING: "the temperature of {needed} is still above resume_c of {limit}",
    Bound.LOSS: "not proven: the loss account has {available} left of {limit} that may differ, and {needed} are needed",
    Bound.SCENE: "not proven: in this scene {needed} must still agree with the reference",
    Bound.DWELL: "the engine was changed {available} ago, and is held for {limit}",
    Bound.GAIN: "it saves {available}, and a swap must save {limit}",
    Bound.ENGINE: "the engine computes {available} in time, and {needed} are asked for",
    Bound.CAMERA: "the camera gives {available}, and {needed} are asked for",
}


def rate(mfps: int) -> str:
    """Frames a second for people: one digit after the point, two below one frame."""
    return f"{round(mfps / 1000, 1 if mfps >= 1000 else 2):g}"


def amount(value: int, unit: str) -> str:
    """A number of a limit with its unit, for people."""
    if unit == "frames":
        return f"{value:,} frame{'' if value == 1 else 's'}"
    if unit == "mfps":
        return f"{rate(value)} fps"
    scale, name, digits = SCALES[unit]
    if unit == "mw" and abs(value) < 1000:
        digits = 2
    return f"{value / scale:.{digits}f} {name}"


def numbers(limit: Limit, lowered: Lowered | None, clock: Clock | None = None) -> str:
    """One limit in a sentence: what is needed, what is left, who lowered it and when."""
    if limit.bound is Bound.GAIN and limit.available < 0:
        return (
            f"it would draw {amount(-limit.available, limit.unit)} more, and a swap must save {amount(limit.limit, limit.unit)}"
        )
    words = NUMBERS[limit.bound].format(
        needed=amount(limit.needed, limit.unit),
        limit=amount(limit.limit, limit.unit),
        available=amount(limit.available, limit.unit),
        lowered="" if lowered is None or lowered.budget_mw != limit.limit else f", {by_whom(lowered, clock)},",
    )
    return words.removesuffix(",")  # the comma that a clause leaves at the end of a sentence


def by_whom(lowered: Lowered, clock: Clock | None = None) -> str:
    """Who set the budget, from what to what is said elsewhere, and when."""
    who, when = lowered.by or "the supply", "" if clock is None else clock(lowered.since_us)
    what = "set" if lowered.from_mw is None else f"lowered from {amount(lowered.from_mw, 'mw')}"
    return f"{what} by {who}{f' at {when}' if when else ''}"


def explain(verdict: Verdict, clock: Clock | None = None) -> str:
    """One or more sentences: what was chosen, why, what was refused by which condition, and which conditions do not hold."""
    point = verdict.point
    what = f"{point.variant} at {rate(point.fps_mfps)} fps" if point.fps_mfps else "nothing is served"
    lines = [f"{verdict.mode.value}: {what} in {verdict.band} light, because {_why(verdict, clock)}."]
    refused = [_refused(one, verdict, clock) for one in verdict.refused if one.condition != verdict.rule]
    if refused:
        lines.append(f"Refused: {'; '.join(refused)}.")
    broken = ", ".join(name for name, holds in verdict.conditions if not holds)
    if broken:
        lines.append(f"Conditions not met: {broken}.")
    if verdict.power_mode is not None:
        lines.append(f"Power mode: {verdict.power_mode}.")
    if verdict.lasting is not None:
        lines.append(_lasting(verdict.lasting))
    if verdict.predicted_mc is not None and verdict.predicted_mw is not None:
        lines.append(f"Expected: {verdict.predicted_mw / 1000:.2f} W, {verdict.predicted_mc / 1000:.1f} degC at the next tick.")
    return " ".join(lines)


def _why(verdict: Verdict, clock: Clock | None) -> str:
    """The rule, with the numbers of the limit that it names."""
    rule = verdict.rule
    known = RULES.get(rule, f"vetoed: {rule.removeprefix('veto_')}" if rule.startswith("veto_") else rule)
    found = next((one for one in verdict.limits if one.condition == rule), None)
    if found is None:
        return known
    said = numbers(found, verdict.lowered, clock)
    if rule in ("power_budget", "temperature"):
        return f"at {rate(found.point.fps_mfps)} fps {said}"
    if rule == "protect_device":
        served, floor = verdict.point.fps_mfps, found.point.fps_mfps
        so = "no frame is served" if not served else "no more is served" if served >= floor else "the rate falls below it"
        return f"even at floor_fps, {rate(floor)} fps, {said}, so {so}"
    return f"{known} ({said})"


def limit_of(one: Refusal, verdict: Verdict) -> Limit | None:
    """The limit that a refused point ran into; None where its condition has no numbers."""
    variant = one.point.variant
    return next((at for at in verdict.limits if at.condition == one.condition and at.point.variant == variant), None)


def refusal(one: Refusal, verdict: Verdict, clock: Clock | None = None) -> str:
    """What a refused point lacks, with the numbers of its limit where there are some."""
    found = limit_of(one, verdict)
    return numbers(found, verdict.lowered, clock) if found is not None else REFUSED.get(one.condition, one.condition)


def _refused(one: Refusal, verdict: Verdict, clock: Clock | None) -> str:
    return f"{one.point.variant} at {rate(one.point.fps_mfps)} fps ({refusal(one, verdict, clock)})"


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
