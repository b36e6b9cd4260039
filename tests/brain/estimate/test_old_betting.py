"""Capitals are exact enough to trust and rounded the way that proves less."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.brain.estimate import old_admission as accuracy
from tests.brain.estimate import old_betting as betting
from tests.brain.estimate.old_betting import M

LIMIT = 5000


def worth(capital: betting.Capital) -> Fraction:
    """A capital as a fraction."""
    mantissa, exponent = capital
    return Fraction(mantissa) * (Fraction(2) ** exponent)


BETS = [*accuracy.ADMIT_BETS, *accuracy.REVOKE_BETS]


@pytest.mark.parametrize("bet", BETS)
@given(loss=st.integers(0, M), limit=st.integers(100, 60_000))
def test_a_factor_is_the_bet_of_the_literature(bet: tuple[int, int], loss: int, limit: int) -> None:
    """f(x) = 1 + (p - m)(x - m) / (m (1 - m)), exactly, for every loss in [0, 1]."""
    m, x, p = Fraction(limit, M), Fraction(loss, M), Fraction(*bet) * Fraction(limit, M)
    assert Fraction(*betting.factor(limit, bet, loss)) == 1 + (p - m) * (x - m) / (m * (1 - m))


@pytest.mark.parametrize("bet", BETS)
def test_a_bet_is_fair_at_the_limit(bet: tuple[int, int]) -> None:
    """At a mean loss of exactly the limit no bet gains on average: that is what makes the error rate hold."""
    zero, one = (Fraction(*betting.factor(LIMIT, bet, loss)) for loss in (0, M))
    mean = Fraction(LIMIT, M)
    assert zero * (1 - mean) + one * mean == 1
    assert min(zero, one) >= 0


@given(st.lists(st.sampled_from([0, M, 250_000]), max_size=60))
def test_the_admitting_capital_never_exceeds_the_exact_product(losses: list[int]) -> None:
    """Rounding takes from the capital that admits, by less than 2^-50 of it."""
    for bet in accuracy.ADMIT_BETS:
        capital, exact = (1, 0), Fraction(1)
        for loss in losses:
            ratio = betting.factor(LIMIT, bet, loss)
            capital, exact = betting.times_down(capital, betting.ratio_down(ratio)), exact * Fraction(*ratio)
        assert worth(capital) <= exact
        assert worth(capital) >= exact * (1 - Fraction(1, 1 << 50))


@given(st.lists(st.sampled_from([0, M]), max_size=60))
def test_the_revoking_statistic_never_falls_below_the_exact_one(losses: list[int]) -> None:
    """Rounding adds to the statistic that revokes, by less than 2^-50 of it."""
    weight = Fraction(*accuracy.REVOKE_WEIGHT)
    for bet in accuracy.REVOKE_BETS:
        statistic, exact = (0, 0), Fraction(0)
        for loss in losses:
            ratio = betting.factor(LIMIT, bet, loss)
            grown = betting.plus_up(statistic, betting.ratio_up(accuracy.REVOKE_WEIGHT))
            statistic, exact = betting.times_up(grown, betting.ratio_up(ratio)), (exact + weight) * Fraction(*ratio)
        assert exact <= worth(statistic) <= exact * (1 + Fraction(1, 1 << 50))


@given(st.integers(1, 1 << 70), st.integers(-900, 900), st.integers(1, 1 << 70), st.integers(-900, 900))
def test_sums_and_thresholds_agree_with_fractions(a: int, ea: int, b: int, eb: int) -> None:
    """Adding rounds up, comparing never says yes when the exact sum is below the threshold."""
    exact = worth((a, ea)) + worth((b, eb))
    assert worth(betting.plus_up((a, ea), (b, eb))) >= exact
    for threshold in ((1, 1), (100, 1), (10**12, 2027)):
        if betting.reaches(((a, ea), (b, eb)), threshold):
            assert exact >= Fraction(*threshold)
        elif exact >= Fraction(*threshold) * 2:
            pytest.fail("a sum of twice the threshold was not seen")


def test_a_lost_capital_is_zero_and_stays_zero() -> None:
    """One disagreement ends the bet on no loss at all, and nothing revives it."""
    lost = betting.ratio_down(betting.factor(LIMIT, (0, 1), M))
    assert lost == (0, 0)
    assert betting.times_down(lost, betting.ratio_down(betting.factor(LIMIT, (0, 1), 0))) == (0, 0)
    assert not betting.reaches((lost,), (1, 1))


def test_a_capital_is_right_to_twelve_digits_after_a_hundred_thousand_bets() -> None:
    """Mantissas have 64 bits: no more, so that any reader can hold one; no fewer, so that rounding never decides."""
    ratio = betting.ratio_down(betting.factor(LIMIT, (1, 4), 0))
    capital = (1, 0)
    for _ in range(100_000):
        capital = betting.times_down(capital, ratio)
        assert capital[0] < 2**64
    exact = 100_000 * (math.log(1 - LIMIT / M / 4) - math.log(1 - LIMIT / M))
    assert math.log(capital[0]) + capital[1] * math.log(2) == pytest.approx(exact, abs=1e-11)
