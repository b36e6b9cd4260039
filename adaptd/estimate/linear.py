"""A linear belief: the mean and covariance of a few unknowns that are seen through y = row . unknowns + noise.

This is recursive least squares in Kalman's form (R. E. Kalman, 1960, doi 10.1115/1.3662552): ``widen`` is his time update for
unknowns that drift as random walks, ``learn`` his measurement update. In flight a covariance is a list of rows; at rest it is
its upper triangle, row by row, in fixed point.
"""

from math import sqrt

from adaptd.estimate.fixed import INVERSE, ONE

Matrix = list[list[float]]
SMALLEST = 1e-11  # variance that rounding cannot eat
LEAN_FREE, LEAN_TIMES = 2.0, 8.0

_INDEX: tuple[tuple[tuple[int, ...], ...], ...] = tuple(
    tuple(tuple(min(i, j) * (2 * n - min(i, j) - 1) // 2 + max(i, j) for j in range(n)) for i in range(n)) for n in range(12)
)


def unfold(stored: tuple[int, ...], size: int) -> Matrix:
    """The covariance in flight."""
    return [[stored[at] * INVERSE for at in row] for row in _INDEX[size]]


def fold(cov: Matrix) -> tuple[int, ...]:
    """The covariance at rest."""
    flat: list[int] = []
    for i, row in enumerate(cov):
        flat += [int(value * ONE) for value in row[i:]]
    return tuple(flat)


def dot(row: list[float], other: list[float]) -> float:
    """``row . other``, added from left to right."""
    total = 0.0
    for a, b in zip(row, other, strict=True):
        total += a * b
    return total


def along(cov: Matrix, row: list[float]) -> list[float]:
    """Covariance times ``row``."""
    product = []
    for line in cov:
        total = 0.0
        for c, r in zip(line, row, strict=True):
            total += c * r
        product.append(total)
    return product


def variance_along(cov: Matrix, row: list[float]) -> float:
    """The variance of ``row . unknowns``, never negative."""
    variance = dot(row, along(cov, row))
    return max(0.0, variance)


def learn(mean: list[float], cov: Matrix, product: list[float], surprise: float, total: float) -> None:
    """Take one measurement in, in place: ``product`` = covariance . row, ``total`` = row . product + noise variance."""
    scale = surprise / total
    for i, p in enumerate(product):
        mean[i] += p * scale
        gain = p / total
        cov[i] = [c - gain * q for c, q in zip(cov[i], product, strict=True)]


def worst(mean: list[float], product: list[float], variance: float, noise: float, sigmas: float) -> list[float]:
    """What the unknowns would be after the highest reading that would still be believed, ``sigmas`` above the prediction."""
    scale = sigmas / sqrt(variance + noise)
    return [m + p * scale for m, p in zip(mean, product, strict=True)]


def leaning(lean: float, surprise: float, total: float, memory: float) -> float:
    """The running mean, over ``memory`` readings, of surprises in units of their sigma (each cut at 3)."""
    return lean + (max(-3.0, min(3.0, surprise / sqrt(total))) - lean) / memory


def looseness(lean: float, memory: float) -> float:
    """How many times more than usual things are taken to move, when surprises lean to one side.

    White surprises have a running mean of sigma / sqrt(2 memory - 1); from LEAN_FREE of these on, a belief lags behind.
    """
    sigmas = abs(lean) * sqrt(2.0 * memory - 1.0)
    return 1.0 + LEAN_TIMES * max(0.0, sigmas - LEAN_FREE)


def widen(cov: Matrix, first: float, others: float, first_most: float) -> None:
    """Let the first unknown drift by variance ``first`` (up to ``first_most``) and each other by ``others``, in place."""
    cov[0][0] = max(SMALLEST, min(cov[0][0] + first, max(first_most, cov[0][0])))
    for i in range(1, len(cov)):
        cov[i][i] = max(SMALLEST, cov[i][i] + others)
