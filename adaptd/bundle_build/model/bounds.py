"""How large a rate can still be, given what was seen: upper confidence bounds without assumptions about its size.

``clopper_pearson``: Clopper and Pearson, Biometrika 26 (1934), exact for a fixed number of independent yes-or-no frames.
``betting``: Waudby-Smith and Ramdas, arXiv 2010.09686, for losses anywhere in [0, 1]; mixture of constant bets, Markov.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from math import exp, lgamma, log, log1p

MILLION = 1_000_000
SOURCE_EXACT = "Clopper-Pearson, one-sided, exact (Biometrika 26, 1934)"
SOURCE_BETTING = "mixture of constant bets (arXiv 2010.09686)"
STEPS = 40
SHARES = (0.0, 1 / 16, 1 / 8, 1 / 4, 1 / 2)


def clopper_pearson_ppm(disagreed: int, n: int, alpha: float) -> int:
    """Smallest rate, rounded up to ppm, that ``disagreed`` of ``n`` frames refute at level ``alpha``; a million for none."""
    if not 0 <= disagreed <= n or not 0 < alpha < 1:
        raise ValueError(f"{disagreed} of {n} at level {alpha} is no count")
    if n == disagreed:
        return MILLION
    return _up(_bisect(lambda rate: binomial_cdf(disagreed, n, rate) <= alpha))


def binomial_cdf(k: int, n: int, rate: float) -> float:
    """P(at most ``k`` of ``n``), summed from the largest term down."""
    if rate <= 0:
        return 1.0
    if rate >= 1:
        return 1.0 if k >= n else 0.0
    base = lgamma(n + 1)
    logs = (base - lgamma(i + 1) - lgamma(n - i + 1) + i * log(rate) + (n - i) * log1p(-rate) for i in range(k, -1, -1))
    total = 0.0
    for value in logs:
        term = exp(value) if value > -745 else 0.0
        total += term
        if term < total * 1e-17:
            break
    return min(1.0, total)


def betting_ppm(losses_ppm: Sequence[int], alpha: float) -> int:
    """Smallest mean loss, rounded up to ppm, that these losses (0 to 1,000,000) refute at level ``alpha``; 1,000,000 for none."""
    if not losses_ppm:
        return MILLION
    pairs = [(loss / MILLION, times) for loss, times in sorted(Counter(losses_ppm).items())]
    return _up(_bisect(lambda mean: capital(pairs, mean) >= 1 / alpha))


def capital(pairs: Sequence[tuple[float, int]], mean: float) -> float:
    """What bets against "the mean loss is ``mean`` or more" have become after losses (value, times); starts at 1."""
    total = 0.0
    for share in SHARES:
        bet = (1 - share) / (1 - mean)
        growth = 0.0
        for loss, times in pairs:
            factor = 1 - bet * (loss - mean)
            if factor <= 0:
                growth = float("-inf")
                break
            growth += times * log(factor)
        total += exp(min(growth, 700.0)) / len(SHARES)
    return total


def _bisect(refuted: Callable[[float], bool]) -> float:
    """The smallest rate that is refuted, when every larger one is too."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if refuted(middle):
            high = middle
        else:
            low = middle
    return high


def _up(rate: float) -> int:
    return min(MILLION, -int(-rate * MILLION // 1))
