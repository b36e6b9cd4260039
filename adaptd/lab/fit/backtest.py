"""How wrong the twin is, on days it was not fitted on: the logged policy through it, held against what was measured.

Each day is left out once; energies, pace, poles and disagreement come from the others. ``again``: the day's own light, room and
other load are given, as in a what-if; of room and load what the left-out day's readings say under the others' energies and poles.
``unseen``: nothing of the day is given, as for tomorrow. The stated error of a figure is the half-width of its 95 % prediction
interval over the days left out (``stated``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import log, sqrt
from typing import Any

import numpy as np

from adaptd.lab.bench import spread
from adaptd.lab.fit.errors import FitError
from adaptd.lab.fit.model import Fitted, fit
from adaptd.lab.fit.play import Played, Texts, play
from adaptd.lab.fit.readings import Grid
from adaptd.lab.fit.world import pattern, recorded, scenario_text

Progress = Callable[[int, int], None]
# Student's t, two-sided 95 %, by degrees of freedom.
T95 = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145)
RELATIVE = ("power_w", "fps")  # their errors are shares; those of the others are in their own unit
FIGURES = ("power_w", "fps", "efficient_pct", "temperature_c")
MOST_DAYS = 7
COVERED = 0.5


@dataclass(slots=True)
class Backtest:
    """Days left out, and by figure what was measured and said on each of them, and the stated error."""

    days: tuple[int, ...]
    measured: dict[str, list[float]] = field(default_factory=dict)
    said: dict[str, list[float]] = field(default_factory=dict)
    unseen: dict[str, list[float]] = field(default_factory=dict)

    def errors(self, figure: str, *, unseen: bool = False) -> list[float]:
        """What the twin got wrong on each day: a share for power and rate, else in the figure's own unit."""
        said = self.unseen if unseen else self.said
        return [round(_off(figure, m, s), 6) for m, s in zip(self.measured[figure], said[figure], strict=True)]

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        return {
            "days_left_out": [day + 1 for day in self.days],
            "measured": self.measured,
            "twin_said_again": self.said,
            "twin_said_unseen": self.unseen,
            "errors_again": {name: self.errors(name) for name in FIGURES},
            "errors_unseen": {name: self.errors(name, unseen=True) for name in FIGURES},
            "error_95_again": {name: round(stated(self.errors(name)), 5) for name in FIGURES},
            "error_95_unseen": {name: round(stated(self.errors(name, unseen=True)), 5) for name in FIGURES},
            "relative": list(RELATIVE),
        }


def stated(errors: list[float], days: int = 1) -> float:
    """Half-width of the 95 % prediction interval of the mean error of ``days`` further days, from those of the days left out.

    What the errors have in common does not average out over days, and their scatter s does: t sqrt(m^2 + s^2 (1/days + 1/n)).
    """
    n = len(errors)
    mean = sum(errors) / n
    scatter = sum((e - mean) ** 2 for e in errors) / max(1, n - 1)
    if n == 1:
        return T95[0] * abs(mean)
    return T95[min(n - 1, len(T95)) - 1] * sqrt(mean * mean + scatter * (1 / days + 1 / n))


def _off(figure: str, measured: float, said: float) -> float:
    if figure in RELATIVE:
        return log(max(said, 1e-9) / max(measured, 1e-9))
    return said - measured


def backtest(grid: Grid, progress: Progress | None = None, jobs: int | None = None) -> Backtest:
    """Leave every whole day out once (the last seven of a longer log).

    Raises:
        FitError: the log holds fewer than two whole days.
    """
    need_days(grid)
    days = tuple(range(grid.days))
    held = [day for day in days if len(_hours(grid, day)) >= 12][-MOST_DAYS:]
    if not held:
        raise FitError("no day of the log has twelve hours with power and frames, let the box run on")
    work: list[tuple[Texts]] = []
    for day in held:
        fitted = fit(grid, tuple(other for other in days if other != day))
        seen = replace(fitted, **vars_of(fit(grid, days, fitted)))
        worlds = (recorded(grid, seen, day), pattern(grid, fitted, f"unseen-{day + 1}"))
        work += [(texts_of(grid, scenario_text(grid, seen, world, seed=day + 1)),) for world in worlds]
    answers: list[Played] = spread(play, work, jobs, progress)
    found = Backtest(tuple(held))
    for at, day in enumerate(held):
        hours = _hours(grid, day)
        for figure, value in measured_of(grid, day, hours).items():
            found.measured.setdefault(figure, []).append(round(value, 5))
        for book, answer in ((found.said, answers[2 * at]), (found.unseen, answers[2 * at + 1])):
            for figure, value in figures_of(answer, grid.policy.reference, hours).items():
                book.setdefault(figure, []).append(round(value, 5))
    return found


def vars_of(whole: Fitted) -> dict[str, Any]:
    """What the world did, of a fit over all days."""
    return {"base_w": whole.base_w, "ambient_c": whole.ambient_c, "slow": whole.slow}


def need_days(grid: Grid) -> None:
    """Refuse a log that is too short to leave a day out."""
    if grid.days < 2:
        raise FitError(
            f"the log holds {grid.ticks * grid.tick_s / 86_400:.1f} days, 2 whole ones are needed: one to fit, one to test on"
        )


def texts_of(grid: Grid, scenario: str, policy: str | None = None, name: str = "policy") -> Texts:
    """A day of this box under a policy, by default the one of the log."""
    return Texts(scenario, policy or grid.policy_text, grid.profile_text, grid.policy_text, name)


def _hours(grid: Grid, day: int) -> tuple[int, ...]:
    """The hours of a day of which at least half is on record with power and frames."""
    rows = grid.day(day)
    known = np.isfinite(grid.power_w[rows]) & np.isfinite(grid.delivered[rows])
    width = max(1, round(3600 / grid.tick_s))
    return tuple(h for h in range(24) if known[h * width : (h + 1) * width].sum() >= COVERED * width)


def measured_of(grid: Grid, day: int, hours: tuple[int, ...]) -> dict[str, float]:
    """What a day was measured to be, over these hours."""
    rows = grid.day(day)
    width = max(1, round(3600 / grid.tick_s))
    at = np.concatenate([np.arange(h * width, (h + 1) * width) for h in hours])
    at = at[at < rows.stop - rows.start] + rows.start
    use = at[np.isfinite(grid.power_w[at]) & np.isfinite(grid.delivered[at])]
    frames = np.nansum(grid.frames[:, use], axis=1)
    return {
        "power_w": float(np.mean(grid.power_w[use])),
        "fps": float(np.mean(grid.delivered[use]) / grid.tick_s),
        "efficient_pct": 100 * float(frames[1:].sum() / max(1.0, frames.sum())),
        "temperature_c": float(np.nanmean(grid.temperature_c[use])),
    }


def figures_of(played: Played, reference: str, hours: tuple[int, ...] | None = None) -> dict[str, float]:
    """The same figures of a day in the twin."""
    chosen = [hour for at, hour in enumerate(played.hours) if hours is None or at in hours]
    seconds = sum(hour.seconds for hour in chosen)
    served = sum(sum(hour.served.values()) for hour in chosen)
    plain = sum(hour.served.get(reference, 0.0) for hour in chosen)
    return {
        "power_w": sum(hour.energy_j for hour in chosen) / seconds,
        "fps": sum(hour.delivered for hour in chosen) / seconds,
        "efficient_pct": 100 * (served - plain) / served if served else 0.0,
        "temperature_c": sum(hour.temperature_sum for hour in chosen) / seconds,
    }
