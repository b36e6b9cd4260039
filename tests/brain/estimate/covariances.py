"""A covariance at rest, opened for a look."""

from adaptd.brain.estimate.fixed import INVERSE


def unfold(stored: tuple[int, ...], size: int) -> list[list[float]]:
    """The rows of the symmetric matrix whose upper triangle, row by row, is ``stored`` in fixed point."""
    rows = [[0.0] * size for _ in range(size)]
    values = iter(stored)
    for i in range(size):
        for j in range(i, size):
            rows[i][j] = rows[j][i] = next(values) * INVERSE
    return rows
