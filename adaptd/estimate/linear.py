"""A linear belief: the mean and covariance of a few unknowns that are seen through y = row . unknowns + noise.

This is recursive least squares in Kalman's form (R. E. Kalman, 1960, doi 10.1115/1.3662552): ``widen`` is his time update for
unknowns that drift as random walks, ``learn`` his measurement update. Covariances are kept as the upper triangle, row by row.
"""

from math import sqrt


def triangle(variances: list[float]) -> list[float]:
    """The upper triangle of a diagonal covariance."""
    size = len(variances)
    return [variances[i] if i == j else 0.0 for i in range(size) for j in range(i, size)]


def along(cov: list[float], row: list[float]) -> tuple[list[float], float]:
    """Covariance times ``row``, and the variance of ``row . unknowns``."""
    size = len(row)
    product = [0.0] * size
    at = 0
    for i in range(size):
        r = row[i]
        total = product[i] + cov[at] * r
        at += 1
        for j in range(i + 1, size):
            c = cov[at]
            total += c * row[j]
            product[j] += c * r
            at += 1
        product[i] = total
    variance = 0.0
    for i in range(size):
        variance += row[i] * product[i]
    return product, max(0.0, variance)


def variance_along(cov: list[float], row: list[float]) -> float:
    """The variance of ``row . unknowns``."""
    return along(cov, row)[1]


def dot(row: list[float], mean: list[float]) -> float:
    """``row . mean``."""
    total = 0.0
    for r, m in zip(row, mean, strict=True):
        total += r * m
    return total


def learn(mean: list[float], cov: list[float], row: list[float], y: float, noise: float) -> tuple[float, float]:
    """Take one measurement in, in place. Returns (surprise y - row . mean, its variance before the measurement)."""
    product, variance = along(cov, row)
    total = variance + noise
    surprise = y - dot(row, mean)
    scale = 1.0 / total
    at, size = 0, len(row)
    for i in range(size):
        gain = product[i] * scale
        mean[i] += gain * surprise
        for j in range(i, size):
            cov[at] -= gain * product[j]
            at += 1
    return surprise, total


def widen(cov: list[float], drifts: list[float]) -> None:
    """Add a drift variance to every unknown, in place; also keeps each variance above zero after rounding."""
    at, size = 0, len(drifts)
    for i in range(size):
        cov[at] = max(1e-11, cov[at] + drifts[i])
        at += size - i


def deviation(variance: float) -> float:
    """Square root of a variance."""
    return sqrt(variance) if variance > 0.0 else 0.0
