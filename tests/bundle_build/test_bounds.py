"""Confidence bounds against closed forms, scipy and repetition."""

import numpy as np
import pytest
from scipy.stats import beta

from adaptd.bundle_build.model.bounds import betting_ppm, binomial_cdf, clopper_pearson_ppm

MILLION = 1_000_000


@pytest.mark.parametrize("n", [1, 10, 919, 3000])
def test_a_flawless_record_bounds_the_rate_by_the_root_of_alpha(n: int) -> None:
    """With nothing seen, the exact bound has the closed form 1 - alpha^(1/n)."""
    assert clopper_pearson_ppm(0, n, 0.01) == pytest.approx((1 - 0.01 ** (1 / n)) * MILLION, abs=1)


def test_919_flawless_frames_prove_half_a_point_at_99_percent() -> None:
    """The published sample count: 919 clean frames suffice for 0.5 points, 918 do not."""
    assert clopper_pearson_ppm(0, 919, 0.01) <= 5000 < clopper_pearson_ppm(0, 918, 0.01)


@pytest.mark.parametrize(("k", "n"), [(1, 50), (7, 3000), (40, 3000), (500, 1000), (999, 1000)])
def test_the_exact_bound_is_the_quantile_of_a_beta_distribution(k: int, n: int) -> None:
    """Clopper-Pearson equals the beta quantile that scipy computes by other means, rounded up to a millionth."""
    wanted = beta.ppf(0.99, k + 1, n - k) * MILLION
    assert wanted - 1e-3 <= clopper_pearson_ppm(k, n, 0.01) <= wanted + 1.001


def test_nothing_seen_proves_nothing() -> None:
    """No frames, or only disagreements, leave the bound at one whole."""
    assert clopper_pearson_ppm(0, 0, 0.01) == MILLION
    assert clopper_pearson_ppm(5, 5, 0.01) == MILLION
    assert betting_ppm([], 0.01) == MILLION


def test_impossible_counts_are_refused() -> None:
    """More disagreements than frames, or a level of 0 or 1, are an error of the caller."""
    for disagreed, n, alpha in ((2, 1, 0.01), (-1, 5, 0.01), (0, 5, 0.0), (0, 5, 1.0)):
        with pytest.raises(ValueError, match="no count"):
            clopper_pearson_ppm(disagreed, n, alpha)


def test_the_binomial_sum_is_a_distribution() -> None:
    """It is 1 at k = n and at rate 0, 0 at rate 1, and rises with k."""
    assert binomial_cdf(10, 10, 0.3) == pytest.approx(1)
    assert binomial_cdf(0, 10, 0.0) == 1.0
    assert binomial_cdf(3, 10, 1.0) == 0.0
    sums = [binomial_cdf(k, 200, 0.4) for k in range(200)]
    assert sums == sorted(sums)


def test_the_betting_bound_on_clean_frames_is_near_the_exact_one() -> None:
    """About 1,100 clean frames prove half a point by betting too."""
    assert betting_ppm([0] * 900, 0.01) > 5000
    assert betting_ppm([0] * 1200, 0.01) <= 5000


def test_whole_losses_never_look_better_than_the_fractions_they_replace() -> None:
    """Counting summed fractional losses as whole disagreements errs on the safe side."""
    fractions = [0] * 900 + [250_000] * 8
    whole = [0] * 906 + [MILLION] * 2
    assert betting_ppm(fractions, 0.01) <= betting_ppm(whole, 0.01)


def test_the_betting_bound_holds_as_often_as_it_says() -> None:
    """In 400 repetitions with a true mean loss of 2 %, a 95 % bound lies below it in at most 5 % (plus chance)."""
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(400):
        losses = np.where(rng.random(300) < 0.04, MILLION // 2, 0).tolist()
        wrong += betting_ppm(losses, 0.05) < 20_000
    assert wrong <= 400 * 0.05 + 9
