"""The figures of a policy over some days: one number each, made from the hours that were played."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from adaptd.config.policy import Policy
from adaptd.lab.fit.play import Played

# name: (unit, words, whether more is better)
FIGURES: dict[str, tuple[str, str, bool]] = {
    "power": ("W", "mean board power", False),
    "energy": ("Wh/day", "board energy of a day", False),
    "hours": ("h", "hours on one battery", True),
    "fps": ("fps", "frames delivered in time a second, mean", True),
    "frames": ("k/day", "thousand frames delivered in time a day", True),
    "efficiency": ("1/J", "frames a joule of board energy", True),
    "loss": ("points", "frames that really differed, worst light band", False),
    "efficient": ("%", "share of frames on an efficient engine", True),
    "late": ("%", "frames that came too late", False),
    "hottest": ("degC", "highest temperature", False),
    "over_limit": ("s/day", "time over the temperature limit", False),
    "over_budget": ("s/day", "time over the power budget", False),
    "below_floor": ("s/day", "time below the floor rate", False),
    "swaps": ("/day", "changes of engine", False),
}


@dataclass(slots=True)
class Figures:
    """The figures of one policy, by name; ``hours`` is there only where a battery is known. ``time_pct`` is time by engine."""

    values: dict[str, float]
    time_pct: dict[str, float] = field(default_factory=dict)
    account: dict[str, float] = field(default_factory=dict)
    rates_fps: dict[str, float] = field(default_factory=dict)


def figures(days: Sequence[Played], policy: Policy, battery_wh: float | None = None) -> Figures:
    """The figures over these days. ``account`` is each band's realised loss as a part of what is allowed."""
    hours = [hour for day in days for hour in day.hours]
    seconds = sum(hour.seconds for hour in hours)
    a_day = 86_400 / seconds
    energy_j = sum(hour.energy_j for hour in hours)
    delivered, late = sum(hour.delivered for hour in hours), sum(hour.late for hour in hours)
    executed = sum(day.result.frames_executed for day in days)
    efficient = sum(day.result.efficient_frames for day in days)
    bands = sorted({band for day in days for band in day.result.realised_loss_ppm})
    losses = {band: max(day.result.realised_loss_ppm.get(band, 0) / 10_000 for day in days) for band in bands}
    power_w = energy_j / seconds
    values = {
        "power": power_w,
        "energy": energy_j / 3600 * a_day,
        "fps": delivered / seconds,
        "frames": delivered * a_day / 1000,
        "efficiency": delivered / energy_j,
        "loss": max(losses.values(), default=0.0),
        "efficient": 100 * efficient / executed if executed else 0.0,
        "late": 100 * late / (delivered + late) if delivered + late else 0.0,
        "hottest": max(hour.hottest_c for hour in hours),
        "over_limit": sum(hour.over_limit_s for hour in hours) * a_day,
        "over_budget": sum(hour.budget_over_s for hour in hours) * a_day,
        "below_floor": sum(hour.floor_short_s for hour in hours) * a_day,
        "swaps": sum(day.result.swaps for day in days) * a_day,
    }
    lasted = _lasted(days, power_w, battery_wh)
    if lasted is not None:
        values["hours"] = lasted
    time_pct = {name: 100 * spent / seconds for name, spent in _sums([hour.time_s for hour in hours]).items()}
    limit = policy.max_loss_ppm / 10_000
    rates = {name: frames / seconds for name, frames in _sums([hour.served for hour in hours]).items()}
    return Figures(values, time_pct, {band: lost / limit for band, lost in losses.items()}, rates)


def _sums(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: sum(row.get(name, 0.0) for row in rows) for name in sorted({name for row in rows for name in row})}


def _lasted(days: Sequence[Played], power_w: float, battery_wh: float | None) -> float | None:
    """Hours on one battery: when it was empty, else what it holds over the mean drain; the shortest day counts."""
    found = []
    for day in days:
        end_ppm, lasted_us = day.result.battery_end_ppm, day.result.lasted_us
        if end_ppm is None or lasted_us is None:
            continue
        used = max(1e-6, (day.start_ppm - end_ppm) / 1e6)
        found.append(lasted_us / 3.6e9 * (day.start_ppm / 1e6 / used if end_ppm > 0 else 1.0))
    if found:
        return min(found)
    return None if battery_wh is None else battery_wh / power_w
