"""Every controller on every scenario against the oracle, in several processes; plain rows come out."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from adaptd.lab.episode import Episode, load_episode, run
from adaptd.lab.oracle import Oracle, OracleError, solve
from adaptd.lab.score import Result
from adaptd.twin.words import CONTROLLERS

# A step in load or budget is seen one tick late by anyone who does not know the future: a thousandth of the time is not held
# against a controller. Critical temperature, unproven frames and broken statements are, from the first.
TOLERATED_SHARE = 0.001

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class BenchRow:
    """One controller in one scenario beside the oracle; ``regret`` is (cost - oracle cost) / oracle energy."""

    result: Result
    oracle: Oracle
    seconds: float

    @property
    def regret(self) -> float:
        """As a part of the oracle's board energy, idle included."""
        return (self.result.cost_uj / 1e6 - self.oracle.cost_j) / self.oracle.energy_j

    @property
    def violations(self) -> dict[str, float]:
        """What was broken beyond what nobody could have kept."""
        result, oracle = self.result, self.oracle
        return {
            "over_critical_s": max(0.0, result.over_critical_us / 1e6 - oracle.over_critical_s),
            "over_limit_s": max(0.0, result.over_limit_us / 1e6 - oracle.over_limit_s),
            "budget_over_s": max(0.0, result.budget_over_us / 1e6 - oracle.budget_over_s),
            "unproven_frames": round(result.unproven_frames),
            "statements_broken": result.statements_broken,
        }

    @property
    def clean(self) -> bool:
        """Whether every promise was kept, so that its regret means something."""
        broken, tolerated = self.violations, TOLERATED_SHARE * self.seconds
        hard = broken["over_critical_s"] or broken["unproven_frames"] or broken["statements_broken"]
        return not hard and broken["over_limit_s"] <= tolerated and broken["budget_over_s"] <= tolerated

    def to_plain(self) -> dict[str, Any]:
        own = {"regret": round(self.regret, 6), "clean": self.clean, "violations": self.violations}
        return {**self.result.to_plain(), "floor_short_s": self.result.floor_short_us / 1e6, **own}


@dataclass(slots=True)
class Ground:
    """What a scenario is good for: the oracle, the best reference-only schedule, and what binds."""

    name: str
    oracle: Oracle
    reference_only: Oracle

    @property
    def reference_excess(self) -> float:
        """What the best schedule without the efficient variant costs more, as a part of the oracle's energy."""
        return (self.reference_only.cost_j - self.oracle.cost_j) / self.oracle.energy_j

    def to_plain(self) -> dict[str, Any]:
        oracle = self.oracle
        return {
            "scenario": self.name,
            "oracle_cost_mj": round(oracle.cost_j * 1000, 3),
            "oracle_energy_mj": round(oracle.energy_j * 1000, 3),
            "bound_gap": round(oracle.gap, 6),
            "bound_grid_gap": round(oracle.grid_gap, 6),
            "reference_only_excess": round(self.reference_excess, 6),
            "heat_binds": oracle.heat_binds,
            "budget_binds": oracle.budget_binds,
            "efficient_share": round(oracle.efficient_share, 4),
        }


@dataclass(slots=True)
class Matrix:
    """All rows, scenario by scenario."""

    grounds: list[Ground]
    rows: list[BenchRow]

    def row(self, scenario: str, controller: str) -> BenchRow:
        return next(row for row in self.rows if row.result.scenario == scenario and row.result.controller == controller)

    def controllers(self) -> list[str]:
        """The names that were run, in the usual order, without the oracle."""
        there = {row.result.controller for row in self.rows}
        return [name for name in CONTROLLERS if name in there]

    def summary(self) -> dict[str, dict[str, Any]]:
        """Mean and worst regret of each controller over the scenarios, and in how many it kept every promise."""
        found: dict[str, dict[str, Any]] = {}
        for name in self.controllers():
            rows = [row for row in self.rows if row.result.controller == name]
            kept = [row.regret for row in rows if row.clean]
            found[name] = {
                "scenarios": len(rows),
                "clean": len(kept),
                "mean_regret": round(sum(row.regret for row in rows) / len(rows), 6),
                "worst_regret": round(max(row.regret for row in rows), 6),
                "mean_regret_where_clean": round(sum(kept) / len(kept), 6) if kept else None,
            }
        return found

    def discrimination(self) -> dict[str, Any]:
        """Whether the scenarios tell controllers apart."""
        count = len(self.grounds)
        return {
            "scenarios": count,
            "mean_reference_only_excess": round(sum(ground.reference_excess for ground in self.grounds) / count, 6),
            "heat_or_power_binds": sum(ground.oracle.heat_binds or ground.oracle.budget_binds for ground in self.grounds),
            "swap_useless": sum(ground.reference_excess < 0.01 for ground in self.grounds),
        }

    def to_plain(self) -> dict[str, Any]:
        return {
            "results": [row.to_plain() for row in self.rows],
            "scenarios": [ground.to_plain() for ground in self.grounds],
            "summary": self.summary(),
            "discrimination": self.discrimination(),
        }


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_matrix(
    paths: Sequence[Path],
    controllers: Sequence[str],
    *,
    policy: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Matrix:
    """Run everything. Files are checked before anything starts.

    Raises:
        ConfigError: one line a fault of any scenario, policy or profile.
    """
    episodes = [load_episode(path, policy) for path in paths]
    online = [name for name in controllers if name != "oracle"]
    work: list[tuple[int, str]] = [(n, name) for name in ("ground", *online) for n in range(len(episodes))]
    answers = dict(zip(work, spread(_cell, [(episodes[n], name) for n, name in work], jobs, progress), strict=True))
    grounds = [answers[n, "ground"] for n in range(len(episodes))]
    rows = []
    for n, ground in enumerate(grounds):
        seconds = episodes[n].scenario.ticks * episodes[n].scenario.tick_us / 1e6
        if "oracle" in controllers:
            rows.append(BenchRow(ground.oracle.result(), ground.oracle, seconds))
        rows += [BenchRow(answers[n, name], ground.oracle, seconds) for name in online]
    return Matrix(grounds, rows)


def _cell(episode: Episode, name: str) -> Any:
    if name == "ground":
        return ground_of(episode)
    return run(episode, name)


def ground_of(episode: Episode) -> Ground:
    """The oracle with all variants and with the reference alone."""
    words = (episode.scenario, episode.policy, episode.profile, episode.facts)
    return Ground(episode.scenario.name, solve(*words), solve(*words, variants=(episode.policy.reference,)))


def spread(task: Callable[..., Any], items: Iterable[tuple[Any, ...]], jobs: int | None, progress: Progress | None) -> list[Any]:
    """``task`` of every item, in order, over ``jobs`` processes (1: in this one).

    A process that crashes takes its pool with it: what was not answered goes to a new pool, as long as each answers something.

    Raises:
        OracleError: a pool broke before it answered anything.
    """
    todo, answers = dict(enumerate(items)), dict[int, Any]()
    total = len(todo)
    while todo:
        before = len(todo)
        for n, answer in _answers(task, list(todo.items()), min(jobs or cores(), total)):
            answers[n] = answer
            del todo[n]
            if progress is not None:
                progress(len(answers), total)
        if len(todo) == before:
            raise OracleError("the solver's process crashed and answered nothing: run again, or with --jobs 1")
    return [answers[n] for n in range(total)]


def _answers(task: Callable[..., Any], todo: list[tuple[int, tuple[Any, ...]]], jobs: int) -> Iterator[tuple[int, Any]]:
    """Numbers and answers as they come, until all is answered or a process crashes."""
    if jobs <= 1:
        yield from ((n, task(*item)) for n, item in todo)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool, suppress(BrokenProcessPool):
        futures = {pool.submit(task, *item): n for n, item in todo}
        for future in as_completed(futures):
            yield futures[future], future.result()
