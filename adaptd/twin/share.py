"""The best mixture of pause and variants in every tick by itself, at a price on watts: the inner problem of the oracle's dual.

minimise   sum_v s_v (dt (power_v - worth_v) + price power_v)
subject to s_v >= 0,  sum_v s_v <= 1,  sum_v s_v power_v <= room,  floor <= sum_v s_v fps_v <= ceiling

An optimum of a linear programme lies at a vertex, and with three side constraints no vertex mixes more than three of (pause and
variants). All vertices of all ticks are tried at once.
"""

from itertools import combinations

import numpy as np

from adaptd.twin.bounds import Bounds
from adaptd.twin.timeline import Array, Timeline

EPS = 1e-9


def best_shares(line: Timeline, limits: Bounds, price_j_per_w: Array) -> tuple[Array, Array]:
    """Shares ``[k, v]`` and the objective ``[k]`` in joules (passive energy left out), exact for every tick."""
    ticks, count = line.power_w.shape
    cost = line.dt_s * (line.power_w - line.worth_w) + price_j_per_w[:, None] * line.power_w
    best = np.full(ticks, np.inf)
    shares = np.zeros((ticks, count))
    # Columns: the pause first, then the variants. Rows: what is conserved (shares sum to 1), watts, frames.
    watts = np.hstack([np.zeros((ticks, 1)), line.power_w])
    frames = np.hstack([np.zeros((ticks, 1)), line.fps])
    price = np.hstack([np.zeros((ticks, 1)), cost])
    floor = np.minimum(limits.floor_fps, limits.ceiling_fps)
    walls = [(watts, limits.room_w), (frames, floor), (frames, limits.ceiling_fps)]
    for size in (1, 2, 3):
        for members in combinations(range(count + 1), size):
            for active in combinations(range(3), size - 1):
                mix = _mixture(members, [walls[at] for at in active], ticks)
                if mix is None:
                    continue
                _keep_better(mix, members, (watts, frames, price), (limits.room_w, floor, limits.ceiling_fps), best, shares)
    return shares, best


def _mixture(members: tuple[int, ...], walls: list[tuple[Array, Array]], ticks: int) -> Array | None:
    """Weights ``[k, member]`` that sum to one and meet every active wall, NaN where they do not exist."""
    size = len(members)
    if size == 1:
        return np.ones((ticks, 1))
    if any(not np.isfinite(bound).any() for _, bound in walls):
        return None
    matrix = np.ones((ticks, size, size))
    right = np.ones((ticks, size))
    for row, (table, bound) in enumerate(walls, 1):
        matrix[:, row, :] = table[:, list(members)]
        right[:, row] = np.where(np.isfinite(bound), bound, 0.0)
    solvable = np.abs(np.linalg.det(matrix)) > EPS
    for _, bound in walls:
        solvable &= np.isfinite(bound)
    weights = np.full((ticks, size), np.nan)
    if solvable.any():
        weights[solvable] = np.linalg.solve(matrix[solvable], right[solvable][:, :, None])[:, :, 0]
    return weights


def _keep_better(
    mix: Array,
    members: tuple[int, ...],
    tables: tuple[Array, Array, Array],
    bounds: tuple[Array, Array, Array],
    best: Array,
    shares: Array,
) -> None:
    """Take the mixture wherever it is feasible and cheaper than what stands."""
    watts, frames, price = (np.sum(mix * table[:, list(members)], axis=1) for table in tables)
    room, floor, ceiling = bounds
    with np.errstate(invalid="ignore"):
        good = (mix >= -EPS).all(axis=1) & (watts <= room + EPS * 1e3) & (frames >= floor - EPS * 1e3)
        good &= (frames <= ceiling + EPS * 1e3) & (price < best)
    best[good] = price[good]
    shares[good] = 0.0
    for column, member in enumerate(members):
        if member:
            shares[good, member - 1] = mix[good, column]
