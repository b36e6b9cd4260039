"""Where the regret of an episode comes from.

``proof`` is what the best schedule costs more when it may serve an efficient variant only while the controller had proven it in
its light band: the same evidence rules for both. ``shadows`` is the energy of the frames that were run twice. Of the rest, what
goes away without the faults of the episode is ``faults``, what then goes away without a power budget is ``budget``, and what is
left is ``heat``, together with what estimates cost everywhere.
"""

from dataclasses import dataclass, replace

import numpy as np

from adaptd.lab.episode import Episode, run
from adaptd.lab.harness import Choice
from adaptd.lab.oracle import solve
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
    """Watches a run: in which ticks each efficient variant was refused for want of proof, and what shadow frames cost."""

    def __init__(self, episode: Episode) -> None:
        self._episode = episode
        self._work = true_work(episode.scenario, episode.facts)
        self._names = tuple(name for name in (episode.policy.reference, *episode.policy.efficient) if name in self._work)
        self._rows: list[list[float]] = []
        self.shadow_uj = 0.0

    def __call__(self, device: TwinDevice, snapshot: Snapshot, choice: Choice, tick: Tick) -> None:
        """One tick."""
        shut = {one.point.variant for one in getattr(choice, "refused", ()) if one.condition in UNPROVEN}
        self._rows.append([0.0 if name in shut else 1.0 for name in self._names])
        slow = device.world.slow_ppm(snapshot.now_us) / PPM
        self.shadow_uj += tick.shadowed * beside_uj(self._work, self._episode.policy, tick.telemetry.point.variant) * slow

    @property
    def allowed(self) -> Array:
        """0 where a variant was refused for want of proof, one row a tick, the variants in the oracle's order."""
        return np.array(self._rows)


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
    words = (episode.scenario, episode.policy, episode.profile, episode.facts)
    oracle, proving = solve(*words, grid=grid), solve(*words, grid=grid, admitted=seen.allowed)
    total = (result.cost_uj / 1e6 - oracle.cost_j) / oracle.energy_j
    proof, shadows = (proving.cost_j - oracle.cost_j) / oracle.energy_j, seen.shadow_uj / 1e6 / oracle.energy_j
    return (total, proof, shadows, total - proof - shadows), result


def _has_budget(episode: Episode) -> bool:
    return episode.policy.budget_mw is not None or any(value is not None for _, value in episode.scenario.budget_mw)


def _free(episode: Episode) -> Episode:
    policy = replace(episode.policy, budget_mw=None, peak_mw=None, budget_window_us=0)
    return replace(episode, policy=policy, scenario=replace(episode.scenario, budget_mw=((0, None),)))
