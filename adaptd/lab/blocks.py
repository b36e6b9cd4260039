"""Good prices for the oracle's bound: the same problem over blocks of ticks, solved by HiGHS through SciPy.

Shares are constant within a block and the limit holds for the block's mean temperature; the pole states run from block to block
by their exact solution. What comes out is a suggestion: ``oracle.dual_value`` proves the bound, whatever the prices.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptd.lab.bounds import Bounds
from adaptd.lab.timeline import Array, TrueTimeline

TINY = 1e-9


@dataclass(slots=True)
class Coarse:
    """Block means; ``power[b, v]``, ``gain[b, v]`` (worth less power), ``fps[b, v]``, and ``margin[b]`` (NaN: no limit there)."""

    length: int
    power: Array
    gain: Array
    fps: Array
    floor: Array
    ceiling: Array
    margin: Array
    ticks: Array


def block_prices(line: TrueTimeline, limits: Bounds, grid: int) -> tuple[Array, Array]:
    """Prices on each tick's limit (joules a kelvin) and suggested shares ``[k, v]``."""
    length = max(1, -(-line.ticks // grid))
    coarse = _coarsen(line, limits, length)
    shares, prices = _programme(line, coarse)
    owner = np.arange(line.ticks) // length
    per_tick = np.where(limits.lost, 0.0, prices[owner] / coarse.ticks[owner])
    return per_tick, shares[owner] * (limits.fps > 0)


def _coarsen(line: TrueTimeline, limits: Bounds, length: int) -> Coarse:
    blocks = -(-line.ticks // length)
    owner = np.arange(line.ticks) // length
    ticks = np.bincount(owner, minlength=blocks).astype(np.float64)

    def mean(values: Array) -> Array:
        return np.bincount(owner, weights=values, minlength=blocks) / ticks

    def means(table: Array) -> Array:
        return np.stack([mean(table[:, v]) for v in range(table.shape[1])], axis=1)

    free = ~limits.lost
    counted = np.bincount(owner, weights=free.astype(np.float64), minlength=blocks)
    spare = np.bincount(owner, weights=np.where(free, limits.cap_c - limits.pause_c, 0.0), minlength=blocks)
    with np.errstate(invalid="ignore", divide="ignore"):
        margin = np.where(counted > 0, spare / counted, np.nan)
    most = float(limits.fps.max()) + 1.0
    return Coarse(
        length,
        means(limits.power_w),
        means(limits.worth_w - limits.power_w),
        means(limits.fps),
        mean(np.minimum(limits.floor_fps, limits.ceiling_fps)),
        mean(np.minimum(limits.ceiling_fps, most)),
        margin,
        ticks,
    )


def _programme(line: TrueTimeline, coarse: Coarse) -> tuple[Array, Array]:
    """Solve; returns shares ``[b, v]`` and the price of each block's limit, all zero where the means cannot be kept."""
    from scipy.optimize import linprog

    blocks, count = coarse.power.shape
    poles = len(line.keep)
    cost = np.zeros(blocks * (count + poles))
    cost[: blocks * count] = -(coarse.gain * (coarse.ticks * line.dt_s)[:, None]).ravel()
    bounds = [(0.0, 1.0)] * (blocks * count) + [(None, None)] * (blocks * poles)
    equal = _dynamics(line, coarse)
    heat = np.flatnonzero(np.isfinite(coarse.margin))
    # HiGHS's presolve (SciPy 1.17) ends the process by a fault of memory in one of some twenty such programmes.
    options = {"presolve": False}
    for floor in (coarse.floor, np.zeros(blocks)):
        walls, tops = _walls(line, coarse, heat, floor)
        for method in ("highs-ipm", "highs-ds"):
            found = linprog(
                cost,
                A_ub=walls,
                b_ub=tops,
                A_eq=equal,
                b_eq=np.zeros(blocks * poles),
                bounds=bounds,
                method=method,
                options=options,
            )
            if found.x is not None:
                break
        if found.x is not None:
            prices = np.zeros(blocks)
            prices[heat] = np.maximum(0.0, -np.asarray(found.ineqlin.marginals)[: len(heat)])
            return np.asarray(found.x)[: blocks * count].reshape(blocks, count), prices
    return np.zeros((blocks, count)), np.zeros(blocks)


def _block(of: Array, at: Any, columns: int) -> Any:
    """A sparse ``[b, columns]`` matrix that holds ``of[b, n]`` in row b at column ``at[b, n]``."""
    from scipy.sparse import csr_matrix

    rows = np.repeat(np.arange(of.shape[0]), of.shape[1])
    of = np.where(np.abs(of) < TINY, 0.0, of)
    return csr_matrix((of.ravel(), (rows, np.asarray(at).ravel())), shape=(of.shape[0], columns))


def _dynamics(line: TrueTimeline, coarse: Coarse) -> Any:
    """Pole rises (above those of passive power) at the end of each block: x[b] = A x[b-1] + r (1 - A) power[b]."""
    from scipy.sparse import vstack

    blocks, count = coarse.power.shape
    columns = blocks * (count + len(line.keep))
    order = np.arange(blocks)
    own = order[:, None] * count + np.arange(count)
    parts = []
    for pole, (r, keep) in enumerate(zip(line.heat_k, line.keep, strict=True)):
        kept = keep**coarse.length
        start = blocks * (count + pole)
        state = _block(np.ones((blocks, 1)), start + order[:, None], columns)
        before = _block(np.where(order > 0, kept, 0.0)[:, None], start + np.maximum(order - 1, 0)[:, None], columns)
        parts.append(state - before - _block(r * (1 - kept) * coarse.power, own, columns))
    return vstack(parts, format="csr")


def _walls(line: TrueTimeline, coarse: Coarse, heat: Any, floor: Array) -> tuple[Any, Array]:
    """Mean temperature below its margin, shares within one, frames between floor and ceiling."""
    from scipy.sparse import vstack

    blocks, count = coarse.power.shape
    columns = blocks * (count + len(line.keep))
    order = np.arange(blocks)
    own = order[:, None] * count + np.arange(count)
    warm: Any = 0
    for pole, (r, keep) in enumerate(zip(line.heat_k, line.keep, strict=True)):
        carried = keep * (1 - keep**coarse.length) / (1 - keep) / coarse.length
        start = blocks * (count + pole)
        before = _block(np.where(order > 0, carried, 0.0)[:, None], start + np.maximum(order - 1, 0)[:, None], columns)
        warm = warm + before + _block(r * (1 - carried) * coarse.power, own, columns)
    sums = _block(np.ones((blocks, count)), own, columns)
    frames = _block(coarse.fps, own, columns)
    walls = vstack([warm[heat], sums, frames, -frames], format="csr")
    return walls, np.concatenate([coarse.margin[heat], np.ones(blocks), coarse.ceiling, -floor])
