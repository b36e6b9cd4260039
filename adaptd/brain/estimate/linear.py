"""A linear belief: the mean and covariance of a few unknowns that are seen through y = row . unknowns + noise.

This is recursive least squares in Kalman's form (R. E. Kalman, 1960, doi 10.1115/1.3662552): ``widen`` is his time update for
unknowns that drift as random walks, ``learn`` his measurement update. A covariance is its upper triangle, row by row.
Three and five unknowns, the usual sizes, are written out: here decisions spend their time.
"""

from math import sqrt

Vector = list[float]
Triangle = list[float]
SMALLEST = 1e-11  # variance that rounding cannot eat
LEAN_FREE, LEAN_TIMES = 2.0, 8.0

_INDEX: tuple[tuple[tuple[int, ...], ...], ...] = tuple(
    tuple(tuple(min(i, j) * (2 * n - min(i, j) - 1) // 2 + max(i, j) for j in range(n)) for i in range(n)) for n in range(12)
)
VARIANCES = tuple(tuple(row[at] for at, row in enumerate(index)) for index in _INDEX)
"""Where the triangle of so many unknowns holds their variances."""
_OTHERS = tuple(own[1:] for own in VARIANCES)


def dot(row: Vector, other: Vector) -> float:
    """``row . other``, added from left to right."""
    total = 0.0
    for one, two in zip(row, other, strict=True):
        total += one * two
    return total


def along(cov: Triangle, row: Vector) -> Vector:
    """Covariance times ``row``."""
    if len(row) == 5:
        aa, ab, ac, ad, ae, bb, bc, bd, be, cc, cd, ce, dd, de, ee = cov
        v, w, x, y, z = row
        return [
            aa * v + ab * w + ac * x + ad * y + ae * z,
            ab * v + bb * w + bc * x + bd * y + be * z,
            ac * v + bc * w + cc * x + cd * y + ce * z,
            ad * v + bd * w + cd * x + dd * y + de * z,
            ae * v + be * w + ce * x + de * y + ee * z,
        ]
    if len(row) == 3:
        aa, ab, ac, bb, bc, cc = cov
        x, y, z = row
        return [aa * x + ab * y + ac * z, ab * x + bb * y + bc * z, ac * x + bc * y + cc * z]
    return [dot([cov[at] for at in line], row) for line in _INDEX[len(row)]]


def look(mean: Vector, cov: Triangle, row: Vector) -> tuple[float, Vector, float]:
    """What is predicted along ``row``, the covariance with it, and its variance, never negative."""
    product = along(cov, row)
    predicted = variance = 0.0
    for factor, believed, tie in zip(row, mean, product, strict=True):
        predicted += factor * believed
        variance += factor * tie
    return predicted, product, max(0.0, variance)


def learn(mean: Vector, cov: Triangle, product: Vector, surprise: float, total: float) -> tuple[Vector, Triangle]:
    """Take one measurement in: ``product`` = covariance . row, ``total`` = row . product + noise variance."""
    scale = surprise / total
    after = [m + p * scale for m, p in zip(mean, product, strict=True)]
    if len(product) == 5:
        aa, ab, ac, ad, ae, bb, bc, bd, be, cc, cd, ce, dd, de, ee = cov
        v, w, x, y, z = product
        a, b, c, d, e = v / total, w / total, x / total, y / total, z / total
        return after, [
            aa - a * v, ab - a * w, ac - a * x, ad - a * y, ae - a * z,
            bb - b * w, bc - b * x, bd - b * y, be - b * z,
            cc - c * x, cd - c * y, ce - c * z,
            dd - d * y, de - d * z,
            ee - e * z,
        ]  # fmt: skip
    if len(product) == 3:
        aa, ab, ac, bb, bc, cc = cov
        x, y, z = product
        a, b, c = x / total, y / total, z / total
        return after, [aa - a * x, ab - a * y, ac - a * z, bb - b * y, bc - b * z, cc - c * z]
    pairs = [(p / total, q) for at, p in enumerate(product) for q in product[at:]]
    return after, [c - gain * q for c, (gain, q) in zip(cov, pairs, strict=True)]


def worst(mean: Vector, product: Vector, variance: float, noise: float, sigmas: float) -> Vector:
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
    return 1.0 if sigmas <= LEAN_FREE else 1.0 + LEAN_TIMES * (sigmas - LEAN_FREE)


def widen(cov: Triangle, size: int, first: float, others: float, first_most: float) -> None:
    """Let the first unknown drift by variance ``first`` (up to ``first_most``) and each other by ``others``, in place."""
    cov[0] = max(SMALLEST, min(cov[0] + first, max(first_most, cov[0])))
    for at in _OTHERS[size]:
        cov[at] = max(SMALLEST, cov[at] + others)
