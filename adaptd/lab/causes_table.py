"""The regret of many episodes by cause: one row an episode, and the mean and the worst of every column."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.lab.bench import Progress, spread
from adaptd.lab.causes import Split, split
from adaptd.lab.episode import Episode, load_episode
from adaptd.lab.randomised import random_episode

COLUMNS = ("regret", "proof", "shadows", "budget", "heat", "faults", "proven")


@dataclass(frozen=True, slots=True)
class Causes:
    """The parts of the regret of each episode, by its name; ``proven`` is the regret against an oracle that must prove too."""

    rows: tuple[tuple[str, Split], ...]

    def to_plain(self) -> dict[str, Any]:
        """For machines: parts of the oracle's energy."""
        each = [{"scenario": name, **dict(zip(COLUMNS, parts(one), strict=True))} for name, one in self.rows]
        columns = {key: [float(row[key]) for row in each] for key in COLUMNS}  # type: ignore[arg-type]
        mean = {key: round(sum(values) / len(values), 6) for key, values in columns.items()}
        return {"each": each, "mean": mean, "worst": {key: max(values) for key, values in columns.items()}}


def parts(one: Split) -> tuple[float, ...]:
    """The columns of one episode."""
    found = (one.total, one.proof, one.shadows, one.budget, one.heat, one.faults, one.proven)
    return tuple(round(part, 6) for part in found)


def of_hours(hours: int, seed: int, jobs: int | None, progress: Progress | None) -> Causes:
    """The hours 0 to ``hours`` - 1 of the sweep ``seed``."""
    return _split([random_episode(seed, number) for number in range(hours)], jobs, progress)


def of_scenarios(paths: Sequence[Path], policy: Path | None, jobs: int | None, progress: Progress | None) -> Causes:
    """Scenario files.

    Raises:
        ConfigError: one line a fault of any of the files.
    """
    return _split([load_episode(path, policy) for path in paths], jobs, progress)


def _split(episodes: list[Episode], jobs: int | None, progress: Progress | None) -> Causes:
    found = spread(_one, [(episode,) for episode in episodes], jobs, progress)
    return Causes(tuple((episode.scenario.name, one) for episode, one in zip(episodes, found, strict=True)))


def _one(episode: Episode) -> Split:
    return split(episode)[0]
