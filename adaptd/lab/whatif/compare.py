"""Two policies through the same fitted days: figures with intervals, what was really tried, and which differences mean something.

An interval is what the twin got wrong on days left out. Where the policy does what was never tried in like conditions, the twin
extrapolates; such hours get bounds instead of a point. What an engine draws does not depend on the light, and is held to change
steadily with warmth and rate: ``OFF_STEP`` for each five kelvin and each quarter of the rate between what is done and the nearest
that was measured, ``OFF_TRIED`` at most; ``OFF_NEVER`` where the log never saw the engine run. The stated error of a difference
is one number, backtest and bounds together: a smaller one is a tie, or untold where only the bounds could turn it round.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import exp, hypot
from typing import Any

from adaptd.config.policy import parse_policy
from adaptd.lab.bench import Progress, spread
from adaptd.lab.fit.play import WARM_K, Cell, Played, Texts, episode_of, play
from adaptd.lab.fit.saved import Twin
from adaptd.lab.whatif.figures import FIGURES, Figures, figures

OFF_STEP, OFF_TRIED, OFF_NEVER = 0.025, 0.1, 0.3
TRIED_SHARE = 0.9  # of an hour's time, for the hour to count as tried
TIE, BETTER, WORSE, UNTOLD = "tie", "better", "worse", "untold"
FEW_S = 300.0  # limits touched for less than five minutes a day are the same


@dataclass(slots=True)
class Side:
    """One policy over the days: figures, intervals, and the share of hours in which its choices were really tried."""

    name: str
    figures: Figures
    low: dict[str, float] = field(default_factory=dict)
    high: dict[str, float] = field(default_factory=dict)
    tried_pct: float = 100.0
    untried: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Line:
    """One figure of both. ``error`` is the backtest's part of the stated error, ``bounds`` that of hours not tried."""

    figure: str
    old: float
    new: float
    error: float
    verdict: str
    bounds: float = 0.0

    @property
    def stated(self) -> float:
        """What a difference must exceed to mean something."""
        return self.error + self.bounds

    def to_plain(self) -> dict[str, Any]:
        numbers = {"difference": self.new - self.old, "stated_error": self.stated, "error": self.error, "bounds": self.bounds}
        return {**_rounded(numbers, 5), "verdict": self.verdict}


@dataclass(slots=True)
class Comparison:
    """The answer to "what if"."""

    old: Side
    new: Side
    lines: list[Line]
    days: int
    backtest: dict[str, Any]

    def to_plain(self) -> dict[str, Any]:
        sides = {
            key: {
                "policy": side.name,
                "figures": _rounded(side.figures.values, 5),
                "low": _rounded(side.low, 5),
                "high": _rounded(side.high, 5),
                "time_pct": _rounded(side.figures.time_pct, 2),
                "account_used": _rounded(side.figures.account, 4),
                "hours_tried_pct": round(side.tried_pct, 1),
                "untried_h_per_day": _rounded(side.untried, 2),
            }
            for key, side in (("old", self.old), ("new", self.new))
        }
        differences = {line.figure: line.to_plain() for line in self.lines}
        return {"simulated": True, "days": self.days, **sides, "differences": differences, "backtest": self.backtest}


def _rounded(numbers: dict[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in numbers.items()}


def compare(
    twin: Twin,
    news: Sequence[tuple[str, str]],
    old: tuple[str, str] | None = None,
    *,
    battery_wh: float | None = None,
    progress: Progress | None = None,
    jobs: int | None = None,
) -> list[Comparison]:
    """Play all fitted days under ``news`` and ``old``, each (name, text); without ``old`` against the logged policy.

    A text that comes twice is played once.

    Raises:
        ConfigError: a policy is refused, or has no reference among the box's variants.
    """
    old = old or ("the logged policy", twin.policy)
    texts = list(dict.fromkeys([old[1], *[text for _, text in news]]))
    work = [(with_battery(day, battery_wh),) for text in texts for day in twin.day_texts(text)]
    count = len(twin.days)
    for (day,) in work[:: max(1, count)]:
        episode_of(day)  # a fault of the policy is told before anything runs
    answers = spread(play_texts, work, jobs, progress)
    played = {text: answers[at * count : (at + 1) * count] for at, text in enumerate(texts)}
    before, *after = (_side(twin, name, text, played[text], battery_wh) for name, text in (old, *news))
    found = []
    for side in after:
        lines = [_line(twin, name, before, side) for name in FIGURES if name in before.figures.values]
        found.append(Comparison(before, side, lines, count, twin.plain["backtest"]))
    return found


@lru_cache(32)
def play_texts(texts: Texts) -> Played:
    """One day; in a process of its own. The logged policy's days are played once, whatever it is held against there."""
    return play(texts)


def with_battery(texts: Texts, battery_wh: float | None) -> Texts:
    """The day with a full battery of this label, for policies that must last and for the hours."""
    if battery_wh is None:
        return texts
    line = f"battery: {{capacity_wh: {battery_wh:.4f}}}\n"
    return replace(texts, scenario=texts.scenario + line, before=tuple(one + line for one in texts.before))


def _side(twin: Twin, name: str, text: str, days: Sequence[Played], battery_wh: float | None) -> Side:
    policy = parse_policy(text, name)
    side = Side(name, figures(days, policy, battery_wh))
    tried, slack_w, hours = 0, 0.0, [hour for day in days for hour in day.hours]
    seconds = sum(hour.seconds for hour in hours)
    for hour in hours:
        missing = {cell: spent for cell, spent in hour.cells.items() if not twin.tried(cell)}
        slack_w += hour.active_j / seconds * sum(off(twin, cell) * spent for cell, spent in missing.items()) / hour.seconds
        tried += sum(missing.values()) <= (1 - TRIED_SHARE) * hour.seconds
        for (band, step, variant, _), spent in missing.items():
            words = f"{variant} in {band} at {WARM_K * step} to {WARM_K * step + WARM_K} degC"
            side.untried[words] = side.untried.get(words, 0.0) + spent / 3600 * 86_400 / seconds
    side.tried_pct = 100 * tried / max(1, len(hours))
    side.untried = dict(sorted(side.untried.items(), key=lambda item: -item[1])[:6])
    for figure, value in side.figures.values.items():
        error, middle = error_of(twin, side.figures, figure, near_limit(days)), _middle(twin, figure, value)
        slack = _slack(figure, value, side.figures.values["power"], slack_w)
        most = 100.0 if FIGURES[figure][0] == "%" else 1e12
        side.low[figure], side.high[figure] = (min(most, max(0.0, middle + wide)) for wide in (-error - slack, error + slack))
    if side.tried_pct < 100 and side.figures.values["efficient"] > 0:
        side.high["loss"] = max(side.high["loss"], policy.max_loss_ppm / 10_000)
    return side


def off(twin: Twin, cell: Cell) -> float:
    """How far the draw of a choice may be off in conditions in which it was not tried."""
    _, step, variant, rate = cell
    if variant == "none":
        return 0.0
    if variant not in twin.measured_engines:
        return OFF_NEVER
    measured = [abs(s - step) + abs(r - rate) for _, s, v, r in twin.cells if v == variant and twin.tried((_, s, v, r))]
    return min(OFF_TRIED, OFF_STEP * min(measured, default=4))


def _middle(twin: Twin, figure: str, value: float) -> float:
    """A figure set right by what the twin got wrong on average."""
    factor = {"power": -1, "energy": -1, "hours": 1, "efficiency": 1}.get(figure)
    if factor is not None:
        return value * exp(factor * twin.predicted("power_w")[0])
    measured = {"efficient": "efficient_pct", "hottest": "temperature_c"}.get(figure)
    return value if measured is None else value - twin.predicted(measured)[0]


def _slack(figure: str, value: float, power_w: float, slack_w: float) -> float:
    """What watts that nobody measured mean for a figure."""
    if figure == "power":
        return slack_w
    return value * slack_w / power_w if figure in ("energy", "hours", "efficiency") else 0.0


def near_limit(days: Sequence[Played]) -> float:
    """Seconds a day within two kelvin of the limit: as much may turn into time over it."""
    hours = [hour for day in days for hour in day.hours]
    return 86_400 * sum(hour.near_limit_s for hour in hours) / sum(hour.seconds for hour in hours)


def error_of(twin: Twin, found: Figures, figure: str, near_s: float, other: Figures | None = None) -> float:
    """The stated error of a figure in its own unit: of the difference to ``other``, or to the logged policy's measured level.

    What the twin gets wrong on days left out, and beside it what is unknown of the energy of the frames that are more or fewer.
    """
    days = max(1, len(twin.days))  # a twin that a box sent up to its fleet has the pattern alone
    value, rate = abs(found.values[figure]), twin.error("fps", days=days)
    share = min(100.0, twin.error("efficient_pct", days=days))
    power_w = found.values["power"]
    power = hypot(twin.error("power_w", days=days), 1.96 * _frames_w(twin, found, other) / power_w)
    errors = {
        "power": value * power,
        "energy": value * power,
        "hours": value * power,
        "fps": max(0.05, value * rate),
        "frames": max(4.0, value * rate),
        "efficiency": value * hypot(power, rate),
        "efficient": share,
        "loss": value,  # a few bad scenes make it, and as many more may come
        "late": max(0.1, 100 * rate),
        "hottest": twin.error("temperature_c"),
        "over_limit": max(FEW_S, near_s),
        "swaps": max(10.0, 0.3 * value),
    }
    return errors.get(figure, FEW_S)


def _frames_w(twin: Twin, found: Figures, other: Figures | None) -> float:
    """One standard deviation of the watts of the frames by which two policies differ; the energies may err together."""
    before = twin.plain["logged_fps"] if other is None else other.rates_fps
    parts = [sd * (found.rates_fps.get(name, 0.0) - float(before.get(name, 0.0))) for name, sd in twin.energy_sd_j.items()]
    return max(abs(sum(parts)), hypot(*parts))


def _line(twin: Twin, figure: str, old: Side, new: Side) -> Line:
    before, after = old.figures.values[figure], new.figures.values[figure]
    error = max(error_of(twin, a.figures, figure, FEW_S, b.figures) for a, b in ((old, new), (new, old)))
    difference = after - before
    bounds = sum(_widening(twin, side, figure) for side in (old, new))
    if abs(difference) <= error:
        verdict = TIE
    elif abs(difference) <= error + bounds:
        verdict = UNTOLD
    else:
        verdict = BETTER if (difference > 0) == FIGURES[figure][2] else WORSE
    return Line(figure, before, after, error, verdict, bounds)


def _widening(twin: Twin, side: Side, figure: str) -> float:
    """How much of a side's interval comes from hours that nobody tried."""
    error = error_of(twin, side.figures, figure, FEW_S)
    wide = side.high[figure] - _middle(twin, figure, side.figures.values[figure])
    return max(0.0, wide - error) if figure in ("power", "energy", "hours", "efficiency", "loss") else 0.0
