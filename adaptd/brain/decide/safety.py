"""The independent part with one verb: veto. It reads readings and the proposed point, trusts no plan, and can only make less.

Three watchers tell whether the hardware still obeys. The worker must take a setpoint before a deadline. Power must answer an
action: an action whose predicted step is large enough to be seen, and which shows nothing of it until the next action or the
deadline, is a strike; one that shows it clears all strikes; one during which power went the other way says nothing (another
program did that). Temperature must follow a large swing of stored heat that is faster than the air can move. Enough strikes in a
row latch a fault, which a later effect that shows clears again.
"""

from dataclasses import dataclass
from typing import NamedTuple

from adaptd.vocabulary import OperatingPoint

EFFECT_W = 1.0  # a predicted step smaller than this proves nothing
EFFECT_SIGMAS = 5.0  # nor one within the sensor's noise
EFFECT_PART = 0.3  # part of a predicted step that must show
EFFECT_DEADLINE_US = 10_000_000
STRIKES = 8
STRIKES_LAST_US = 60_000_000  # and for at least this long: a sensor that froze is found, and forgiven, before
STRIKES_AGE_US = 3_600_000_000  # what was odd an hour ago does not count with what is odd now
HEAT_SWING_K = 4.0
HEAT_WITHIN_US = (
    120_000_000  # a slower swing may be the air's: while a limit is held against warmer air, heat moves and the chip must not
)
HEAT_PART = 0.2
HEAT_STRIKES = 3


class Watch(NamedTuple):
    """What the watchers wait for. ``fault`` names a latched fault, empty while there is none.

    ``asked_at_us``: since when the worker has not taken the point asked for. ``from_mw, step_mw, until_us``: the open action.
    """

    asked_at_us: int | None = None
    from_mw: int | None = None
    step_mw: int = 0
    until_us: int = 0
    strikes: int = 0
    struck_at_us: int = 0
    heat_from_mc: int | None = None
    heat_stored_mk: int = 0
    heat_strikes: int = 0
    fault: str = ""
    heat_at_us: int = 0
    heat_struck_at_us: int = 0


@dataclass(slots=True)
class VetoFacts:
    """What the veto looks at, each read apart from the plan.

    ``modelled_mc``: without a thermometer, where the point settles at the worst that the model allows (None: it says nothing).
    """

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
    modelled_mc: int | None = None
    limit_mc: int = 0


@dataclass(slots=True)
class Seen:
    """What a watcher looks at. ``taken``: the worker serves the point it was asked for;
    ``stored_mk``: the rise over ambient that the profile predicts from the power so far.
    """

    now_us: int
    alive: bool
    taken: bool
    power_mw: int | None
    temperature_mc: int | None
    stored_mk: int


def veto(point: OperatingPoint, facts: VetoFacts) -> tuple[OperatingPoint, str]:
    """The point itself and no reason, or a lesser point and the condition that demands it."""
    name, rate = point.variant, point.fps_mfps
    why = ""
    if name != facts.reference:
        why = _engine_veto(name, facts)
        if why:
            name = facts.reference
    if rate > facts.target_mfps:
        rate, why = facts.target_mfps, "above_target"
    cool = facts.modelled_mc is not None and facts.modelled_mc <= facts.limit_mc
    if facts.temperature_mc is None and not cool and rate > facts.floor_mfps:
        rate, why = facts.floor_mfps, "temperature_unknown"
    if facts.fault and rate > facts.floor_mfps:
        rate, why = facts.floor_mfps, "fault_latched"
    if facts.temperature_mc is not None and facts.temperature_mc >= facts.critical_mc and rate > 0:
        rate, why = 0, "over_critical"
    return (point, "") if not why else (OperatingPoint(name, rate), why)


def _engine_veto(name: str, facts: VetoFacts) -> str:
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
    return "" if name in facts.admitted else "account_closed"


def verify(watch: Watch, seen: Seen) -> Watch:
    """Compare what was seen with what was expected. A sensor that shows an effect clears the fault that said it shows none."""
    asked_at, fault = None, watch.fault
    if seen.alive and not seen.taken:
        asked_at = seen.now_us if watch.asked_at_us is None else watch.asked_at_us
        if seen.now_us - asked_at >= EFFECT_DEADLINE_US:
            fault = fault or "setpoint_not_taken"
    from_mw, strikes, struck_at, power_shown = _verify_power(watch, seen)
    if strikes >= STRIKES and seen.now_us - struck_at >= STRIKES_LAST_US:
        fault = fault or "power_no_effect"
    swing = _verify_heat(watch, seen)
    if swing.strikes >= HEAT_STRIKES:
        fault = fault or "temperature_no_effect"
    if fault == ("power_no_effect" if power_shown else "temperature_no_effect" if swing.shown else "none"):
        fault = ""
    return Watch(
        asked_at_us=asked_at,
        from_mw=from_mw,
        step_mw=watch.step_mw,
        until_us=watch.until_us,
        strikes=strikes,
        struck_at_us=struck_at,
        heat_from_mc=swing.from_mc,
        heat_stored_mk=swing.stored_mk,
        heat_at_us=swing.at_us,
        heat_strikes=swing.strikes,
        heat_struck_at_us=swing.struck_at_us,
        fault=fault,
    )


def _verify_power(watch: Watch, seen: Seen) -> tuple[int | None, int, int, bool]:
    """The open action's start (None when it is closed), strikes in a row, when the first of them came, and whether one showed."""
    struck_at = watch.struck_at_us
    strikes = watch.strikes if seen.now_us - struck_at <= STRIKES_AGE_US else 0
    if watch.from_mw is None or seen.power_mw is None or not seen.alive:
        return None, strikes, struck_at, False
    moved = (seen.power_mw - watch.from_mw) * (1 if watch.step_mw > 0 else -1)
    least = EFFECT_PART * abs(watch.step_mw)
    if moved >= least:
        return None, 0, struck_at, True
    if moved <= -least:
        return None, strikes, struck_at, False
    if seen.now_us < watch.until_us:
        return watch.from_mw, strikes, struck_at, False
    return None, strikes + 1, struck_at if strikes else seen.now_us, False


class Swing(NamedTuple):
    """A swing of stored heat that is being followed, and strikes in a row so far; ``shown``: one has just been seen."""

    from_mc: int | None
    stored_mk: int
    at_us: int
    strikes: int
    struck_at_us: int
    shown: bool = False


def _verify_heat(watch: Watch, seen: Seen) -> Swing:
    """Follow one swing of stored heat that is faster than the air can move."""
    struck_at = watch.heat_struck_at_us
    strikes = watch.heat_strikes if seen.now_us - struck_at <= STRIKES_AGE_US else 0
    swing, held_us = seen.stored_mk - watch.heat_stored_mk, seen.now_us - watch.heat_at_us
    known = seen.temperature_mc is not None and watch.heat_from_mc is not None
    if known and abs(swing) < HEAT_SWING_K * 1000 and held_us < HEAT_WITHIN_US:
        return Swing(watch.heat_from_mc, watch.heat_stored_mk, watch.heat_at_us, strikes, struck_at)
    fresh = Swing(seen.temperature_mc, seen.stored_mk, seen.now_us, strikes, struck_at)
    if seen.temperature_mc is None or watch.heat_from_mc is None or abs(swing) < HEAT_SWING_K * 1000:
        return fresh
    moved = (seen.temperature_mc - watch.heat_from_mc) * (1 if swing > 0 else -1)
    if moved >= HEAT_PART * abs(swing):
        return fresh._replace(strikes=0, shown=True)
    return fresh._replace(strikes=strikes + 1, struck_at_us=struck_at if strikes else seen.now_us)


def expect(watch: Watch, power_mw: int | None, step_mw: int, noise_mw: int, now_us: int) -> Watch:
    """A new action: strike if the one before has shown nothing; remember this one when it is large enough to show."""
    unshown = watch.from_mw is not None
    large = power_mw is not None and abs(step_mw) >= max(EFFECT_W * 1000, EFFECT_SIGMAS * noise_mw)
    return watch._replace(
        from_mw=power_mw if large else None,
        step_mw=step_mw,
        until_us=now_us + EFFECT_DEADLINE_US,
        strikes=watch.strikes + unshown,
        struck_at_us=now_us if unshown and not watch.strikes else watch.struck_at_us,
    )
