"""How answers differ over time, from the log's shadow frames: not one share of all frames, but scenes, most of them harmless.

The account lets the efficient engine serve by what it has seen, so the same share of differing frames costs far more of it when
they come evenly than when they come in a few bad minutes. The chances of a scene and their shares are the nonparametric maximum
likelihood estimate of a binomial mixture over the minutes (Kiefer and Wolfowitz 1956; by expectation and maximisation, Laird
1978), on a fixed grid of chances. How long a scene lasts is the integral time scale of what follows a frame that differed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptd.lab.fit.readings import MINUTE_S
from adaptd.lab.timeline import Array

CHANCES = np.concatenate([[0.0], np.geomspace(5e-4, 0.7, 34)])
PASSES = 400
LEAST_SHARE = 5e-5  # the scenario file's last digit
MOST_KINDS = 12
LONGEST_MIN = 60


@dataclass(frozen=True, slots=True)
class Differs:
    """``compared`` shadow frames of a band and variant, of which ``differed`` did; ``kinds`` of scenes are (share, chance)."""

    compared: int
    differed: int
    scene_s: float = 0.0
    kinds: tuple[tuple[float, float], ...] = ()


def differs_of(minutes: NDArray[np.int64]) -> Differs:
    """What the minutes say, (2, minutes): shadow frames compared and how many of them differed."""
    compared, differed = (int(one) for one in minutes.sum(axis=1))
    kinds = _kinds(minutes[:, minutes[0] > 0]) if differed else ()
    if len(kinds) < 2:
        return Differs(compared, differed)
    return Differs(compared, differed, MINUTE_S * _length_min(minutes), kinds)


def _kinds(minutes: NDArray[np.int64]) -> tuple[tuple[float, float], ...]:
    """Shares and chances whose mean is the share of all frames that differed; none where one chance says as much.

    More than one is believed only where the likelihood gains what a further kind costs (Schwarz 1978: half a logarithm of the
    number of minutes for each of its two numbers).
    """
    pairs, times = np.unique(minutes, axis=1, return_counts=True)
    compared, differed = pairs[:, :, None].astype(np.float64)
    mean = float(minutes[1].sum() / minutes[0].sum())
    logs = _logs(compared, differed, CHANCES)
    most = logs.max(axis=1, keepdims=True)
    likely, shares = np.exp(logs - most), np.full(len(CHANCES), 1 / len(CHANCES))
    for _ in range(PASSES):
        parts = likely * shares
        shares = times @ (parts / parts.sum(axis=1, keepdims=True)) / times.sum()
    gain = times @ (np.log(likely @ shares) + most[:, 0] - _logs(compared, differed, np.array([mean]))[:, 0])
    if gain <= np.log(times.sum()):
        return ()
    first = np.argsort(-shares * (CHANCES + LEAST_SHARE))[:MOST_KINDS]
    kept = sorted((float(CHANCES[at]), float(shares[at])) for at in first if shares[at] >= LEAST_SHARE)
    whole = sum(share for _, share in kept)
    scale = mean / (sum(share * chance for chance, share in kept) / whole)
    return tuple((share / whole, min(1.0, chance * scale)) for chance, share in kept)


def _logs(compared: Array, differed: Array, chances: Array) -> Array:
    """Log likelihood of each row of counts (rows, 1) at each chance, (rows, chances), without the binomial coefficient."""
    with np.errstate(divide="ignore", invalid="ignore"):
        hits = np.where(differed > 0, differed * np.log(chances), 0.0)
        return np.asarray(hits + (compared - differed) * np.log1p(-chances))


def _length_min(minutes: NDArray[np.int64]) -> float:
    """Minutes that a scene lasts: how long after a frame that differed more of them differ than usual.

    Only the frames compared later stand in the denominator: how many those are depends on what the controller saw, not on what
    they will show.
    """
    compared, differed = minutes.astype(np.float64)
    mean = float(differed.sum() / compared.sum())
    own = float(differed @ np.maximum(0, differed - 1)) / max(1.0, float(differed @ np.maximum(0, compared - 1)))
    length = 0.5
    for lag in range(1, min(LONGEST_MIN, len(compared) - 1)):
        after = float(differed[:-lag] @ compared[lag:])
        excess = float(differed[:-lag] @ differed[lag:]) / after - mean if after else 0.0
        if excess <= 0 or own <= mean:
            break
        length += min(1.0, excess / float(own - mean))
    return max(1.0, length)
