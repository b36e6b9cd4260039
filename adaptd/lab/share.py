"""The best mixture of pause and variants in every tick by itself, at a price on watts: the inner problem of the oracle's dual.

minimise   sum_v s_v (dt (power_v - worth_v) + price power_v)
subject to s_v >= 0,  sum_v s_v <= 1,  floor <= sum_v s_v fps_v <= ceiling

An optimum of a linear programme lies at a vertex, and a vertex of this one is a single member of (pause and variants) or a
mixture of two that meets the floor or the ceiling. All vertices of all ticks are tried at once.
"""

from itertools import combinations
from typing import Any

import numpy as np

from adaptd.lab.bounds import Bounds
from adaptd.lab.timeline import Array

EPS = 1e-9


def best_shares(dt_s: float, limits: Bounds, price_j_per_w: Array) -> tuple[Array, Array]:
    """Shares ``[k, v]`` and the objective ``[k]`` in joules (passive energy left out), exact for every tick."""
    ticks, count = limits.power_w.shape
    cost = dt_s * (limits.power_w - limits.worth_w) + price_j_per_w[:, None] * limits.power_w
    nothing = np.zeros((ticks, 1))
    frames, price = np.hstack([nothing, limits.fps]), np.hstack([nothing, cost])
    floor, ceiling = np.minimum(limits.floor_fps, limits.ceiling_fps), limits.ceiling_fps
    best, shares = np.full(ticks, np.inf), np.zeros((ticks, count + 1))
    for one in range(count + 1):
        fits = (frames[:, one] >= floor - EPS) & (frames[:, one] <= ceiling + EPS)
        _take(best, shares, fits, price[:, one], ((one, np.ones(ticks)),))
    for one, two in combinations(range(count + 1), 2):
        gap = frames[:, two] - frames[:, one]
        for wall in (floor, ceiling):
            with np.errstate(invalid="ignore", divide="ignore"):
                part = (wall - frames[:, one]) / gap
                fits = (np.abs(gap) > EPS) & (part >= -EPS) & (part <= 1 + EPS)
                mixed = price[:, one] + part * (price[:, two] - price[:, one])
            _take(best, shares, fits, mixed, ((one, 1 - part), (two, part)))
    return shares[:, 1:], best


def _take(best: Array, shares: Array, fits: Any, value: Array, members: tuple[tuple[int, Array], ...]) -> None:
    """Keep this candidate wherever it fits and is cheaper than what stands."""
    better = np.asarray(fits, dtype=bool) & (value < best)
    best[better] = value[better]
    shares[better] = 0.0
    for column, part in members:
        shares[better, column] = part[better]
