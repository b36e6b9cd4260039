"""Policy x scenario x cluster: every policy in the twins of every cluster, on an ordinary day and on a hot one.

A cluster stands by its middle box and its hottest one. A policy suits a cluster when it keeps every bound in all its worlds; of
those that suit, the best in what is aimed at is proposed, unless its gain lies within the twin's own stated error.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from adaptd.config.policy import parse_policy
from adaptd.lab.bench import Progress
from adaptd.lab.fit.play import Texts, episode_of
from adaptd.lab.fit.saved import Twin
from adaptd.lab.fleet.spreading import Spread
from adaptd.lab.tune.goals import Bound, Goals
from adaptd.lab.whatif.compare import error_of, play_texts
from adaptd.lab.whatif.figures import FIGURES, Figures, figures

HOTTER_K = 5.0
SLIGHT_S = 60.0
TODAY = "today's"
_AMBIENT = re.compile(r"^(  ambient_c: )(\[.*\])$", re.MULTILINE)
_POINT = re.compile(r"\[(-?[\d.]+), (-?[\d.]+)\]")


@dataclass(frozen=True, slots=True)
class World:
    """One day that policies are tried in: ``scenario`` is its kind, ``texts`` hold today's policy."""

    cluster: str
    scenario: str
    box: str
    texts: Texts


@dataclass(frozen=True, slots=True)
class Row:
    """What one policy came to in one world."""

    cluster: str
    scenario: str
    box: str
    policy: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed to a cluster: a policy by name, its gain over today's in the aim, the twin's error of it, and why."""

    cluster: str
    policy: str
    gain: float
    error: float
    why: str


def worlds_of(cluster: str, twins: dict[str, Twin]) -> list[World]:
    """An ordinary and a hot day of each of these boxes' twins."""
    return [
        World(cluster, scenario, box, twin.texts(text))
        for box, twin in twins.items()
        for scenario, text in (("typical", twin.typical), ("hot", hotter(twin.typical, HOTTER_K)))
    ]


def hotter(scenario: str, by_k: float) -> str:
    """The same day in a room that is warmer by ``by_k``."""
    return _AMBIENT.sub(lambda one: one[1] + _POINT.sub(lambda p: f"[{p[1]}, {float(p[2]) + by_k:g}]", one[2]), scenario)


def sweep(
    worlds: Sequence[World],
    policies: dict[str, str],
    spread: Spread,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Today's policy and every other (text by name) in every world.

    Raises:
        ConfigError: a policy is refused by a box's bundle; by that of the first world before anything runs.
    """
    work: list[tuple[World, str, Texts]] = []
    for world in worlds:
        work.append((world, TODAY, world.texts))
        work += [(world, name, replace(world.texts, policy=text, name=name)) for name, text in policies.items()]
    for _, _, texts in work[: len(policies) + 1]:
        episode_of(texts)
    answers = spread(_play, [(texts,) for _, _, texts in work], jobs, progress)
    return [Row(w.cluster, w.scenario, w.box, name, found) for (w, name, _), found in zip(work, answers, strict=True)]


def _play(texts: Texts) -> Figures:
    """One day under one policy; in a process of its own."""
    return figures([play_texts(texts)], parse_policy(texts.policy, texts.name), None)


def propose(cluster: str, rows: Sequence[Row], goals: Goals, middle: Twin) -> Proposal:
    """The best policy for a cluster; today's where none is better by more than the twin's error."""
    aim = goals.aims[0]
    own = [row for row in rows if row.cluster == cluster]
    today = {(row.box, row.scenario): row for row in own if row.policy == TODAY}
    here = (middle.folder.name, "typical")
    names = list(dict.fromkeys(row.policy for row in own if row.policy != TODAY))
    suit = [name for name in names if all(_keeps(row, today, goals.bounds) for row in own if row.policy == name)]
    best: tuple[float, Row] | None = None
    for name in suit:
        row = next(row for row in own if row.policy == name and (row.box, row.scenario) == here)
        gain = _mean(own, name, aim.figure) - _mean(own, TODAY, aim.figure)
        if best is None or (gain > best[0]) == aim.most:
            best = gain, row
    if best is None:
        return Proposal(cluster, TODAY, 0.0, 0.0, f"none of {len(names)} policies keeps every bound in each of its worlds")
    gain, row = best
    error = error_of(middle, row.figures, aim.figure, SLIGHT_S, today[here].figures)
    better = gain > error if aim.most else -gain > error
    unit = FIGURES[aim.figure][0]
    words = f"{aim.figure} {gain:+.3g} {unit}, the twin's error is {error:.2g}; {len(suit)} of {len(names)} keep every bound"
    return Proposal(cluster, row.policy if better else TODAY, gain, error, words if better else f"no clear gain: {words}")


def _mean(rows: Sequence[Row], policy: str, figure: str) -> float:
    values = [row.figures.values[figure] for row in rows if row.policy == policy]
    return sum(values) / len(values)


def _keeps(row: Row, today: dict[tuple[str, str], Row], bounds: Sequence[Bound]) -> bool:
    """Whether a policy keeps what was asked for, and touches limits no longer than today's does in the same world."""
    before = today[row.box, row.scenario].figures.values
    limits = all(row.figures.values[name] <= max(SLIGHT_S, before[name]) for name in ("over_limit", "over_budget"))
    return limits and all(bound.slack(row.figures.values[bound.figure]) >= 0 for bound in bounds)


def plain(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {"cluster": row.cluster, "scenario": row.scenario, "box": row.box, "policy": row.policy}
        | {name: round(value, 6) for name, value in row.figures.values.items()}
        for row in rows
    ]
