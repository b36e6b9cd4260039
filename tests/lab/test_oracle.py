"""The oracle's cost is a lower bound: proved by duality, checked by solvers, by brute force and by every controller there is."""

from dataclasses import replace
from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from adaptd.lab.bounds import SLACK_W, Bounds, bounds_of
from adaptd.lab.controllers import ONLINE, make
from adaptd.lab.controllers.baselines import LabSetpoint
from adaptd.lab.episode import Episode
from adaptd.lab.harness import Choice, simulate
from adaptd.lab.oracle import Oracle, dual_value, solve
from adaptd.lab.randomised import random_episode
from adaptd.lab.score import Result
from adaptd.lab.share import best_shares
from adaptd.lab.timeline import TrueTimeline, timeline
from adaptd.twin.device import TwinDevice
from adaptd.twin.worker import Tick
from adaptd.vocabulary import OperatingPoint, Snapshot
from tests.twin.worlds import FULL, Script, episode, policy

HOT = ((0, 74_000), (600_000_000, 78_000))


def _oracle(world: Episode, **options: Any) -> Oracle:
    return solve(world.scenario, world.policy, world.profile, world.facts, **options)


def _line(world: Episode) -> tuple[TrueTimeline, Bounds]:
    line = timeline(world.scenario, world.policy, world.profile, world.facts, ("fp16", "int8"))
    return line, bounds_of(line, world.policy)


def _short(seed: int, number: int, seconds: int = 900) -> Episode:
    """The middle of a random hour."""
    world = random_episode(seed, number)
    scenario = world.scenario
    shift = 1_500_000_000
    moved = {
        key: tuple((max(0, t - shift), value) for t, value in getattr(scenario, key))
        for key in ("ambient_mc", "light_mlx", "other_load_mw", "budget_mw", "slow_down_ppm")
    }
    return replace(world, scenario=replace(scenario, duration_us=seconds * 1_000_000, **moved))


class _Feasible(Script):
    """Plays points at random and breaks nothing: it is shown the truth, and refuses what would pass a limit in this tick."""

    name = "feasible"

    def __init__(self, world: Episode, seed: int, greed: float) -> None:
        super().__init__(FULL)
        self._world, self._random, self._greed = world, Random(seed), greed
        line = timeline(world.scenario, world.policy, world.profile, world.facts, tuple(fact.name for fact in world.facts))
        self._line, self._limits = line, bounds_of(line, world.policy)
        self._rise, self._at = line.rise_k.copy(), 0
        self._levels = [level for level in world.policy.levels_mfps if level <= world.policy.target_mfps]

    def decide(self, snapshot: Snapshot) -> Any:
        """A random point among those that are safe; the best of them with a chance of ``greed``."""
        line, k = self._line, self._at
        safe = [(point, watts) for point, watts in self._points_now(k) if self._fits(k, watts)]
        point, watts = max(safe, key=lambda one: one[1]) if self._random.random() < self._greed else self._random.choice(safe)
        heat = line.heat_k * (1 - line.keep)
        self._rise = self._rise * line.keep + heat * (line.passive_w[k] + watts)
        self._at += 1
        return LabSetpoint(point)

    def _points_now(self, k: int) -> list[tuple[OperatingPoint, float]]:
        line = self._line
        points = [(OperatingPoint(self._world.policy.reference, 0), 0.0)]
        for v, name in enumerate(line.names):
            reach = line.reach_fps[k, v]
            if reach > 0:
                points += [(OperatingPoint(name, at), min(reach, at / 1000) * line.frame_j[k, v]) for at in self._levels]
        return points

    def _fits(self, k: int, watts: float) -> bool:
        line, limits = self._line, self._limits
        heat = line.heat_k * (1 - line.keep)
        after = self._rise * line.keep + heat * (line.passive_w[k] + watts)
        cool = line.ambient_c[k] + after.sum() <= limits.cap_c[k]
        within = line.passive_w[k] + watts <= line.budget_w[k]
        return watts == 0 or (within and bool(cool or limits.lost[k]) and limits.ceiling_fps[k] > 0)


def _words(world: Episode) -> tuple[Any, Any, Any, Any]:
    return world.scenario, world.policy, world.profile, world.facts


def _faultless(result: Result) -> bool:
    over = result.over_limit_us + result.budget_over_us + result.over_critical_us
    return over == 0 and result.unproven_frames == 0


@pytest.mark.parametrize("number", range(12))
def test_nobody_beats_the_oracle_in_a_random_episode(number: int) -> None:
    """Any controller that breaks no limit costs at least the bound; so do players that are shown the truth."""
    world = _short(11, number)
    oracle = _oracle(world, grid=150)
    names = ONLINE if number % 3 == 0 else ("adaptd",)
    players: list[Any] = [make(name, world.scenario, world.policy, world.profile, world.facts) for name in names]
    players += [_Feasible(world, number, greed) for greed in (0.0, 0.9, 1.0)]
    judged = 0
    for player in players:
        result = simulate(world.scenario, world.policy, world.profile, world.facts, player)
        if _faultless(result):
            judged += 1
            assert result.cost_uj / 1e6 >= oracle.cost_j - 1e-6 * oracle.energy_j, player.name
    assert judged >= 3


def test_a_greedy_player_comes_close_to_the_bound_in_the_heat() -> None:
    """The bound is not only low, it is tight: a schedule that keeps every limit costs within 0.1 % of it."""
    world = episode(ambient_mc=HOT, duration_us=1_200_000_000)
    oracle = _oracle(world)
    assert oracle.heat_binds
    assert 0 <= oracle.gap < 0.001


def test_halving_the_grid_moves_the_bound_by_less_than_a_thousandth() -> None:
    """What the coarse grid of blocks costs in sharpness is reported, and small."""
    oracle = _oracle(episode(ambient_mc=HOT, duration_us=3_600_000_000), grid=800)
    assert oracle.grid_gap < 0.001
    coarse = _oracle(episode(ambient_mc=HOT, duration_us=3_600_000_000), grid=100)
    assert coarse.cost_j <= oracle.cost_j + 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_any_prices_prove_a_bound(seed: int) -> None:
    """Weak duality: whatever the prices, the dual value stays below the cost of a schedule that keeps every limit."""
    world = episode(ambient_mc=HOT, duration_us=300_000_000)
    line, limits = _line(world)
    passive_j = float(line.passive_w.sum()) * line.dt_s
    generator = np.random.default_rng(seed)
    prices = generator.exponential(10.0 ** generator.uniform(-3, 1), line.ticks) * (generator.random(line.ticks) < 0.3)
    assert dual_value(line, limits, prices) + passive_j <= _oracle(world).reached_j + 1e-6


def test_the_bound_is_that_of_the_whole_programme_on_a_small_case() -> None:
    """On 60 ticks the bound equals the optimum of the full linear programme with every tick a block of its own."""
    world = episode(ambient_mc=((0, 77_300),), duration_us=60_000_000, start_mc=84_000)
    line, limits = _line(world)
    ticks, count = limits.power_w.shape
    heat = line.heat_k * (1 - line.keep)
    response = np.array([float((heat * line.keep**n).sum()) for n in range(ticks)])
    warm = np.zeros((ticks, ticks * count))
    for m, k in product(range(ticks), range(ticks)):
        if k <= m:
            warm[m, k * count : (k + 1) * count] = response[m - k] * limits.power_w[k]
    sums = np.kron(np.eye(ticks), np.ones(count))
    cost = (line.dt_s * (limits.power_w - limits.worth_w)).ravel()
    floor = -np.kron(np.eye(ticks), np.ones(count)) * limits.fps.ravel()
    found = linprog(
        cost,
        A_ub=np.vstack([warm, sums, floor]),
        b_ub=np.concatenate([limits.cap_c - limits.pause_c, np.ones(ticks), -limits.floor_fps]),
        bounds=(0, 1),
    )
    whole = found.fun + float(line.passive_w.sum()) * line.dt_s
    oracle = _oracle(world, grid=60)
    assert oracle.heat_binds
    assert oracle.cost_j <= whole + 1e-6
    assert oracle.cost_j == pytest.approx(whole, abs=2e-4 * oracle.energy_j)


def test_the_inner_problem_is_solved_exactly() -> None:
    """Per tick the vertex search finds what a linear programming solver finds, with floors and ceilings at random."""
    world = episode(duration_us=40_000_000)
    line, limits = _line(world)
    source = np.random.default_rng(4)
    limits.floor_fps = source.uniform(0, 14, line.ticks)
    limits.ceiling_fps = np.where(source.random(line.ticks) < 0.3, limits.floor_fps + 1, np.inf)
    prices = source.uniform(-1, 8, line.ticks)
    shares, best = best_shares(line.dt_s, limits, prices)
    for k in range(line.ticks):
        cost = line.dt_s * (limits.power_w[k] - limits.worth_w[k]) + prices[k] * limits.power_w[k]
        ceiling = min(limits.ceiling_fps[k], 1e6)
        found = linprog(
            cost, A_ub=[[1, 1], -limits.fps[k], limits.fps[k]], b_ub=[1, -limits.floor_fps[k], ceiling], bounds=(0, 1)
        )
        assert best[k] == pytest.approx(found.fun, abs=1e-6)
        assert shares[k] @ cost == pytest.approx(best[k], abs=1e-9)


def test_the_oracle_never_serves_where_it_would_break_the_accuracy_promise() -> None:
    """In the dark, where INT8 truly loses 3 %, the best schedule is the reference's."""
    dark = _oracle(episode(light_mlx=((0, 1_000),)))
    assert dark.efficient_share == 0
    assert _oracle(episode()).efficient_share == pytest.approx(1.0)


def test_the_oracle_has_no_frames_while_the_worker_is_down() -> None:
    """A crash costs everyone the same two seconds."""
    from adaptd.twin.words import StagedFault

    crash = StagedFault("int8", "crash", 10_000_000, 10_000_000, engine=True)
    assert _oracle(episode(faults=(crash,))).delivered == pytest.approx(15 * 598)


def test_a_limit_out_of_reach_is_nobodys_fault() -> None:
    """Air hotter than the limit: protect_device serves nothing, and the time over the limit is the oracle's too."""
    oracle = _oracle(episode(ambient_mc=((0, 90_000),)))
    assert oracle.over_limit_s == 600
    assert oracle.delivered == 0


def test_protect_service_keeps_the_floor_up_to_critical() -> None:
    """Where the floor does not keep the limit, protect_service serves the floor and no more; past critical it pauses."""
    rules = policy(on_conflict="protect_service")
    warm = _oracle(episode(rules=rules, ambient_mc=((0, 80_000),)))
    assert warm.delivered == pytest.approx(5 * 600, rel=0.01)
    assert warm.over_critical_s == 0
    hot = _oracle(episode(rules=rules, ambient_mc=((0, 89_500),)))
    assert hot.delivered == 0


def test_an_outside_budget_leaves_the_levels_that_fit_it() -> None:
    """With 0.9 W above idle INT8 serves 8 fps and not 9: a controller holds one level for a tick, and so does the oracle."""
    levels = policy(levels_mfps=(5_000, 8_000, 10_000, 15_000))
    world = episode(rules=levels)
    budget = world.profile.idle_power_mw + 900
    tight = _oracle(episode(rules=levels, budget_mw=((0, budget),)))
    assert tight.budget_binds
    assert tight.delivered == pytest.approx(8 * 600)
    result = simulate(*_words(episode(rules=levels, budget_mw=((0, budget),))), Script(OperatingPoint("int8", 8_000)))
    assert result.cost_uj / 1e6 == pytest.approx(tight.cost_j, rel=1e-9)
    assert result.budget_over_us == 0
    free = _oracle(episode(budget_mw=((0, budget),)))
    assert free.delivered == pytest.approx(tight.delivered * 9.005 / 8, rel=0.001), "any rate is served where no levels are named"


def test_the_vertex_is_the_best_point_under_every_budget() -> None:
    """Whatever the budget, no level of any variant that fits it is worth more for its watts than vertex and pause mixed."""
    rules = policy(levels_mfps=(3_000, 5_000, 8_000, 10_000, 15_000, 24_000))
    world = episode(rules=rules, noise_latency_ppm=200_000, slow_down_ppm=((0, 1_000_000), (600_000_000, 4_000_000)))
    budgets = tuple((n * 10_000_000, world.profile.idle_power_mw + 60 * n) for n in range(60))
    world = episode(
        rules=rules, noise_latency_ppm=200_000, slow_down_ppm=((0, 1_000_000), (600_000_000, 4_000_000)), budget_mw=budgets
    )
    line, limits = _line(world)
    value, target = rules.frame_value_uj / 1e6, rules.target_mfps / 1000
    for k, (v, mfps) in product(range(0, line.ticks, 7), product(range(2), rules.levels_mfps)):
        fps = min(mfps / 1000, line.reach_fps[k, v])
        watts, worth = fps * line.frame_j[k, v], min(fps * (1 - line.late[k, v]), target) * value
        if line.passive_w[k] + watts <= line.budget_w[k]:
            part = min(1.0, watts / limits.power_w[k, v])
            assert part * limits.worth_w[k, v] >= worth - 1e-9


def test_reference_alone_is_never_cheaper() -> None:
    """Fewer variants, no lower cost."""
    world = episode(ambient_mc=HOT)
    assert _oracle(world, variants=("fp16",)).cost_j >= _oracle(world).cost_j


def test_shadow_frames_take_room_under_a_budget_from_who_must_prove() -> None:
    """At 0.9 W above idle a coin of a half takes frames from the oracle too: what is left is 0.9 W over the energy of a frame and
    half of one of the reference. Taking off the energy alone would leave all 9 fps."""
    world = episode(budget_mw=((0, episode().profile.idle_power_mw + 900),))
    alone = _oracle(world, variants=("fp16", "int8"))
    line, _ = _line(world)
    coin = np.column_stack([np.zeros(line.ticks), 0.5 * line.frame_j[:, 0]])
    proving = _oracle(world, variants=("fp16", "int8"), shadows_j=coin)
    room_w = 0.9 + SLACK_W
    best_fps = max(room_w / line.frame_j[0, 0], room_w / (line.frame_j[0, 1] + coin[0, 1]))
    assert proving.delivered == pytest.approx(best_fps * 600, rel=0.001)
    assert proving.delivered < alone.delivered * 0.9
    assert proving.cost_j > alone.cost_j + 0.5 * line.frame_j[0, 0] * 10


def test_the_score_of_a_schedule_is_the_harnesss() -> None:
    """The oracle's arithmetic and the harness's agree: a controller that plays the best point in the cool costs the bound."""
    world = episode()
    result = simulate(world.scenario, world.policy, world.profile, world.facts, Script(OperatingPoint("int8", 15_000)))
    assert result.cost_uj / 1e6 == pytest.approx(_oracle(world).cost_j, rel=1e-9)


def test_the_timelines_temperatures_are_the_devices() -> None:
    """The vectorised thermal model and the device that controllers live on give the same temperatures."""
    world = episode(ambient_mc=HOT, r_scale_ppm=1_200_000, start_mc=80_000)
    line, _ = _line(world)
    seen: list[float] = []

    def watch(device: TwinDevice, snapshot: Snapshot, choice: Choice, tick: Tick) -> None:
        del snapshot, choice, tick
        seen.append(device.temperature_mc / 1000)

    simulate(world.scenario, world.policy, world.profile, world.facts, Script(FULL), watch)
    assert np.allclose(line.temperatures(line.passive_w + 15 * 0.2), seen, atol=1e-9)
