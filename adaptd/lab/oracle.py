"""The oracle: the least cost that anyone could reach who knew the truth and the whole future.

Its cost is a proven lower bound. With every tick free to mix the points that fit its budget, power is linear in the shares s and
temperature is linear in power, so the best schedule is a linear programme. For any prices lambda_m >= 0 on the temperature
limits, weak duality (Boyd and Vandenberghe, Convex Optimization, section 5.1.3) says

    cost >= sum_k min_s [dt (power_k - worth_k) + price_k power_k] - sum_m lambda_m (cap_m - T_m at no load),
    price_k = sum_{m >= k} lambda_m h_{m-k},      h_n = sum_i r_i (1 - a_i) a_i^n,     a_i = e^(-dt / tau_i)

and the right side is computed exactly, tick by tick. Nothing in the proof rests on a solver: HiGHS only suggests good prices,
from the same problem over blocks of ticks. A finer grid gives better prices; what halving it moves is reported, and so is the
cost of a schedule that keeps every limit, between which and the bound the true optimum lies.
"""

from dataclasses import dataclass

import numpy as np

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.lab.blocks import block_prices
from adaptd.lab.bounds import SLACK_K, SLACK_W, Bounds, bounds_of
from adaptd.lab.score import Result
from adaptd.lab.share import best_shares
from adaptd.lab.timeline import Array, TrueTimeline, timeline
from adaptd.twin.words import Scenario
from adaptd.vocabulary import VariantFacts

GRID = 1500
HOT_K = 1e-6


class OracleError(Exception):
    """The bound cannot be computed; one line with the remedy."""


@dataclass(slots=True)
class Oracle:
    """The bound and the schedule that comes closest to it, in joules.

    ``cost_j`` is the proven lower bound; ``coarse_j`` the bound from half as many blocks; ``reached_j`` the cost of a schedule
    that keeps every limit, so that the true optimum lies between ``cost_j`` and ``reached_j``.
    """

    scenario: str
    cost_j: float
    coarse_j: float
    reached_j: float
    energy_j: float
    delivered: float
    late: float
    target: float
    over_limit_s: float
    over_critical_s: float
    budget_over_s: float
    heat_binds: bool
    budget_binds: bool
    efficient_share: float

    @property
    def grid_gap(self) -> float:
        """What halving the blocks moved the bound, as a part of the energy."""
        return abs(self.cost_j - self.coarse_j) / self.energy_j

    @property
    def gap(self) -> float:
        """How far the bound can be from the true optimum at most, as a part of the energy."""
        return (self.reached_j - self.cost_j) / self.energy_j

    def result(self) -> Result:
        """The oracle as a row among the controllers."""
        return Result(
            "oracle",
            self.scenario,
            energy_uj=self.energy_j * 1e6,
            worth_uj=(self.energy_j - self.cost_j) * 1e6,
            frames_target=self.target,
            frames_delivered=self.delivered,
            deadline_misses=self.late,
            over_limit_us=round(self.over_limit_s * 1e6),
            over_critical_us=round(self.over_critical_s * 1e6),
            budget_over_us=round(self.budget_over_s * 1e6),
        )


def solve(
    scenario: Scenario,
    policy: Policy,
    profile: HardwareProfile,
    facts: tuple[VariantFacts, ...],
    *,
    variants: tuple[str, ...] | None = None,
    grid: int = GRID,
    admitted: Array | None = None,
    shadows_j: Array | None = None,
) -> Oracle:
    """The bound over all variants of the policy, or those named (the reference alone: the best reference-only schedule).

    ``admitted`` [tick, variant] is 0 where a variant may not serve although it keeps the promise; ``shadows_j`` is what its
    shadow frames cost more, in joules a frame served.

    Raises:
        OracleError: SciPy is not installed.
    """
    try:
        import scipy.optimize  # noqa: F401
    except ImportError:
        raise OracleError("oracle: SciPy is not installed, run: pip install 'adaptd[twin]'") from None
    names = variants or tuple(name for name in (policy.reference, *policy.efficient) if name in {fact.name for fact in facts})
    line = timeline(scenario, policy, profile, facts, names)
    if admitted is not None:
        line.reach_fps *= admitted
    if shadows_j is not None:
        line.frame_j += shadows_j
    limits = bounds_of(line, policy)
    shares, free = best_shares(line.dt_s, limits, np.zeros(line.ticks))
    warm = line.temperatures(line.passive_w + _watts(limits, shares))
    passive_j = float(line.passive_w.sum()) * line.dt_s
    heat_binds = bool((warm > limits.cap_c + HOT_K)[~limits.lost].any())
    cost = coarse = float(free.sum()) + passive_j
    if heat_binds:
        coarse, _ = _bound(line, limits, max(8, grid // 2), passive_j)
        cost, shares = _bound(line, limits, grid, passive_j)
        cost = max(cost, coarse)
    return _summary(scenario, policy, line, limits, shares, (cost, coarse), heat_binds)


def dual_value(line: TrueTimeline, limits: Bounds, prices: Array) -> float:
    """The lower bound that these prices (joules a kelvin, one a tick, none negative) prove, without passive energy."""
    watts_price = np.zeros(line.ticks)
    for r, keep in zip(line.heat_k, line.keep, strict=True):
        watts_price += r * (1 - keep) * _backward(prices, keep)
    _, best = best_shares(line.dt_s, limits, watts_price)
    free = np.where(limits.lost, 0.0, limits.cap_c - limits.pause_c)
    return float(best.sum()) - float((prices * free).sum())


def _backward(prices: Array, keep: float) -> Array:
    """y[k] = prices[k] + keep y[k+1]."""
    from scipy.signal import lfilter

    backward: Array = np.asarray(lfilter([1.0], [1.0, -keep], prices[::-1])[::-1], dtype=np.float64)
    return backward


def _bound(line: TrueTimeline, limits: Bounds, grid: int, passive_j: float) -> tuple[float, Array]:
    """The bound from prices over ``grid`` blocks, and the schedule that the blocks suggest."""
    prices, shares = block_prices(line, limits, grid)
    value = max(dual_value(line, limits, prices * scale) for scale in (1.0, 0.995, 1.005))
    return value + passive_j, shares


def _watts(limits: Bounds, shares: Array) -> Array:
    return np.asarray((shares * limits.power_w).sum(axis=1), dtype=np.float64)


def _summary(
    scenario: Scenario,
    policy: Policy,
    line: TrueTimeline,
    limits: Bounds,
    shares: Array,
    costs: tuple[float, float],
    heat_binds: bool,
) -> Oracle:
    """Follow the suggested shares as far as every limit allows and add up."""
    if heat_binds:
        shares = _clip(line, limits, shares)
    watts = _watts(limits, shares)
    temperature = line.temperatures(line.passive_w + watts)
    energy = float((line.passive_w + watts).sum()) * line.dt_s
    worth = float((shares * limits.worth_w).sum()) * line.dt_s
    late = float((shares * limits.late_fps).sum()) * line.dt_s
    reference = line.names.index(policy.reference) if policy.reference in line.names else 0
    served = (shares * limits.fps).sum(axis=0)
    return Oracle(
        scenario=scenario.name,
        cost_j=costs[0],
        coarse_j=costs[1],
        reached_j=energy - worth,
        energy_j=energy,
        delivered=float((shares * (limits.fps - limits.late_fps)).sum()) * line.dt_s,
        late=late,
        target=policy.target_mfps / 1000 * line.ticks * line.dt_s,
        over_limit_s=float((temperature > policy.limit_mc / 1000 + SLACK_K + HOT_K).sum()) * line.dt_s,
        over_critical_s=float((temperature > policy.critical_mc / 1000 + SLACK_K + HOT_K).sum()) * line.dt_s,
        budget_over_s=float((line.passive_w + watts > line.budget_w + SLACK_W + HOT_K).sum()) * line.dt_s,
        heat_binds=heat_binds,
        budget_binds=bool(limits.short.any()),
        efficient_share=1.0 - float(served[reference] / served.sum()) if served.sum() else 0.0,
    )


def _clip(line: TrueTimeline, limits: Bounds, shares: Array) -> Array:
    """The same shares, scaled down in every tick in which they would pass the limit."""
    prompt = float((line.heat_k * (1 - line.keep)).sum())
    rise, kept = line.rise_k.copy(), shares.copy()
    watts = _watts(limits, shares)
    for k in range(line.ticks):
        base = rise * line.keep + line.heat_k * (1 - line.keep) * line.passive_w[k]
        if not limits.lost[k]:
            room = max(0.0, (limits.cap_c[k] - line.ambient_c[k] - base.sum()) / prompt)
            if watts[k] > room:
                kept[k] *= room / watts[k]
                watts[k] = room
        rise = base + line.heat_k * (1 - line.keep) * watts[k]
    return np.asarray(kept)
