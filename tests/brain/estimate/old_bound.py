"""The bound on show: a confidence sequence on the mean loss, read from counts alone.

For each rung m' of a ladder of limits the admission bets of `old_betting` are an e-process against
"the mean is at least m'". By the
inequality of weighted means its factors are at least (1-p)/(1-m') to the power 1-x times c to the power x, so the product over n
losses of sum S is at least ((1-cm')/(1-m'))^(n-S) c^S: the logarithm needs n and S only. The smallest rung whose capital ever
reached 1/alpha is an upper bound at every time at once (Ville). Capitals grow with m', so the rejected rungs are an upper set
and bisection finds its edge. Logarithms are whole nanonats, rounded towards less proof.
"""

from dataclasses import dataclass

from adaptd.brain.estimate.logarithm import nanonats
from tests.brain.estimate.old_betting import M

LOWEST_PPM = 20
MOST_RUNGS = 8 * 20  # an eighth of an octave apart from one in a million to all
_NEVER = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Rung:
    """One limit, with (log weight, log factor of a loss of 0, log factor of a loss of 1) of each bet in nanonats."""

    limit_ppm: int
    bets: tuple[tuple[int, int, int], ...]


def ladder(limit_ppm: int, bets: tuple[tuple[int, int], ...], weights: tuple[tuple[int, int], ...]) -> tuple[Rung, ...]:
    """Rungs from high to low, an eighth of an octave apart, with the policy's limit among them."""
    limits = {limit_ppm}
    up = down = float(limit_ppm)
    grow = 2.0
    for _ in range(3):
        grow = _root(grow)
    for _ in range(MOST_RUNGS):
        up, down = up * grow, down / grow
        if up < 0.95 * M:
            limits.add(int(up))
        if down > LOWEST_PPM:
            limits.add(int(down))
    return tuple(Rung(limit, _bets(limit, bets, weights)) for limit in sorted(limits, reverse=True))


def _root(x: float) -> float:
    guess = x
    for _ in range(60):
        guess = 0.5 * (guess + x / guess)
    return guess


def _bets(
    limit: int, bets: tuple[tuple[int, int], ...], weights: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int, int], ...]:
    return tuple(
        (nanonats(*weight), nanonats(bottom * M - top * limit, bottom * (M - limit)), nanonats(top, bottom))
        for (top, bottom), weight in zip(bets, weights, strict=True)
    )


def upper_bound(rungs: tuple[Rung, ...], samples: int, loss_ppm: int, need: int) -> int:
    """The smallest rung whose capital reaches e^(need nanonats) after ``samples`` losses of sum ``loss_ppm``, else M."""
    low, high = 0, len(rungs)
    while low < high:
        middle = (low + high) // 2
        if _log_capital(rungs[middle], samples, loss_ppm) >= need:
            low = middle + 1
        else:
            high = middle
    return rungs[low - 1].limit_ppm if low else M


def _log_capital(rung: Rung, samples: int, loss_ppm: int) -> int:
    kept = samples * M - loss_ppm
    best = _NEVER
    for weight, agree, differ in rung.bets:
        if loss_ppm and differ == _NEVER:
            continue
        value = weight + (agree * kept + (differ * loss_ppm if loss_ppm else 0)) // M
        best = max(best, value)
    return best
