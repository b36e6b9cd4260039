"""Which candidates are measured: all of a small space; else today's, a coarse grid, and then what Optuna's TPE proposes.

Candidates are proposed ``BATCH`` at a time with a sampler whose seed is that of the batch, so that the way is the same on any
number of cores, and after a kill, when the measured ones come from the file.
"""

import itertools
import math
from dataclasses import dataclass, field

from adaptd.lab.bench import Progress
from adaptd.lab.tune.goals import Aim, Bound, Goals
from adaptd.lab.tune.knobs import Setting
from adaptd.lab.tune.trials import Lab, Trial
from adaptd.lab.whatif.figures import FIGURES

BATCH = 4
PATIENCE = 24  # candidates in a row that were measured before: the space around the front is used up
USUAL_AIMS = (Aim("power", False), Aim("fps", True))
SLIGHT_S = 60.0


@dataclass(slots=True)
class Found:
    """Every candidate that was measured, today's first, and the bounds that all are held to."""

    today: Trial
    trials: list[Trial]
    bounds: tuple[Bound, ...]
    aims: tuple[Aim, ...]
    exhaustive: bool
    refused: list[Trial] = field(default_factory=list)

    @property
    def measured(self) -> int:
        """How many candidates were tried, those that were refused among them."""
        return len(self.trials) + len(self.refused)


def search(lab: Lab, goals: Goals, *, trials: int, seed: int, told: Progress | None = None) -> Found:
    """Measure up to ``trials`` candidates.

    Raises:
        ConfigError: today's policy itself is refused in this world.
    """
    today = lab.measure([lab.today()])[0]
    assert today.figures is not None, today.refused
    aims = _aims(goals)
    bounds = (*goals.bounds, *_keeps(today))
    found = Found(today, [today], bounds, aims, exhaustive=False)
    size = math.prod(len(knob.values) for knob in lab.knobs)
    if size <= trials:
        found.exhaustive = True
        everything = list(itertools.product(*([(knob.name, value) for value in knob.values] for knob in lab.knobs)))
        for at in range(0, len(everything), BATCH):
            _take(found, lab.measure(everything[at : at + BATCH]), told, trials=size)
        return found
    _guided(lab, found, trials, seed, told)
    return found


def _aims(goals: Goals) -> tuple[Aim, ...]:
    """What the search follows: what was asked for, with power or rate beside a single aim, so that there is a front."""
    asked = list(goals.aims) + [Aim(name, FIGURES[name][2]) for name, _ in goals.shares]
    for usual in USUAL_AIMS:
        if len(asked) < 2 and usual.figure not in {one.figure for one in asked}:
            asked.append(usual)
    return tuple(asked[:2])


def _keeps(today: Trial) -> tuple[Bound, ...]:
    """What is not said and meant: limits are touched no longer than today."""
    most = {figure: max(SLIGHT_S, today.value(figure)) for figure in ("over_limit", "over_budget")}
    return tuple(Bound(figure, False, value, f"{figure}<={value:.0f} (as today)") for figure, value in most.items())


def coarse(lab: Lab) -> list[Setting]:
    """Lowest, middle and highest of the first two knobs with the others as they are, then each other knob's ends."""
    base = dict(lab.today())
    names = [knob.name for knob in lab.knobs]
    ends = {knob.name: sorted({knob.values[0], knob.values[len(knob.values) // 2], knob.values[-1]}) for knob in lab.knobs}
    pairs = itertools.product(*(ends[name] for name in names[:2]))
    combos: list[dict[str, float]] = [dict(zip(names[:2], pair, strict=True)) for pair in pairs]
    combos += [{name: value} for name in names[2:] for value in (ends[name][0], ends[name][-1])]
    settings = [tuple((name, {**base, **combo}[name]) for name in names) for combo in combos]
    return [one for one in dict.fromkeys(settings) if one != lab.today()]


def _guided(lab: Lab, found: Found, trials: int, seed: int, told: Progress | None) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spaces = {knob.name: optuna.distributions.IntDistribution(0, len(knob.values) - 1) for knob in lab.knobs}
    study = optuna.create_study(directions=["maximize" if aim.most else "minimize" for aim in found.aims])
    first = coarse(lab)
    for setting in [lab.today(), *first][:trials]:
        study.enqueue_trial({knob.name: knob.values.index(value) for knob, (_, value) in zip(lab.knobs, setting, strict=True)})
    stale = number = 0
    while found.measured < trials + 1 and stale < PATIENCE:
        study.sampler = optuna.samplers.TPESampler(
            seed=seed * 10_007 + number, multivariate=True, n_startup_trials=0, constant_liar=True
        )
        asked = [study.ask(spaces) for _ in range(min(BATCH, trials + 1 - found.measured))]
        settings: list[Setting] = [tuple((knob.name, knob.values[one.params[knob.name]]) for knob in lab.knobs) for one in asked]
        before, measured = found.measured, lab.measure(settings)
        _take(found, measured, told, trials=trials)
        stale = 0 if found.measured > before else stale + BATCH
        for one, trial in zip(asked, measured, strict=True):
            if trial.figures is None:
                study.tell(one, state=optuna.trial.TrialState.FAIL)
                continue
            for at, bound in enumerate(found.bounds):
                one.set_constraint(f"bound{at}", -bound.slack(trial.value(bound.figure)) / bound.scale())
            study.tell(one, [trial.value(aim.figure) for aim in found.aims])
        number += 1


def _take(found: Found, measured: list[Trial], told: Progress | None, *, trials: int) -> None:
    known = {trial.setting for trial in (*found.trials, *found.refused)}
    for trial in measured:
        if trial.setting in known:
            continue
        known.add(trial.setting)
        (found.refused if trial.figures is None else found.trials).append(trial)
    if told is not None:
        told(min(trials, found.measured), trials)


SAME = 0.002  # figures within a fifth of a per cent are the same


def simplify(lab: Lab, found: Found, trial: Trial) -> Trial:
    """The candidate with every knob back at today's whose turning brings nothing: a patch says no more than it must."""
    assert trial.figures is not None
    for at, knob in enumerate(lab.knobs):
        if trial.setting[at][1] == knob.today:
            continue
        setting = (*trial.setting[:at], (knob.name, knob.today), *trial.setting[at + 1 :])
        other = lab.measure([setting])[0]
        if other.figures is not None and _as_good(other, trial, found):
            trial = other
    return trial


def _as_good(other: Trial, trial: Trial, found: Found) -> bool:
    """Whether ``other`` is no worse than ``trial`` in any aim or bound, a hair apart."""
    for aim in found.aims:
        gain = (other.value(aim.figure) - trial.value(aim.figure)) * (1 if aim.most else -1)
        if gain < -SAME * abs(trial.value(aim.figure)):
            return False
    for bound in found.bounds:
        slack = bound.slack(other.value(bound.figure))
        if slack < 0 and slack < bound.slack(trial.value(bound.figure)):
            return False
    return True
