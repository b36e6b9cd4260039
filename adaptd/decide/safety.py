"""The independent part with one verb: veto. It reads readings and the proposed point, trusts no plan, and can only make less.

Two watchers tell whether the hardware still obeys: after an action, power must move as predicted before a deadline; over a long
swing of stored heat, temperature must follow. Three failures in a row latch a fault.
"""

from dataclasses import dataclass

from adaptd.vocabulary import OperatingPoint

EFFECT_W = 1.0  # a predicted step smaller than this proves nothing
EFFECT_SIGMAS = 5.0  # nor one within the sensor's noise
EFFECT_PART = 0.3  # part of a predicted step that must show
EFFECT_DEADLINE_US = 10_000_000
HEAT_SWING_K = 4.0
HEAT_PART = 0.2
STRIKES = 3


@dataclass(frozen=True, slots=True)
class Watch:
    """What the watchers wait for. ``fault`` names a latched fault, empty while there is none."""

    from_mw: int | None = None
    step_mw: int = 0
    until_us: int = 0
    strikes: int = 0
    heat_from_mc: int | None = None
    heat_stored_mk: int = 0
    heat_strikes: int = 0
    fault: str = ""


@dataclass(slots=True)
class Facts:
    """What the veto looks at, each read apart from the plan."""

    reference: str
    floor_mfps: int
    target_mfps: int
    admitted: tuple[str, ...]
    band_known: bool
    log_ok: bool
    worker_alive: bool
    quarantined: tuple[str, ...]
    temperature_mc: int | None
    critical_mc: int
    fault: str


def veto(point: OperatingPoint, facts: Facts) -> tuple[OperatingPoint, str]:
    """The point itself and no reason, or a lesser point and the condition that demands it."""
    name, rate = point.variant, point.fps_mfps
    why = ""
    if name != facts.reference:
        why = _engine_veto(name, facts)
        if why:
            name = facts.reference
    if rate > facts.target_mfps:
        rate, why = facts.target_mfps, "above_target"
    if facts.temperature_mc is None and rate > facts.floor_mfps:
        rate, why = facts.floor_mfps, "temperature_unknown"
    if facts.fault and rate > facts.floor_mfps:
        rate, why = facts.floor_mfps, "fault_latched"
    if facts.temperature_mc is not None and facts.temperature_mc >= facts.critical_mc and rate > 0:
        rate, why = 0, "over_critical"
    return (point, "") if not why else (OperatingPoint(name, rate), why)


def _engine_veto(name: str, facts: Facts) -> str:
    if not facts.log_ok:
        return "log_down"
    if not facts.worker_alive:
        return "worker_down"
    if not facts.band_known:
        return "light_unknown"
    if name in facts.quarantined:
        return "quarantined"
    if facts.fault:
        return "fault_latched"
    return "" if name in facts.admitted else "unproven"


def expect(watch: Watch, power_mw: int | None, step_mw: int, noise_mw: int, now_us: int) -> Watch:
    """Remember that ``step_mw`` was just asked for, when it is large enough to show."""
    if power_mw is None or abs(step_mw) < max(EFFECT_W * 1000, EFFECT_SIGMAS * noise_mw):
        return watch
    return Watch(
        power_mw,
        step_mw,
        now_us + EFFECT_DEADLINE_US,
        watch.strikes,
        watch.heat_from_mc,
        watch.heat_stored_mk,
        watch.heat_strikes,
        watch.fault,
    )


def verify(watch: Watch, power_mw: int | None, temperature_mc: int | None, stored_mk: int, now_us: int) -> Watch:
    """Compare with what was expected. ``stored_mk`` is the rise over ambient that the profile predicts from the power so far."""
    from_mw, until_us, strikes, fault = watch.from_mw, watch.until_us, watch.strikes, watch.fault
    if from_mw is not None:
        if power_mw is None:
            from_mw = None
        elif (power_mw - from_mw) * (1 if watch.step_mw > 0 else -1) >= EFFECT_PART * abs(watch.step_mw):
            from_mw, strikes = None, 0
        elif now_us >= watch.until_us:
            until_us, strikes = now_us + EFFECT_DEADLINE_US, strikes + 1
            if strikes >= STRIKES:
                fault = fault or "power_no_effect"
    heat_from, heat_stored, heat_strikes = _verify_heat(watch, temperature_mc, stored_mk)
    if heat_strikes >= STRIKES:
        fault = fault or "temperature_no_effect"
    return Watch(from_mw, watch.step_mw, until_us, strikes, heat_from, heat_stored, heat_strikes, fault)


def _verify_heat(watch: Watch, temperature_mc: int | None, stored_mk: int) -> tuple[int | None, int, int]:
    """Follow one swing of stored heat: reference temperature, reference heat, strikes."""
    if temperature_mc is None:
        return None, stored_mk, watch.heat_strikes
    if watch.heat_from_mc is None:
        return temperature_mc, stored_mk, watch.heat_strikes
    swing = stored_mk - watch.heat_stored_mk
    if abs(swing) < HEAT_SWING_K * 1000:
        return watch.heat_from_mc, watch.heat_stored_mk, watch.heat_strikes
    moved = (temperature_mc - watch.heat_from_mc) * (1 if swing > 0 else -1)
    return temperature_mc, stored_mk, 0 if moved >= HEAT_PART * abs(swing) else watch.heat_strikes + 1
