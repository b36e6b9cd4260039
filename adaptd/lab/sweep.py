"""The randomised sweep: many random hours, every promise counted, regret against the oracle of each hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adaptd.lab.bench import BenchRow, Progress, spread
from adaptd.lab.episode import run
from adaptd.lab.oracle import solve
from adaptd.lab.randomised import HOUR_US, random_episode

GRID = 400
CONTROLLERS = ("adaptd", "alert", "alert-guarded")


@dataclass(slots=True)
class Sweep:
    """The rows of a sweep by controller; row n is hour n."""

    seed: int
    rows: dict[str, list[BenchRow]]

    def to_plain(self) -> dict[str, Any]:
        hours = len(next(iter(self.rows.values())))
        return {
            "random_hours": hours,
            "seed": self.seed,
            "controllers": {name: _totals(rows) for name, rows in self.rows.items()},
        }


def run_sweep(hours: int, seed: int, controllers: Sequence[str], jobs: int | None, progress: Progress | None) -> Sweep:
    found = spread(_hour, [(seed, number, tuple(controllers)) for number in range(hours)], jobs, progress)
    return Sweep(seed, {name: [hour[at] for hour in found] for at, name in enumerate(controllers)})


def _hour(seed: int, number: int, controllers: tuple[str, ...]) -> list[BenchRow]:
    episode = random_episode(seed, number)
    oracle = solve(episode.scenario, episode.policy, episode.profile, episode.facts, grid=GRID)
    return [BenchRow(run(episode, name), oracle, HOUR_US / 1e6) for name in controllers]


def _totals(rows: list[BenchRow]) -> dict[str, Any]:
    seconds = sum(row.seconds for row in rows)
    regrets = sorted(row.regret for row in rows)
    kept = [row.regret for row in rows if row.clean]
    worst = sorted(range(len(rows)), key=lambda n: -rows[n].regret)[:5]
    broken = [row.violations for row in rows]
    total = {key: sum(one[key] for one in broken) for key in broken[0]}
    hot = sorted(range(len(rows)), key=lambda n: -broken[n]["over_limit_s"])[:5]
    return {
        "over_critical_s": total["over_critical_s"],
        "over_limit_s": total["over_limit_s"],
        "over_limit_share": round(total["over_limit_s"] / seconds, 8),
        "worst_over_limit_hours": [
            {"hour": n, "over_limit_s": broken[n]["over_limit_s"]} for n in hot if broken[n]["over_limit_s"] > 0
        ],
        "budget_over_share": round(total["budget_over_s"] / seconds, 8),
        "unproven_frames": total["unproven_frames"],
        "hours_with_unproven_frames": sum(one["unproven_frames"] > 0 for one in broken),
        "statements_broken": total["statements_broken"],
        "clean_hours": sum(row.clean for row in rows),
        "mean_regret": round(sum(regrets) / len(regrets), 6),
        "mean_regret_where_clean": round(sum(kept) / len(kept), 6) if kept else None,
        "median_regret": round(regrets[len(regrets) // 2], 6),
        "p95_regret": round(regrets[min(len(regrets) - 1, len(regrets) * 95 // 100)], 6),
        "worst_regret_hours": [{"hour": n, "regret": round(rows[n].regret, 4)} for n in worst],
        "mean_rate_changes_felt": round(sum(row.result.rate_changes_felt for row in rows) / len(rows), 2),
        "most_rate_changes_felt": max(row.result.rate_changes_felt for row in rows),
        "heat_binds_hours": sum(row.oracle.heat_binds for row in rows),
        "budget_binds_hours": sum(row.oracle.budget_binds for row in rows),
    }
