"""Bets against a claim, with capital that is exact on every machine.

A capital is a pair (mantissa, exponent) of integers, worth mantissa * 2^exponent. Factors are ratios of integers. Every rounding
goes the way that proves less: down for the capital that admits, up for the statistic that revokes.

Losses are parts per million in [0, M]. For a limit m and a bet on the mean p = c * m, the factor of one loss x is
1 + (p - m)(x - m) / (m (1 - m)), which is linear in x with f(0) = (1 - p)/(1 - m) and f(1) = p/m = c, so its mean is at most 1
when the claim it bets against is true (p < m and mean >= m, or p > m and mean <= m).
"""

M = 1_000_000
WIDTH = 64  # bits of a mantissa after rounding

Capital = tuple[int, int]


def factor(limit_ppm: int, bet: tuple[int, int], loss_ppm: int) -> tuple[int, int]:
    """Numerator and denominator of the factor of one loss, for a bet on the mean (bet[0] / bet[1]) * limit."""
    top, bottom = bet
    numerator = (bottom * M - top * limit_ppm) * (M - loss_ppm) + top * loss_ppm * (M - limit_ppm)
    return numerator, bottom * M * (M - limit_ppm)


def ratio_down(ratio: tuple[int, int]) -> Capital:
    """A ratio as a capital, rounded down."""
    return _fit(((ratio[0] << 2 * WIDTH) // ratio[1]), -2 * WIDTH)


def ratio_up(ratio: tuple[int, int]) -> Capital:
    """A ratio as a capital, rounded up."""
    return _fit_up(-((ratio[0] << 2 * WIDTH) // -ratio[1]), -2 * WIDTH)


def times_down(capital: Capital, other: Capital) -> Capital:
    """capital * other, rounded down."""
    return _fit(capital[0] * other[0], capital[1] + other[1])


def times_up(capital: Capital, other: Capital) -> Capital:
    """capital * other, rounded up."""
    return _fit_up(capital[0] * other[0], capital[1] + other[1])


def _fit(mantissa: int, exponent: int) -> Capital:
    extra = mantissa.bit_length() - WIDTH
    if extra > 0:
        return mantissa >> extra, exponent + extra
    return (mantissa, exponent) if mantissa else (0, 0)


def _fit_up(mantissa: int, exponent: int) -> Capital:
    extra = mantissa.bit_length() - WIDTH
    if extra > 0:
        return -(-mantissa >> extra), exponent + extra
    return (mantissa, exponent) if mantissa else (0, 0)


def plus_up(capital: Capital, other: Capital) -> Capital:
    """capital + other, rounded up."""
    if not capital[0]:
        return other
    if not other[0]:
        return capital
    (a, ea), (b, eb) = (capital, other) if capital[1] >= other[1] else (other, capital)
    shift = min(ea - eb, 4 * WIDTH)
    total, exponent = (a << shift) + (b if ea - eb == shift else 1), ea - shift
    extra = total.bit_length() - WIDTH
    if extra > 0:
        total = -(-total >> extra)
        exponent += extra
    return total, exponent


def reaches(capitals: tuple[Capital, ...], threshold: tuple[int, int]) -> bool:
    """Whether the sum of the capitals is at least threshold[0] / threshold[1]."""
    lowest = min([exponent for mantissa, exponent in capitals if mantissa], default=0)
    highest = max([exponent for mantissa, exponent in capitals if mantissa], default=0)
    if threshold[0] >= threshold[1] and highest + WIDTH + len(capitals).bit_length() < 0:
        return False
    if highest - lowest > 4 * WIDTH:
        lowest = highest - 4 * WIDTH
    total = 0
    for mantissa, exponent in capitals:
        total += mantissa << (exponent - lowest) if exponent >= lowest else mantissa >> (lowest - exponent)
    top, bottom = threshold
    return total * bottom << lowest >= top if lowest >= 0 else total * bottom >= top << -lowest
