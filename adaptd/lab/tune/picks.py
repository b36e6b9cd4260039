"""From measured candidates to three named ones beside today's, each with what breaks first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from adaptd.config.policy import parse_policy
from adaptd.lab.bench import Progress
from adaptd.lab.fit.saved import Twin
from adaptd.lab.tune.goals import Aim, Bound, Goals
from adaptd.lab.tune.search import Found
from adaptd.lab.tune.trials import Trial
from adaptd.lab.whatif.compare import Line, compare
from adaptd.lab.whatif.figures import FIGURES

ROOM_K = 10.0  # ten kelvin below the limit count as much room as the whole of another bound


@dataclass(frozen=True, slots=True)
class Room:
    """Room under one limit: ``share`` of the limit, ``left`` in its own unit, in words."""

    words: str
    left: float
    unit: str
    share: float

    @property
    def text(self) -> str:
        """What is left, for people."""
        state = f"{self.left:.3g} {self.unit} left" if self.left >= 0 else f"broken by {-self.left:.3g} {self.unit}"
        return f"{self.words}: {state}"


@dataclass(frozen=True, slots=True)
class Pick:
    """A named candidate with what breaks first, and in a twin its power against today's."""

    name: str
    trial: Trial
    first: Room
    power: Line | None = None


@dataclass(frozen=True, slots=True)
class Picked:
    """The answer: the picks, the front, who met everything; ``nearest`` where nobody did."""

    picks: tuple[Pick, ...]
    today: Pick
    front: tuple[Trial, ...]
    met: tuple[Trial, ...]
    nearest: Pick | None
    bounds: tuple[Bound, ...]
    days: int = 0


def pick(found: Found, goals: Goals, tidy: Callable[[Trial], Trial] = lambda trial: trial) -> Picked:
    """Choose safest, knee and thriftiest among the candidates that meet every bound; ``tidy`` may put others for the chosen."""
    bounds = (*found.bounds, *_shares(found, goals))
    met = [trial for trial in found.trials if all(meets(trial, bound) for bound in bounds)]
    today = Pick("today", found.today, first_to_break(found.today, bounds))
    if not met:
        missed = {id(one): sum(max(0.0, -b.slack(one.value(b.figure)) / b.scale()) for b in bounds) for one in found.trials}
        best = min(found.trials, key=lambda trial: missed[id(trial)])
        return Picked((), today, (), (), Pick("nearest", best, first_to_break(best, bounds)), bounds)
    front = front_of(met, found.aims)
    chosen = {
        "safest": max(met, key=lambda trial: (round(first_to_break(trial, bounds).share, 3), trial.value("fps"))),
        "knee": knee(front, found.aims),
        "thriftiest": min(met, key=lambda trial: (trial.value("power"), -trial.value("fps"))),
    }
    tidied = {name: tidy(trial) for name, trial in chosen.items()}
    picks = tuple(Pick(name, trial, first_to_break(trial, bounds)) for name, trial in tidied.items())
    return Picked(picks, today, tuple(front), tuple(met), None, bounds)


def verified(
    picked: Picked, twin: Twin, battery_wh: float | None, told: Progress | None = None, jobs: int | None = None
) -> Picked:
    """The same picks with their figures over the twin's days: what was chosen for luck on one day shows on the others."""
    shown = [*picked.picks, *([] if picked.nearest is None else [picked.nearest])]
    today = picked.today.trial
    texts = [(one.name, one.trial.text) for one in shown]
    found = compare(twin, texts, ("today", today.text), battery_wh=battery_wh, progress=told, jobs=jobs)
    again = []
    for one, held in zip(shown, found, strict=True):
        trial = replace(one.trial, figures=held.new.figures)
        power = next(line for line in held.lines if line.figure == "power")
        again.append(Pick(one.name, trial, first_to_break(trial, picked.bounds), power))
    nearest = None if picked.nearest is None else again.pop()
    now = replace(today, figures=found[0].old.figures)
    first = Pick("today", now, first_to_break(now, picked.bounds))
    return replace(picked, today=first, picks=tuple(again), nearest=nearest, days=len(twin.days))


def _shares(found: Found, goals: Goals) -> list[Bound]:
    """A share of the best becomes a bound once the best is known: the best of those that meet the other bounds."""
    made = []
    for figure, share in goals.shares:
        others = [trial for trial in found.trials if all(meets(trial, bound) for bound in found.bounds)] or found.trials
        more = FIGURES[figure][2]
        best = (max if more else min)(trial.value(figure) for trial in others)
        value = best * share if more else best / share
        made.append(Bound(figure, more, value, f"{figure} {share:g} of the best ({best:.3g})"))
    return made


def meets(trial: Trial, bound: Bound) -> bool:
    return bound.slack(trial.value(bound.figure)) >= -1e-9


def front_of(trials: Sequence[Trial], aims: Sequence[Aim]) -> list[Trial]:
    """Those that no other one beats in every aim, ordered along the first."""
    marks = {id(trial): tuple(trial.value(aim.figure) * (1 if aim.most else -1) for aim in aims) for trial in trials}
    kept: list[Trial] = []
    for trial in trials:
        mine = marks[id(trial)]
        beaten = any(all(b >= a for a, b in zip(mine, other, strict=True)) and other != mine for other in marks.values())
        if not beaten and mine not in [marks[id(one)] for one in kept]:
            kept.append(trial)
    return sorted(kept, key=lambda trial: trial.value(aims[0].figure))


def knee(front: Sequence[Trial], aims: Sequence[Aim]) -> Trial:
    """The one that lies furthest above the straight line between the ends of the front, both aims scaled to their span."""
    if len(front) < 3 or len(aims) < 2:
        return front[len(front) // 2]
    spans = []
    for aim in aims[:2]:
        values = [trial.value(aim.figure) for trial in front]
        spans.append((min(values), max(max(values) - min(values), 1e-12), aim))

    def height(trial: Trial) -> float:
        parts = [(trial.value(aim.figure) - low) / span for low, span, aim in spans]
        return sum(part if aim.most else 1 - part for part, (_, _, aim) in zip(parts, spans, strict=True))

    return max(front, key=height)


def first_to_break(trial: Trial, bounds: Sequence[Bound]) -> Room:
    """The bound or limit with the least room, as a part of itself."""
    policy = parse_policy(trial.text)
    rooms = []
    for bound in bounds:
        left = bound.slack(trial.value(bound.figure))
        rooms.append(Room(bound.words, left, FIGURES[bound.figure][0], left / bound.scale()))
    left_k = policy.limit_mc / 1000 - trial.value("hottest")
    rooms.append(Room(f"temperature limit {policy.limit_mc / 1000:g} degC", left_k, "K", left_k / ROOM_K))
    assert trial.figures is not None
    for band, used in trial.figures.account.items():
        limit = policy.max_loss_ppm / 10_000
        rooms.append(Room(f"loss in {band}, at most {limit:g} points", (1 - used) * limit, "points", 1 - used))
    return min(rooms, key=lambda room: room.share)
