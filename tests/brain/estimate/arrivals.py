"""Admission on very many streams: with constant bets it depends on two counts only, so a stream is the times of its losses.

``needed`` tabulates, for every number of losses of 1 seen so far, the number of samples at which a test admits. A stream admits
at the first sample at which it has that few losses. Losses arrive after geometric waits, so ten thousand streams of twenty
thousand samples take a fraction of a second, and nothing of the code under test is used but its constants.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tests.brain.estimate import old_admission as accuracy

Counts = NDArray[np.int64]
Passes = Callable[[int, int], bool]  # (samples, losses) -> whether the test admits


def mixture(limit: float, alpha: float) -> Passes:
    """The shipped admission: the mixture of constant bets reaches 1/alpha."""
    bets = [
        (share / whole, (1 - top / bottom * limit) / (1 - limit), top / bottom)
        for (top, bottom), (share, whole) in zip(accuracy.ADMIT_BETS, accuracy.ADMIT_WEIGHTS, strict=True)
    ]

    def passes(samples: int, losses: int) -> bool:
        logs = [
            math.log(weight) + (samples - losses) * math.log(agree) + (losses * math.log(differ) if losses else 0.0)
            for weight, agree, differ in bets
            if differ > 0 or not losses
        ]
        return max(logs) > 600 or sum(map(math.exp, logs)) >= 1 / alpha

    return passes


def peeked(limit: float, alpha: float) -> Passes:
    """What looks right and is wrong: the exact test for a fixed number of samples, looked at after every sample."""
    from scipy.stats import binom

    return lambda samples, losses: samples > 0 and binom.cdf(losses, samples, limit) <= alpha


def needed(passes: Passes, losses: int, length: int) -> Counts:
    """For 0, 1, .. ``losses`` losses: the least number of samples that passes; ``length`` + 1 where none does."""
    found = []
    for seen in range(losses + 1):
        low, high = seen, length + 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if passes(middle, seen) else (middle + 1, high)
        found.append(low)
    return np.array(found, dtype=np.int64)


def admitted_at(times: Counts, need: Counts, length: int) -> Counts:
    """The first sample at which each stream admits, 0 where none does. ``times``: when its losses came, a row a stream."""
    rows = times.shape[0]
    begins = np.concatenate([np.zeros((rows, 1), dtype=np.int64), times], axis=1)
    ends = np.concatenate([times - 1, np.full((rows, 1), length, dtype=np.int64)], axis=1)
    first = np.maximum(begins, need[None, : begins.shape[1]])
    good = first <= np.minimum(ends, length)
    at = np.where(good, first, length + 1).min(axis=1)
    return np.where(at > length, 0, at)


def arrivals(rng: np.random.Generator, loss: float, streams: int, length: int) -> Counts:
    """The times of the losses of ``streams`` streams; enough of them to fill ``length`` samples."""
    most = int(length * loss + 12 * math.sqrt(length * loss) + 20)
    return np.cumsum(rng.geometric(loss, size=(streams, most)), axis=1)


def wrong_share(rng: np.random.Generator, passes: Passes, limit: float, streams: int, length: int) -> float:
    """The share of streams exactly at the limit that a test admits at any time."""
    times = arrivals(rng, limit, streams, length)
    need = needed(passes, times.shape[1], length)
    return float((admitted_at(times, need, length) > 0).mean())
