"""A fitted twin as a folder: a scenario file a day and one of the pattern, policy and profile as logged, and ``twin.json``.

``twin.json`` holds the estimates, the backtest, and in which conditions which choice was really tried; every later answer takes
its errors from there.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from adaptd.config.policy import LightBand
from adaptd.lab.bench import Progress
from adaptd.lab.fit.backtest import FIGURES, Backtest, backtest, predicted
from adaptd.lab.fit.model import Fitted, fit
from adaptd.lab.fit.play import WARM_DAYS, Cell, Texts, cell_of
from adaptd.lab.fit.readings import FitError, Grid
from adaptd.lab.fit.world import day_text, pattern, scenario_text
from adaptd.twin.world import TrueBand

SCHEMA = 1
FILE = "twin.json"
TRIED_S = 300.0  # a choice that lasted less than five minutes in all in some conditions was not really tried there


@dataclass(frozen=True, slots=True)
class Twin:
    """A fitted twin that was read back. ``days`` are scenario texts by name, ``cells`` seconds by condition and choice."""

    folder: Path
    days: dict[str, str]
    typical: str
    policy: str
    profile: str
    cells: dict[Cell, float]
    measured_engines: tuple[str, ...]
    plain: dict[str, Any]

    def predicted(self, figure: str, *, days: int = 1) -> tuple[float, float]:
        """Middle and half-width of the 95 % interval of a figure's error over ``days`` days not fitted on.

        An error is what the twin says less what is measured, of power and rate as a share.
        """
        return predicted([float(one) for one in self.plain["backtest"]["errors_again"][figure]], days)

    def error(self, figure: str, *, days: int = 1) -> float:
        """The stated error of a difference: the half-width alone."""
        return self.predicted(figure, days=days)[1]

    @property
    def energy_sd_j(self) -> dict[str, float]:
        """One standard deviation of the energy a frame of each engine."""
        return {name: float(one["sd"]) / 1e3 for name, one in self.plain["estimates"]["energy_mj"].items()}

    def texts(self, scenario: str, policy: str | None = None) -> Texts:
        """A day of this twin under a policy, by default the logged one."""
        return Texts(scenario, policy or self.policy, self.profile, self.policy)

    def day_texts(self, policy: str) -> list[Texts]:
        """Every recorded day under a policy that was in force on the days before it too."""
        days = list(self.days.values())
        before = [tuple(days[max(0, at - WARM_DAYS) : at]) for at in range(len(days))]
        return [replace(self.texts(day, policy), before=known) for day, known in zip(days, before, strict=True)]

    def tried(self, cell: Cell) -> bool:
        """Whether this choice was really tried in like conditions."""
        return self.cells.get(cell, 0.0) >= TRIED_S


def make(grid: Grid, folder: Path, progress: Progress | None = None, jobs: int | None = None, enclosure: str = "unknown") -> Twin:
    """Fit, backtest, and write the folder. ``enclosure`` is a name of the housing: a fleet compares boxes in the same one.

    Raises:
        FitError: the log is too short, lacks power or frames, or the folder cannot be written.
    """
    days = tuple(range(grid.days))
    try:
        tested = backtest(grid, progress, jobs)
        fitted = fit(grid, days)
    except ValueError as error:
        raise FitError(f"the log cannot be fitted: {error}") from None
    scenarios = {f"day-{day + 1}": day_text(grid, fitted, day) for day in days}
    texts = {
        **{f"{name}.yaml": text for name, text in scenarios.items()},
        "typical.yaml": scenario_text(grid, fitted, pattern(grid, fitted)),
        "policy.yaml": grid.policy_text,
        "profile.yaml": grid.profile_text,
        FILE: json.dumps({**_plain(grid, fitted, tested), "enclosure": enclosure}, indent=1) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("day-*.yaml"):
            old.unlink()
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise FitError(f"{folder}: cannot be written ({error.strerror}), name another folder with -o") from None
    return load(folder)


def load(folder: Path) -> Twin:
    """Read a fitted twin.

    Raises:
        FitError: it is none, is damaged, or was written by a newer adaptd.
    """
    try:
        plain = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if not isinstance(plain, dict) or type(plain.get("schema")) is not int:
            raise FitError(f"{folder / FILE}: is no fitted twin, make one with `adaptd twin fit DIR`")
        if plain["schema"] > SCHEMA:
            raise FitError(f"{folder / FILE}: has schema {plain['schema']}, this adaptd reads {SCHEMA}: update it, or fit again")
        days = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("day-*.yaml"), key=_place)}
        cells = {(str(b), int(t), str(v), int(r)): float(s) for b, t, v, r, s in plain["tried"]}
        typical, policy, profile = (
            (folder / name).read_text(encoding="utf-8") for name in ("typical.yaml", "policy.yaml", "profile.yaml")
        )
        for figure in FIGURES:
            if not all(isfinite(one) for one in plain["backtest"]["errors_again"][figure]):
                raise ValueError(figure)
        return Twin(folder, days, typical, policy, profile, cells, tuple(plain["measured_engines"]), plain)
    except OSError as error:
        raise FitError(f"{folder}: holds no fitted twin ({error.strerror}), make one with `adaptd twin fit DIR`") from None
    except (ValueError, KeyError, TypeError) as error:
        raise FitError(f"{folder / FILE}: is damaged ({error}), fit again with `adaptd twin fit DIR`") from None


def _place(path: Path) -> tuple[int, str]:
    """``day-10`` comes behind ``day-9``."""
    return len(path.stem), path.stem


def _plain(grid: Grid, fitted: Fitted, tested: Backtest) -> dict[str, Any]:
    served = {name: float(np.nansum(grid.frames[v])) for v, name in enumerate(grid.names)}
    r, tau = fitted.r_scale, fitted.tau_scale
    poles = [
        {"r_k_per_w": round(one.r_uk_per_mw / 1000 * r.value, 4), "tau_s": round(one.tau_ms / 1000 * tau.value, 2)}
        for one in grid.profile.poles
    ]
    return {
        "schema": SCHEMA,
        "kind": "adaptd fitted twin",
        "log": {"origin": grid.origin, "records": grid.records, "start_ms": grid.start_ms, "tick_s": grid.tick_s},
        "days": grid.days,
        "profile": grid.profile.name,
        "policy": grid.policy.name,
        "simulated_readings": list(grid.simulated),
        "notes": grid.notes,
        "estimates": {
            "ambient_c": {"mean": round(float(np.mean(fitted.ambient_c)), 3)},
            "base_w": {"least": round(fitted.idle_w, 4), "most": round(float(np.max(fitted.base_w)), 4)},
            "energy_mj": {
                name: {"value": round(one.value * 1e3, 4), "sd": round(one.sd * 1e3, 4)} for name, one in fitted.energy_j.items()
            },
            "latency_ms": {
                name: {"value": round(one.value / 1e3, 4), "sd": round(one.sd / 1e3, 5)}
                for name, one in fitted.latency_us.items()
            },
            "r_scale": {"value": round(r.value, 4), "sd": round(r.sd, 4)},
            "tau_scale": {"value": round(tau.value, 4), "sd": round(tau.sd, 4)},
            "poles": poles,
            "band_h": band_hours(grid.policy.bands, pattern(grid, fitted).light_lux.tolist()),
            "differs": [
                {"band": b, "variant": v, "compared": one.compared, "differed": one.differed}
                for (b, v), one in fitted.differs.items()
            ],
        },
        "backtest": tested.to_plain(),
        "logged_fps": {name: round(frames / (grid.ticks * grid.tick_s), 5) for name, frames in served.items()},
        "measured_engines": [name for name, frames in served.items() if frames >= 1000],
        "tried": [[*cell, round(seconds, 1)] for cell, seconds in sorted(cells_of(grid).items())],
    }


def band_hours(bands: tuple[LightBand, ...], light_lux: Sequence[float]) -> dict[str, float]:
    """Hours of a day in each light band; ``light_lux`` in equal steps over the day."""
    band, found = TrueBand(bands), dict.fromkeys((one.name for one in bands), 0.0)
    for lux in light_lux:
        found[band.follow(float(lux) * 1000)] += 24 / len(light_lux)
    return {name: round(hours, 2) for name, hours in found.items()}


def cells_of(grid: Grid) -> dict[Cell, float]:
    """Seconds of the log by condition (light band, temperature) and choice (engine, rate)."""
    band = TrueBand(grid.policy.bands)
    found: dict[Cell, float] = {}
    rows = zip(grid.light_lux, grid.temperature_c, grid.choice, grid.rate_fps, strict=True)
    for lux, temperature_c, choice, rate in rows:
        if np.isfinite(lux) and np.isfinite(temperature_c) and np.isfinite(rate):
            serving = grid.names[choice] if choice >= 0 else "none"
            cell = cell_of(band.follow(float(lux) * 1000), float(temperature_c), serving, float(rate))
            found[cell] = found.get(cell, 0.0) + grid.tick_s
    return found


def folder_of(log: Path) -> Path:
    """Where the twin of a log lies when nothing else is said: beside it."""
    return log.with_name(f"{log.resolve().name}.twin")
