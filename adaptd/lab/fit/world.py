"""A day of a fitted twin as a scenario file (the existing schema, no more): a recorded day again, or the pattern of some days."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptd.lab.fit.light import filled, light_of, usual_light
from adaptd.lab.fit.model import Fitted
from adaptd.lab.fit.readings import DAY_S, Grid
from adaptd.lab.fit.scenes import Differs
from adaptd.vocabulary import VariantFacts

Array = NDArray[np.float64]
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
    rows = slice(day * HOURS, day * HOURS + HOURS + 1)
    temperatures = grid.temperature_c[grid.day(day)]
    known = temperatures[np.isfinite(temperatures)]
    light = filled(light_of(grid, day), usual_light(grid, fitted.days))
    return DayWorld(
        f"day-{day + 1}",
        _whole(fitted.ambient_c[rows]),
        _whole(fitted.base_w[rows]),
        _whole(fitted.slow[rows]),
        light,
        _budget(grid, day),
        float(known[0]) if len(known) else None,
    )


def pattern(grid: Grid, fitted: Fitted, name: str = "typical", light_day: int | None = None) -> DayWorld:
    """The mean of the fitted days hour by hour, the middle of their light; with ``light_day`` the light of that day instead."""
    usual = usual_light(grid, fitted.days)
    light = usual if light_day is None else filled(light_of(grid, light_day), usual)
    firsts = [grid.temperature_c[grid.day(day)] for day in fitted.days]
    starts = [float(one[np.isfinite(one)][0]) for one in firsts if np.isfinite(one).any()]
    return DayWorld(
        name,
        _mean(fitted, fitted.ambient_c),
        _mean(fitted, fitted.base_w),
        _mean(fitted, fitted.slow),
        light,
        _budget(grid, fitted.days[-1]),
        float(np.mean(starts)) if starts else None,
    )


def _mean(fitted: Fitted, curve: Array) -> Array:
    days = [_whole(curve[day * HOURS : day * HOURS + HOURS + 1]) for day in fitted.days]
    return np.asarray(np.mean(days, axis=0))


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
    """The scenario file of a recorded day."""
    return scenario_text(grid, fitted, recorded(grid, fitted, day), seed=day + 1)


def scenario_text(grid: Grid, fitted: Fitted, day: DayWorld, seed: int = 1) -> str:
    """The scenario file of a day; ``parse_scenario`` reads it, ``adaptd simulate --scenario`` runs it."""
    idle_w, profile = fitted.idle_w, grid.profile
    energies = [f"{fact.name}: {_n(fitted.energy_j[fact.name].value * 1e6 / fact.energy_uj)}" for fact in grid.facts]
    latencies = [f"{fact.name}: {_n(fitted.latency_us[fact.name].value / fact.latency_us)}" for fact in grid.facts]
    noises = [
        ("temperature_c", fitted.noise_temperature_c),
        ("power_w", fitted.noise_power_w),
        ("light_pct", fitted.noise_light_pct),
        ("latency_pct", fitted.noise_latency_pct),
    ]
    truth = [
        f"  r_scale: {_n(fitted.r_scale.value)}",
        f"  tau_scale: {_n(fitted.tau_scale.value)}",
        f"  idle_power_scale: {_n(idle_w / (profile.idle_power_mw / 1000))}",
        "  energy_scale: {" + ", ".join(energies) + "}",
        "  latency_scale: {" + ", ".join(latencies) + "}",
        *_disagreement(grid, fitted),
        "  noise: {" + ", ".join(f"{name}: {_n(value)}" for name, value in noises) + "}",
    ]
    if day.start_c is not None:
        truth.append(f"  start_c: {_n(day.start_c)}")
    hours = [at * 3600 for at in range(HOURS + 1)]
    light_s = [round((at + 0.5) * DAY_S / len(day.light_lux)) for at in range(len(day.light_lux))]
    signals = [
        f"  ambient_c: {_curve(hours, day.ambient_c)}",
        f"  light_lux: {_curve(light_s, day.light_lux)}",
        f"  other_load_w: {_curve(hours, np.maximum(0.0, day.base_w - idle_w))}",
        f"  slow_down: {_curve(hours, day.slow)}",
    ]
    if day.budget_w:
        signals.append("  power_budget_w: [" + ", ".join(f"[{_n(t)}, {_n(w)}]" for t, w in day.budget_w) + "]")
    return "\n".join(
        [
            "# Written by `adaptd twin fit`: every number is an estimate from this box's log, see the errors beside it.",
            f"scenario: {day.name}",
            "schema: 1",
            f"seed: {seed}",
            f"duration_s: {DAY_S}",
            f"tick_s: {_n(grid.tick_s)}",
            f"profile: {profile.name}",
            f"policy: {grid.policy.name}",
            "variants:",
            *_variants(grid),
            "truth:",
            *truth,
            "signals:",
            *signals,
            "",
        ]
    )


def _variants(grid: Grid) -> list[str]:
    lines = []
    for fact in grid.facts:
        lines += [
            f"  {fact.name}:",
            f"    energy_mj: {_n(fact.energy_uj / 1000)}",
            f"    latency_ms: {_n(fact.latency_us / 1000)}",
        ]
        if fact.no_gain:
            lines.append("    no_gain: true")
        if fact.priors:
            priors = ", ".join(f"{one.band}: {{n: {one.n}, disagreed: {one.disagreed}}}" for one in fact.priors)
            lines.append(f"    qualified: {{{priors}}}")
    return lines


def _disagreement(grid: Grid, fitted: Fitted) -> list[str]:
    """How each efficient variant differs, band by band: the log's shadow frames, else the bundle's, else half of them."""
    rows = []
    for band in grid.policy.bands:
        found = [
            f"{fact.name}: {_differing(fitted.differs.get((band.name, fact.name), Differs(0, 0)), band.name, fact)}"
            for fact in grid.facts[1:]
        ]
        if found:
            rows.append(f"    {band.name}: {{{', '.join(found)}}}")
    return ["  disagreement_pct:", *rows] if rows else []


def _differing(one: Differs, band: str, fact: VariantFacts) -> str:
    """A share of all frames in per cent, or scenes where the log shows them."""
    n, bad = one.compared, one.differed
    if n < FEW:
        n, bad = next(((n + p.n, bad + p.disagreed) for p in fact.priors if p.band == band), (n, bad))
    elif one.kinds:
        shares = [round(share, 4) for share, _ in one.kinds]
        shares[0] += 1 - sum(shares)  # the calmest kind takes what rounding left
        pairs = zip(shares, one.kinds, strict=True)
        kinds = ", ".join(f"{{share: {_n(share)}, pct: {_n(100 * chance)}}}" for share, (_, chance) in pairs)
        return f"{{scene_s: {_n(one.scene_s)}, scenes: [{kinds}]}}"
    return _n(100 * (bad + 0.5) / (n + 1) if n else UNKNOWN_PCT)


def _curve(times_s: list[int], values: Array) -> str:
    """``[[t, value], ...]`` without the points in the middle of a level stretch."""
    points = [(t, _n(float(value))) for t, value in zip(times_s, values, strict=True)]
    kept = [p for at, p in enumerate(points) if at in (0, len(points) - 1) or not points[at - 1][1] == p[1] == points[at + 1][1]]
    return "[" + ", ".join(f"[{t}, {value}]" for t, value in kept) + "]"


def _n(value: float | None) -> str:
    """A number as the strict loader takes it: four digits after the point at most, no sign of power."""
    if value is None:
        return "null"
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return text if text not in ("", "-0") else "0"
