"""Where the regret of an episode comes from.

``proof`` is what the best schedule costs more when it may serve an efficient variant only while the controller had proven it in
its light band, and ``shadows`` what it costs more still when its frames fall under the coin that the controller had to toss: the
same evidence rules for both. A shadow frame takes room under a limit as well as energy. Of the rest, which is the regret against
that oracle, what goes away without the faults of the episode is ``faults``, what then goes away without a power budget is
``budget``, and what is left is ``heat``, together with what estimates cost everywhere.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from adaptd.lab.episode import Episode, run
from adaptd.lab.harness import Choice
from adaptd.lab.oracle import Oracle, solve
from adaptd.lab.score import Result
from adaptd.lab.timeline import Array
from adaptd.twin.device import TwinDevice
from adaptd.twin.words import PPM
from adaptd.twin.work import beside_uj, true_work
from adaptd.twin.worker import Tick
from adaptd.vocabulary import Snapshot

UNPROVEN = ("account_open", "scene_clear", "light_known")


@dataclass(frozen=True, slots=True)
class Split:
    """Parts of the oracle's energy; they add up to ``total``. ``proven`` is the regret against an oracle that must prove too."""

    total: float
    proof: float
    shadows: float
    faults: float
    budget: float
    heat: float

    @property
    def proven(self) -> float:
        """Everything but proof and shadows."""
        return self.faults + self.budget + self.heat


class Evidence:
    """Watches a run: in which ticks each efficient variant was refused for want of proof, and the coin under which each served.

    An efficient variant that might have served a tick and did not would have tossed the coin it tossed last.
    """

    def __init__(self, episode: Episode) -> None:
        self._episode = episode
        self._work = true_work(episode.scenario, episode.facts)
        self._names = tuple(name for name in (episode.policy.reference, *episode.policy.efficient) if name in self._work)
        self._rows: list[list[float]] = []
        self._beside_j: list[list[float]] = []
        self._coins = dict.fromkeys(self._names, 0.0)

    def __call__(self, device: TwinDevice, snapshot: Snapshot, choice: Choice, tick: Tick) -> None:
        """One tick."""
        shut = {one.point.variant for one in getattr(choice, "refused", ()) if one.condition in UNPROVEN}
        self._rows.append([0.0 if name in shut else 1.0 for name in self._names])
        slow = device.world.slow_ppm(snapshot.now_us) / PPM
        policy, served = self._episode.policy, tick.telemetry.point.variant
        self._coins[policy.reference] = 0.0
        self._coins[served] = choice.shadow_ppm / PPM
        self._beside_j.append([self._coins[name] * beside_uj(self._work, policy, name) * slow / 1e6 for name in self._names])

    @property
    def allowed(self) -> Array:
        """0 where a variant was refused for want of proof, one row a tick, the variants in the oracle's order."""
        return np.array(self._rows)

    @property
    def beside_j(self) -> Array:
        """What shadow frames cost more, in joules a frame served, one row a tick, the variants in the oracle's order."""
        return np.array(self._beside_j)


def split(episode: Episode, controller: str = "adaptd", grid: int = 400) -> tuple[Split, Result]:
    """The regret of one episode in parts, and its result."""
    (total, proof, shadows, rest), result = _parts(episode, controller, grid)
    sound = replace(episode, scenario=replace(episode.scenario, faults=(), restarts_us=()))
    without_faults = rest if sound.scenario == episode.scenario else _parts(sound, controller, grid)[0][3]
    without_budget = _parts(_free(sound), controller, grid)[0][3] if _has_budget(sound) else without_faults
    return Split(total, proof, shadows, rest - without_faults, without_faults - without_budget, without_budget), result


def _parts(episode: Episode, controller: str, grid: int) -> tuple[tuple[float, float, float, float], Result]:
    seen = Evidence(episode)
    result = run(episode, controller, seen)
    best = solve(episode.scenario, episode.policy, episode.profile, episode.facts, grid=grid)
    proof, shadows, rest = beside(best, episode, result, seen, grid)
    return (proof + shadows + rest, proof, shadows, rest), result


def beside(best: Oracle, episode: Episode, result: Result, seen: Evidence, grid: int) -> tuple[float, float, float]:
    """The regret beside ``best`` in parts of its energy: of proof, of shadow frames, and what is left beside an oracle that must
    prove as the one who was ``seen`` had to."""
    words = (episode.scenario, episode.policy, episode.profile, episode.facts)
    proven = solve(*words, grid=grid, admitted=seen.allowed)
    proving = solve(*words, grid=grid, admitted=seen.allowed, shadows_j=seen.beside_j)
    costs_j = best.cost_j, proven.cost_j, proving.cost_j, result.cost_uj / 1e6
    proof, shadows, rest = [(more - less) / best.energy_j for less, more in pairwise(costs_j)]
    return proof, shadows, rest


def _has_budget(episode: Episode) -> bool:
    return episode.policy.budget_mw is not None or any(value is not None for _, value in episode.scenario.budget_mw)


def _free(episode: Episode) -> Episode:
    policy = replace(episode.policy, budget_mw=None, peak_mw=None, budget_window_us=0)
    return replace(episode, policy=policy, scenario=replace(episode.scenario, budget_mw=((0, None),)))
