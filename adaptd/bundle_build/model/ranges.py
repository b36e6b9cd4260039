"""How far activations reach: one pass over the calibration pictures, then a range per tensor by one of three methods.

A tensor's histogram spans a power of two and doubles, merging bins in pairs, when something larger comes, so one pass is
enough and memory does not grow with the number of pictures. ``entropy`` is the threshold of least Kullback-Leibler divergence
between the clipped distribution and its 128-level copy, the method that NVIDIA published for TensorRT (GTC 2017, "8-bit
Inference with TensorRT").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import frexp, ldexp

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]
BINS = 4096
HALF = BINS // 2
LEVELS = 128
PERCENTILE = 99.99
MOST_VALUES = 1 << 16
METHODS = ("entropy", "minmax", "percentile")


@dataclass(slots=True)
class Spread:
    """What one tensor's values were: extremes, and a histogram of BINS over -``reach`` to ``reach``."""

    low: float = 0.0
    high: float = 0.0
    reach: float = 0.0
    counts: Counts = field(default_factory=lambda: np.zeros(BINS, np.int64))

    def add(self, values: Array) -> None:
        """Count a tensor's values; extremes see all of them, the histogram at most 65,536 at even distances."""
        low, high = float(values.min()), float(values.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        self._widen(max(-low, high))
        if not self.reach:
            return
        flat = values.reshape(-1)
        flat = flat[:: -(-len(flat) // MOST_VALUES)]
        index = ((flat + np.float32(self.reach)) * np.float32(HALF / self.reach)).astype(np.int32)
        self.counts += np.bincount(np.clip(index, 0, BINS - 1), minlength=BINS)

    def _widen(self, largest: float) -> None:
        if largest <= self.reach or largest == 0:
            return
        wanted = ldexp(1.0, frexp(largest)[1])
        while self.reach and self.reach < wanted:
            middle = self.counts.reshape(HALF, 2).sum(axis=1)
            self.counts = np.zeros(BINS, np.int64)
            self.counts[HALF // 2 : HALF // 2 + HALF] = middle
            self.reach *= 2
        self.reach = wanted


@dataclass(frozen=True, slots=True)
class Range:
    """The values of one tensor that are represented; what lies outside is clipped. ``low`` <= 0 <= ``high``."""

    low: float
    high: float


def collect(spreads: dict[str, Spread], tensors: Mapping[str, Array]) -> None:
    """Add one picture's tensors to what was seen of each."""
    for name, values in tensors.items():
        spreads.setdefault(name, Spread()).add(values)


def ranges_of(spreads: Mapping[str, Spread], method: str) -> dict[str, Range]:
    """The range of every tensor by ``entropy``, ``minmax`` or ``percentile``."""
    pick = {"entropy": entropy, "minmax": minmax, "percentile": percentile}[method]
    return {name: pick(spread) for name, spread in spreads.items()}


def minmax(spread: Spread) -> Range:
    """All that was seen."""
    return Range(min(spread.low, 0.0), max(spread.high, 0.0))


def percentile(spread: Spread, share: float = PERCENTILE) -> Range:
    """The middle ``share`` percent of the values that are not zero: rectified tensors are mostly zeros, which need no room."""
    counts = spread.counts.copy()
    counts[HALF] = 0 if counts[HALF] > counts.sum() // 4 else counts[HALF]
    total = int(counts.sum())
    if total == 0:
        return minmax(spread)
    tail = (100.0 - share) / 200.0 * total
    below = np.cumsum(counts)
    first = int(np.searchsorted(below, tail, side="right"))
    last = int(np.searchsorted(below, total - tail, side="left"))
    width = spread.reach / HALF
    low, high = first * width - spread.reach, (last + 1) * width - spread.reach
    return Range(min(max(low, spread.low), 0.0), max(min(high, spread.high), 0.0))


def entropy(spread: Spread) -> Range:
    """The symmetric threshold that loses least information at 128 levels, cut to what was seen on either side."""
    magnitude: npt.NDArray[np.float64] = (spread.counts[HALF:] + spread.counts[:HALF][::-1]).astype(np.float64)
    magnitude[0] = magnitude[1]
    seen = np.flatnonzero(magnitude)
    if not len(seen) or seen[-1] < LEVELS:
        return minmax(spread)
    last = int(seen[-1]) + 1
    ends = sorted({*range(LEVELS, last, 16), last})
    losses = [_divergence(magnitude[:last], end) for end in ends]
    limit = ends[int(np.argmin(losses))] * spread.reach / HALF
    return Range(max(min(spread.low, 0.0), -limit), min(max(spread.high, 0.0), limit))


def _divergence(magnitude: npt.NDArray[np.float64], end: int) -> float:
    """KL divergence of the first ``end`` bins, the rest clipped into the last, from their copy in LEVELS levels."""
    inner = magnitude[:end]
    clipped = inner.copy()
    clipped[-1] += magnitude[end:].sum()
    edges = (np.arange(LEVELS) * end) // LEVELS
    filled = (inner > 0).astype(np.float64)
    mass, cells = np.add.reduceat(inner, edges), np.add.reduceat(filled, edges)
    sizes = np.diff(np.append(edges, end))
    copy = np.repeat(np.divide(mass, cells, out=np.zeros_like(mass), where=cells > 0), sizes) * filled
    p, q = clipped / clipped.sum(), copy / max(copy.sum(), 1e-12)
    some = p > 0
    return float(np.sum(p[some] * np.log(p[some] / np.maximum(q[some], 1e-9))))
