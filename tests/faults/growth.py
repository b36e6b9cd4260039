"""How fast something grows, with how sure one can be of it: least squares on the means of ten consecutive blocks.

Samples of memory are not independent (a page stays dirty), so their scatter says little. The means of long blocks nearly are,
and the scatter of ten of them around their line gives a 95 % range by Student's t.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

BLOCKS = 10
T95 = 2.306  # Student's t for 8 degrees of freedom


@dataclass(frozen=True)
class Growth:
    """Units a unit of time, plus or minus ``half_width`` at 95 %."""

    slope: float
    half_width: float

    @property
    def most(self) -> float:
        return self.slope + self.half_width

    @property
    def least(self) -> float:
        return self.slope - self.half_width

    def words(self, unit: str, factor: float = 1.0) -> str:
        return f"{self.slope * factor:+.3f} +- {self.half_width * factor:.3f} {unit}"


def growth(points: Sequence[tuple[float, float]]) -> Growth:
    """The growth of ``points`` (time, size), which must be at least two a block."""
    size = len(points) // BLOCKS
    assert size >= 2, "too few samples"
    blocks = [points[index * size : (index + 1) * size] for index in range(BLOCKS)]
    means = [(statistics.fmean(t for t, _ in block), statistics.fmean(m for _, m in block)) for block in blocks]
    times, sizes = [t for t, _ in means], [m for _, m in means]
    line = statistics.linear_regression(times, sizes)
    spread = sum((t - statistics.fmean(times)) ** 2 for t in times)
    rest = sum((m - line.slope * t - line.intercept) ** 2 for t, m in means) / (BLOCKS - 2)
    return Growth(line.slope, T95 * (rest / spread) ** 0.5)
