"""The whole truth of an episode as arrays, one row a tick: what the oracle knows and no controller does."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.twin.device import TwinDevice
from adaptd.twin.words import PPM, Scenario
from adaptd.twin.work import pace_of, true_work
from adaptd.twin.worker import is_down
from adaptd.twin.world import Disagreement, TrueLight
from adaptd.vocabulary import VariantFacts

Array = NDArray[np.float64]


@dataclass(slots=True)
class TrueTimeline:
    """Arrays over ticks k (and variants v): watts, frames a second, degrees Celsius.

    ``reach_fps[k, v]`` is the most that the engine can compute (0 where it may not serve), ``late[k, v]`` the share of it that is
    too late, ``frame_j[k, v]`` the energy of a frame above passive. ``heat_k[i]`` and ``keep[i]`` are a pole's rise a watt and
    what it keeps of it over one tick. ``ambient_c[k]`` is that of the tick's end; ``rise_k[i]`` is the rise at the start.
    """

    dt_s: float
    names: tuple[str, ...]
    passive_w: Array
    budget_w: Array
    ambient_c: Array
    reach_fps: Array
    late: Array
    frame_j: Array
    heat_k: Array
    keep: Array
    rise_k: Array

    @property
    def ticks(self) -> int:
        """How many."""
        return len(self.passive_w)

    def temperatures(self, power_w: Array) -> Array:
        """The temperature at the end of every tick under these watts."""
        rises = [list(_filter(power_w * r * (1 - a), a, x)) for r, a, x in zip(self.heat_k, self.keep, self.rise_k, strict=True)]
        return np.asarray(self.ambient_c + np.sum(np.array(rises), axis=0), dtype=np.float64)


def _filter(drive: Array, keep: float, start: float) -> Array:
    """x[k] = keep x[k-1] + drive[k]."""
    from scipy.signal import lfilter

    out, _ = lfilter([1.0], [1.0, -keep], drive, zi=[keep * start])
    return np.asarray(out, dtype=np.float64)


def timeline(
    scenario: Scenario, policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...], variants: tuple[str, ...]
) -> TrueTimeline:
    """The truth of every tick, for the variants named."""
    device = TwinDevice(scenario, profile)
    world, ticks, dt_us = device.world, scenario.ticks, scenario.tick_us
    times = [k * dt_us for k in range(ticks)]
    slow = [world.slow_ppm(t) for t in times]
    allowed = _allowed(scenario, policy, variants, times, [world.light_mlx(t) for t in times])
    engines = {value: _engines(scenario, policy, facts, variants, value) for value in set(slow)}
    table = np.array([engines[value] for value in slow])
    policy_w = float("inf") if policy.budget_mw is None else policy.budget_mw / 1000
    budgets = [world.budget_mw(t) for t in times]
    return TrueTimeline(
        dt_s=dt_us / 1e6,
        names=variants,
        passive_w=np.array([(device.idle_mw + world.other_mw(t)) / 1000 for t in times]),
        budget_w=np.array([policy_w if mw is None else mw / 1000 for mw in budgets]),
        ambient_c=np.array([world.ambient_mc(t + dt_us) / 1000 for t in times]),
        reach_fps=table[:, :, 0] * allowed,
        late=table[:, :, 1],
        frame_j=table[:, :, 2],
        heat_k=np.array(device.thermal.r_k_per_w),
        keep=np.exp(-dt_us / 1e6 / np.array(device.thermal.tau_s)),
        rise_k=np.array(device.thermal.rise_k),
    )


def _engines(
    scenario: Scenario, policy: Policy, facts: tuple[VariantFacts, ...], variants: tuple[str, ...], slow_ppm: float
) -> list[tuple[float, float, float]]:
    """Reach, late share and energy of a frame of each variant under this contention."""
    work, slow, noise = true_work(scenario, facts), slow_ppm / PPM, scenario.truth.noise_latency_ppm / PPM
    rows = []
    for name in variants:
        pace = pace_of(work[name].latency_us * slow, 0.0, max(policy.grid_mfps) / 1000, policy.deadline_us, noise)
        rows.append((pace.executed_fps, pace.late, work[name].energy_uj / 1e6 * slow))
    return rows


def _allowed(scenario: Scenario, policy: Policy, variants: tuple[str, ...], times: list[int], lights: list[float]) -> Array:
    """1 where the variant may serve: worker up, engine sound, and frames that keep the accuracy promise."""
    truth, seen, limit_ppm = Disagreement(scenario), TrueLight(scenario, policy), policy.max_loss_ppm
    garbage = {fault.target: fault.from_us for fault in scenario.faults if fault.engine and fault.kind == "garbage"}
    allowed = np.ones((len(times), len(variants)))
    broken = any(fault.engine for fault in scenario.faults)
    for k, (t_us, light) in enumerate(zip(times, lights, strict=True)):
        seen.follow(light)
        down = broken and is_down(scenario.faults, t_us)
        for v, name in enumerate(variants):
            reference = name == policy.reference
            sound = t_us < garbage.get(name, t_us + 1)
            if down or not (reference or (sound and truth.affordable(seen.truth.inside, name, t_us, limit_ppm))):
                allowed[k, v] = 0.0
    return allowed
