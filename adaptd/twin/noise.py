"""Seeded chance, one stream a quantity, so that what one controller does never changes the noise that another one meets."""

from random import Random

# The count of ones in 64 fair bits, less 32, has variance 16; a uniform smear of one unit adds 1/12.
_SIGMA = (16 + 1 / 12) ** 0.5


class Noise:
    """One stream. Bits and additions only: the same seed gives the same numbers on every machine."""

    __slots__ = ("_bits", "_unit")

    def __init__(self, seed: int, stream: str) -> None:
        source = Random(f"{seed}/{stream}")  # noqa: S311 - repeatable on purpose
        self._bits, self._unit = source.getrandbits, source.random

    def normal(self) -> float:
        """Near-normal, mean 0, standard deviation 1, never beyond 8.1."""
        return (self._bits(64).bit_count() - 32.5 + self._unit()) / _SIGMA

    def chance(self, probability: float) -> bool:
        """True with ``probability``."""
        return self._unit() < probability

    def hits(self, probability: float, count: int) -> list[int]:
        """Which of ``count`` draws are true with ``probability``: as so many calls of ``chance``, and faster."""
        unit = self._unit
        return [at for at in range(count) if unit() < probability]
