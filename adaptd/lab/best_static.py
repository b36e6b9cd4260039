"""The best single operating point in hindsight: all are tried on the known truth, limits respected where any of them does."""

from dataclasses import dataclass

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.lab.controllers.baselines import Static
from adaptd.lab.harness import simulate
from adaptd.lab.score import Result
from adaptd.twin.words import PPM, Scenario
from adaptd.twin.work import pace_of, true_work
from adaptd.twin.world import World
from adaptd.vocabulary import OperatingPoint, VariantFacts


@dataclass(frozen=True, slots=True)
class Trial:
    """One point over the whole episode: ticks in which it breaks a promise, and cost in joules."""

    point: OperatingPoint
    broken: int
    cost_j: float


def best_static(scenario: Scenario, policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> Result:
    """The score of the point that breaks least and then costs least."""
    trials = try_all(scenario, policy, profile, facts)
    best = min(trials, key=lambda trial: (trial.broken, trial.cost_j))
    return simulate(scenario, policy, profile, facts, Static("best-static", best.point))


def try_all(scenario: Scenario, policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> tuple[Trial, ...]:
    """Every variant at every level from the floor up."""
    import numpy as np

    from adaptd.lab.bounds import SLACK_K, SLACK_W
    from adaptd.lab.timeline import timeline

    names = tuple(fact.name for fact in facts)
    line = timeline(scenario, policy, profile, facts, names)
    world, work = World(scenario), true_work(scenario, facts)
    slow = [world.slow_ppm(k * scenario.tick_us) / PPM for k in range(line.ticks)]
    noise = scenario.truth.noise_latency_ppm / PPM
    trials = []
    for v, name in enumerate(names):
        sound = line.reach_fps[:, v] > 0
        for mfps in policy.grid_mfps:
            if mfps < policy.floor_mfps:
                continue
            rows = {s: pace_of(work[name].latency_us * s, 0.0, mfps / 1000, policy.deadline_us, noise) for s in set(slow)}
            fps = np.array([rows[s].executed_fps for s in slow])
            on_time = np.array([rows[s].executed_fps * (1 - rows[s].late) for s in slow])
            watts = line.passive_w + fps * np.array(slow) * work[name].energy_uj / 1e6
            worth = np.minimum(on_time, policy.target_mfps / 1000) * policy.frame_value_uj / 1e6
            hot = line.temperatures(watts) > policy.limit_mc / 1000 + SLACK_K
            broken = hot | (watts > line.budget_w + SLACK_W) | (~sound if name != policy.reference else False)
            trials.append(Trial(OperatingPoint(name, mfps), int(broken.sum()), float((watts - worth).sum()) * line.dt_s))
    return tuple(trials)
