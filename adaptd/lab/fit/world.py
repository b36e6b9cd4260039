"""A day of a fitted twin as a scenario file (the existing schema, no more): a recorded day again, or the pattern of some days."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptd.lab.fit.light import filled, light_of, usual_light
from adaptd.lab.fit.model import Fitted
from adaptd.lab.fit.readings import DAY_S, Grid
from adaptd.lab.fit.scenes import Differs
from adaptd.lab.timeline import Array
from adaptd.vocabulary import VariantFacts

HOURS = 24
FEW = 100  # shadow frames: of fewer the bundle's own figures count too
UNKNOWN_PCT = 50.0  # how often a variant differs in a band of which neither log nor bundle says anything


@dataclass(slots=True)
class DayWorld:
    """What a day does to the box whatever the box does: values on the hour (25 of them), light every five minutes.

    ``budget_w`` holds (second, watts or None) where one was given from outside.
    """

    name: str
    ambient_c: Array
    base_w: Array
    slow: Array
    light_lux: Array
    budget_w: tuple[tuple[float, float | None], ...]
    start_c: float | None


def recorded(grid: Grid, fitted: Fitted, day: int) -> DayWorld:
    """Day number ``day`` of the log as it was; what its readings do not show is the pattern of the fitted days."""
    return _mean(f"day-{day + 1}", grid, fitted, (day,), filled(light_of(grid, day), usual_light(grid, fitted.days)))


def pattern(grid: Grid, fitted: Fitted, name: str = "typical") -> DayWorld:
    """The mean of the fitted days hour by hour, the middle of their light."""
    return _mean(name, grid, fitted, fitted.days, usual_light(grid, fitted.days))


def _mean(name: str, grid: Grid, fitted: Fitted, days: tuple[int, ...], light_lux: Array) -> DayWorld:
    parts = [slice(day * HOURS, day * HOURS + HOURS + 1) for day in days]
    curves = (fitted.ambient_c, fitted.base_w, fitted.slow)
    ambient_c, base_w, slow = (np.asarray(np.mean([_whole(curve[part]) for part in parts], axis=0)) for curve in curves)
    firsts = [grid.temperature_c[grid.day(day)] for day in days]
    starts = [float(one[np.isfinite(one)][0]) for one in firsts if np.isfinite(one).any()]
    start_c = float(np.mean(starts)) if starts else None
    return DayWorld(name, ambient_c, base_w, slow, light_lux, _budget(grid, days[-1]), start_c)


def _whole(part: Array) -> Array:
    """Twenty-five values, the last one repeated where the log ended before."""
    return np.concatenate([part, np.repeat(part[-1:], HOURS + 1 - len(part))])


def _budget(grid: Grid, day: int) -> tuple[tuple[float, float | None], ...]:
    """Where the budget from outside changed within a day; nothing where there was none."""
    rows = grid.budget_w[grid.day(day)]
    if not np.isfinite(rows).any():
        return ()
    found: list[tuple[float, float | None]] = []
    for at in range(0, len(rows), max(1, round(60 / grid.tick_s))):
        value = None if not np.isfinite(rows[at]) else round(float(rows[at]), 3)
        if not found or found[-1][1] != value:
            if found and found[-1][1] is not None and value is not None:
                found.append((at * grid.tick_s, found[-1][1]))
            found.append((at * grid.tick_s, value))
    return tuple(found[:500])


def day_text(grid: Grid, fitted: Fitted, day: int) -> str:
    return scenario_text(grid, fitted, recorded(grid, fitted, day), seed=day + 1)


def scenario_text(grid: Grid, fitted: Fitted, day: DayWorld, seed: int = 1) -> str:
    """The scenario file of a day; ``parse_scenario`` reads it, ``adaptd simulate --scenario`` runs it."""
    idle_w, profile = fitted.idle_w, grid.profile
    hours = [at * 3600 for at in range(HOURS + 1)]
    light_s = [round((at + 0.5) * DAY_S / len(day.light_lux)) for at in range(len(day.light_lux))]
    truth = {
        "r_scale": fitted.r_scale.value,
        "tau_scale": fitted.tau_scale.value,
        "idle_power_scale": idle_w / (profile.idle_power_mw / 1000),
        "energy_scale": {fact.name: fitted.energy_j[fact.name].value * 1e6 / fact.energy_uj for fact in grid.facts},
        "latency_scale": {fact.name: fitted.latency_us[fact.name].value / fact.latency_us for fact in grid.facts},
    }
    noises = {name: getattr(fitted, f"noise_{name}") for name in ("temperature_c", "power_w", "light_pct", "latency_pct")}
    signals = {
        "ambient_c": _curve(hours, day.ambient_c),
        "light_lux": _curve(light_s, day.light_lux),
        "other_load_w": _curve(hours, np.maximum(0.0, day.base_w - idle_w)),
        "slow_down": _curve(hours, day.slow),
    }
    return "\n".join(
        [
            "# Written by `adaptd twin fit`: every number is an estimate from this box's log, see the errors beside it.",
            f"scenario: {day.name}\nschema: 1\nseed: {seed}\nduration_s: {DAY_S}\ntick_s: {_flow(grid.tick_s)}",
            f"profile: {profile.name}\npolicy: {grid.policy.name}",
            "variants:",
            *_variants(grid),
            "truth:",
            *_lines(2, truth),
            *_disagreement(grid, fitted),
            *_lines(2, {"noise": noises} | ({} if day.start_c is None else {"start_c": day.start_c})),
            "signals:",
            *_lines(2, signals | ({"power_budget_w": day.budget_w} if day.budget_w else {})),
            "",
        ]
    )


def _variants(grid: Grid) -> list[str]:
    lines = []
    for fact in grid.facts:
        said: dict[str, Any] = {"energy_mj": fact.energy_uj / 1000, "latency_ms": fact.latency_us / 1000}
        if fact.no_gain:
            said["no_gain"] = "true"
        if fact.priors:
            said["qualified"] = {one.band: {"n": one.n, "disagreed": one.disagreed} for one in fact.priors}
        lines += [f"  {fact.name}:", *_lines(4, said)]
    return lines


def _disagreement(grid: Grid, fitted: Fitted) -> list[str]:
    """How each efficient variant differs, band by band: the log's shadow frames, else the bundle's, else half of them."""
    if len(grid.facts) < 2:
        return []
    rows = {
        band.name: {fact.name: _differing(fitted.differs.get((band.name, fact.name)), band.name, fact) for fact in grid.facts[1:]}
        for band in grid.policy.bands
    }
    return ["  disagreement_pct:", *_lines(4, rows)]


def _differing(one: Differs | None, band: str, fact: VariantFacts) -> Any:
    """A share of all frames in per cent, or scenes where the log shows them."""
    one = one or Differs(0, 0)
    n, bad = one.compared, one.differed
    if n < FEW:
        n, bad = next(((n + p.n, bad + p.disagreed) for p in fact.priors if p.band == band), (n, bad))
    elif one.kinds:
        shares = [round(share, 4) for share, _ in one.kinds]
        shares[0] += 1 - sum(shares)  # the calmest kind takes what rounding left
        kinds = [{"share": share, "pct": 100 * chance} for share, (_, chance) in zip(shares, one.kinds, strict=True)]
        return {"scene_s": one.scene_s, "scenes": kinds}
    return 100 * (bad + 0.5) / (n + 1) if n else UNKNOWN_PCT


def _curve(times_s: list[int], values: Array) -> list[tuple[int, str]]:
    """``[[t, value], ...]`` without the points in the middle of a level stretch."""
    points = [(t, _flow(float(value))) for t, value in zip(times_s, values, strict=True)]
    last = len(points) - 1
    return [p for at, p in enumerate(points) if at in (0, last) or not points[at - 1][1] == p[1] == points[at + 1][1]]


def _lines(indent: int, fields: dict[str, Any]) -> list[str]:
    return [f"{' ' * indent}{key}: {_flow(value)}" for key, value in fields.items()]


def _flow(value: Any) -> str:
    """YAML on one line; numbers as the strict loader takes them: four digits after the point at most, no sign of power."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_flow, value))}]"
    if value is None or isinstance(value, str):
        return value or "null"
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return text if text not in ("", "-0") else "0"
