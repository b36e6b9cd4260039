"""How wrong the twin is, on days it was not fitted on: the logged policy through it, held against what was measured.

Each day is left out once; energies, pace, poles and disagreement come from the others. ``again``: the day's own light, room and
other load are given, as in a what-if; of room and load what the left-out day's readings say under the others' energies and poles.
``unseen``: nothing of the day is given, as for tomorrow. What is stated of a figure is the 95 % prediction interval of its error
(``predicted``). Of a difference of two policies on the same days only its half-width counts: both share the middle.
"""

from dataclasses import dataclass, field, replace
from math import log, sqrt
from typing import Any

import numpy as np

from adaptd.lab.bench import Progress, spread
from adaptd.lab.fit.model import Fitted, fit
from adaptd.lab.fit.play import WARM_DAYS, Played, Texts, play_on
from adaptd.lab.fit.readings import FitError, Grid
from adaptd.lab.fit.world import day_text, pattern, scenario_text

Branches = tuple[tuple[str, ...], ...]
LEVEL = 0.95
RELATIVE = ("power_w", "fps")  # their errors are shares; those of the others are in their own unit
FIGURES = ("power_w", "fps", "efficient_pct", "temperature_c")
MOST_DAYS = 7
COVERED = 0.5
CHANCES = 2


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
        return [off(figure, m, s) for m, s in zip(self.measured[figure], said[figure], strict=True)]

    def _predicted(self, part: int, *, unseen: bool = False) -> dict[str, float]:
        return {name: round(predicted(self.errors(name, unseen=unseen), unseen=unseen)[part], 5) for name in FIGURES}

    def to_plain(self) -> dict[str, Any]:
        return {
            "days_left_out": [day + 1 for day in self.days],
            "measured": self.measured,
            "twin_said_again": self.said,
            "twin_said_unseen": self.unseen,
            "errors_again": {name: self.errors(name) for name in FIGURES},
            "errors_unseen": {name: self.errors(name, unseen=True) for name in FIGURES},
            "middle_again": self._predicted(0),
            "error_95_again": self._predicted(1),
            "middle_unseen": self._predicted(0, unseen=True),
            "error_95_unseen": self._predicted(1, unseen=True),
            "relative": list(RELATIVE),
        }


def predicted(errors: list[float], days: int = 1, *, unseen: bool = False, level: float = LEVEL) -> tuple[float, float]:
    """What the error of the mean of ``days`` further days will be: the middle of its prediction interval, and the half-width.

    The errors of n days left out have a mean, which every further day shares, and a scatter s, which Student's t judges with
    n - 1 degrees of freedom: mean +- t s sqrt(1/days + 1/n). An unseen day is said to be the mean of the others, so a day left
    out is missed by n / (n - 1) times what it lies off the mean of all: there s is that much smaller (the PRESS residual of a
    mean; Allen 1974). One day left out says nothing of scatter: its error is taken for one standard deviation.
    """
    n = len(errors)
    mean = sum(errors) / n
    if n == 1:
        return 0.0, _student(1, level) * abs(mean)
    scatter = sqrt(sum((e - mean) ** 2 for e in errors) / (n - 1)) * (1 - 1 / n if unseen else 1)
    return mean, _student(n - 1, level) * scatter * sqrt(1 / days + 1 / n)


def _student(freedom: int, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def off(figure: str, measured: float, said: float) -> float:
    """What the twin got wrong: a share for power and rate, else in the figure's own unit."""
    if figure in RELATIVE:
        return round(log(max(said, 1e-9) / max(measured, 1e-9)), 6)
    return round(said - measured, 6)


def backtest(grid: Grid, progress: Progress | None = None, jobs: int | None = None) -> Backtest:
    """Leave every whole day out once (the last seven of a longer log).

    Raises:
        FitError: the log holds fewer than two whole days.
    """
    if grid.days < 2:
        held_days = f"{grid.ticks * grid.tick_s / 86_400:.1f} days"
        raise FitError(f"the log holds {held_days}, 2 whole ones are needed: one to fit, one to test on")
    days = tuple(range(grid.days))
    held = [day for day in days if len(_hours(grid, day)) >= 12][-MOST_DAYS:]
    if not held:
        raise FitError("no day of the log has twelve hours with power and frames, let the box run on")
    work: list[tuple[Texts, Branches]] = []
    for day in held:
        fitted = fit(grid, tuple(other for other in days if other != day))
        seen = replace(fitted, **vars_of(fit(grid, days, fitted)))
        work.append(to_play(grid, seen, day, ((day_text(grid, seen, day),), unseen_texts(grid, fitted, day))))
    answers: list[list[list[Played]]] = spread(play_on, work, jobs, progress)
    found = Backtest(tuple(held))
    for day, answer in zip(held, answers, strict=True):
        hours = _hours(grid, day)
        for figure, value in measured_of(grid, day, hours).items():
            found.measured.setdefault(figure, []).append(round(value, 5))
        for book, played in zip((found.said, found.unseen), answer, strict=True):
            for figure, value in mean_of(played, grid.policy.reference, hours).items():
                book.setdefault(figure, []).append(round(value, 5))
    return found


def to_play(grid: Grid, seen: Fitted, day: int, branches: Branches) -> tuple[Texts, Branches]:
    """What ``play_on`` needs for days of the twin that begin when the box has lived the recorded days before number ``day``."""
    before = tuple(day_text(grid, seen, other) for other in range(max(0, day - WARM_DAYS), day))
    return Texts(branches[0][0], grid.policy_text, grid.profile_text, grid.policy_text, before=before), branches


def unseen_texts(grid: Grid, fitted: Fitted, day: int) -> tuple[str, ...]:
    """What any day number ``day`` may be: the pattern several times, since bad scenes come by chance."""
    world = pattern(grid, fitted, f"unseen-{day + 1}")
    return tuple(scenario_text(grid, fitted, world, seed=CHANCES * day + at + 1) for at in range(CHANCES))


def vars_of(whole: Fitted) -> dict[str, Any]:
    """What the world did, of a fit over all days."""
    return {"base_w": whole.base_w, "ambient_c": whole.ambient_c, "slow": whole.slow}


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


def mean_of(days: list[Played], reference: str, hours: tuple[int, ...] | None = None) -> dict[str, float]:
    """The mean of each figure over these days in the twin."""
    each = [figures_of(day, reference, hours) for day in days]
    return {figure: sum(one[figure] for one in each) / len(each) for figure in FIGURES}


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
