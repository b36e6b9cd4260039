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
    return tuple([int(value * ONE) for i, row in enumerate(cov) for value in row[i:]])


def dot(row: list[float], other: list[float]) -> float:
    """``row . other``, added from left to right."""
    if len(row) == 5:
        a, b, c, d, e = row
        v, w, x, y, z = other
        return a * v + b * w + c * x + d * y + e * z
    if len(row) == 3:
        a, b, c = row
        x, y, z = other
        return a * x + b * y + c * z
    total = 0.0
    for one, two in zip(row, other, strict=True):
        total += one * two
    return total


def along(cov: Matrix, row: list[float]) -> list[float]:
    """Covariance times ``row``; three and five unknowns, the usual sizes, are written out: here decisions spend their time."""
    if len(row) == 5:
        v, w, x, y, z = row
        return [a * v + b * w + c * x + d * y + e * z for a, b, c, d, e in cov]
    if len(row) == 3:
        x, y, z = row
        return [a * x + b * y + c * z for a, b, c in cov]
    return [dot(line, row) for line in cov]


def variance_along(cov: Matrix, row: list[float]) -> float:
    """The variance of ``row . unknowns``, never negative."""
    return max(0.0, dot(row, along(cov, row)))


def learn(mean: list[float], cov: Matrix, product: list[float], surprise: float, total: float) -> None:
    """Take one measurement in, in place: ``product`` = covariance . row, ``total`` = row . product + noise variance."""
    scale = surprise / total
    gains = [p / total for p in product]
    mean[:] = [m + p * scale for m, p in zip(mean, product, strict=True)]
    if len(product) == 5:
        v, w, x, y, z = product
        cov[:] = [[a - g * v, b - g * w, c - g * x, d - g * y, e - g * z] for g, (a, b, c, d, e) in zip(gains, cov, strict=True)]
    elif len(product) == 3:
        x, y, z = product
        cov[:] = [[a - g * x, b - g * y, c - g * z] for g, (a, b, c) in zip(gains, cov, strict=True)]
    else:
        cov[:] = [[c - g * p for c, p in zip(line, product, strict=True)] for g, line in zip(gains, cov, strict=True)]


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
