"""The same instruments on many streams at once, in numpy and logarithms: an independent oracle for the pure code."""

import math

import numpy as np
from numpy.typing import NDArray

from tests.brain.estimate import old_admission as accuracy

Streams = NDArray[np.bool_]


def draw(rng: np.random.Generator, loss: float, streams: int, length: int) -> Streams:
    """Losses of 0 or 1 with mean ``loss``."""
    return rng.random((streams, length)) < loss


def admitted_at(losses: Streams, limit: float, alpha: float) -> NDArray[np.int64]:
    """The first sample at which the mixture's capital reaches 1/alpha, per stream; 0 where it never does."""
    ones = np.cumsum(losses, axis=1, dtype=np.int32)
    zeros = np.arange(1, losses.shape[1] + 1, dtype=np.int32) - ones
    capital = np.zeros(losses.shape)
    for (top, bottom), (share, whole) in zip(accuracy.ADMIT_BETS, accuracy.ADMIT_WEIGHTS, strict=True):
        part = top / bottom
        with np.errstate(divide="ignore"):
            log_one = math.log(part) if part else -1e9
        capital += np.exp(math.log(share / whole) + zeros * math.log((1 - part * limit) / (1 - limit)) + ones * log_one)
    hit = capital >= 1 / alpha
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0)


def revoked_at(losses: Streams, limit: float, run: float, good: int = 0) -> NDArray[np.int64]:
    """The first sample after ``good`` at which the e-Shiryaev-Roberts statistic reaches ``run``; 0 where it never does."""
    parts = np.array([top / bottom for top, bottom in accuracy.REVOKE_BETS])[:, None]
    zero = (1 - parts * limit) / (1 - limit)
    weight = accuracy.REVOKE_WEIGHT[0] / accuracy.REVOKE_WEIGHT[1]
    statistic = np.zeros((len(parts), losses.shape[0]))
    found = np.zeros(losses.shape[0], dtype=np.int64)
    for at in range(losses.shape[1]):
        statistic = (statistic + weight) * np.where(losses[:, at], parts, zero)
        hit = (statistic.sum(axis=0) >= run) & (found == 0)
        found[hit] = at + 1 if at >= good else -1
    return found
