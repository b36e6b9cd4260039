"""Recursive least squares gives what least squares gives."""

import numpy as np
import pytest

from adaptd.estimate.linear import (
    along,
    dot,
    fold,
    leaning,
    learn,
    looseness,
    unfold,
    variance_along,
    widen,
    worst,
)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_learning_row_by_row_is_ridge_regression(size: int) -> None:
    """After any rows, mean and covariance are the closed form: (S0^-1 + X'X/r)^-1 and its mean, for any number of unknowns."""
    rng = np.random.default_rng(size)
    rows, truth, noise = rng.normal(size=(40, size)), rng.normal(size=size), 0.04
    y = rows @ truth + rng.normal(scale=0.2, size=40)
    mean, cov = [0.0] * size, [[4.0 if i == j else 0.0 for j in range(size)] for i in range(size)]
    for row, value in zip(rows.tolist(), y.tolist(), strict=True):
        product = along(cov, row)
        learn(mean, cov, product, value - dot(row, mean), dot(row, product) + noise)
    exact = np.linalg.inv(np.eye(size) / 4 + rows.T @ rows / noise)
    assert cov == pytest.approx(exact, abs=1e-12)
    assert mean == pytest.approx(exact @ rows.T @ y / noise, abs=1e-9)


def test_a_covariance_survives_rest() -> None:
    """Folding keeps the upper triangle, unfolding mirrors it."""
    cov = [[4.0, 1.0, 0.5], [1.0, 3.0, 0.25], [0.5, 0.25, 2.0]]
    assert unfold(fold(cov), 3) == cov
    assert len(fold(cov)) == 6


def test_variances_along_a_row_are_the_quadratic_form() -> None:
    """row' C row, and never below zero when rounding made C a little indefinite."""
    cov = [[2.0, 0.5], [0.5, 1.0]]
    assert variance_along(cov, [1.0, 2.0]) == pytest.approx(2 + 2 + 4)
    assert variance_along([[-1e-18, 0.0], [0.0, 0.0]], [1.0, 1.0]) == 0.0


def test_the_worst_belief_is_the_one_after_the_highest_believable_reading() -> None:
    """Without a reading, decisions see what a reading `sigmas` above the prediction would have taught."""
    mean, cov, row = [1.0, 2.0], [[0.5, 0.1], [0.1, 0.2]], [1.0, 3.0]
    product = along(cov, row)
    variance, noise, sigmas = dot(row, product), 0.3, 4.0
    taught, after = list(mean), [list(line) for line in cov]
    learn(taught, after, product, sigmas * (variance + noise) ** 0.5, variance + noise)
    assert worst(mean, product, variance, noise, sigmas) == pytest.approx(taught)


def test_drift_stops_where_nothing_was_ever_known() -> None:
    """However long a sensor is silent, an unknown is never known worse than before its first reading."""
    cov = [[1.0, 0.0], [0.0, 1.0]]
    for _ in range(100):
        widen(cov, 0.5, 0.1, 9.0)
    assert cov[0][0] == 9.0
    assert cov[1][1] == pytest.approx(11.0)


def test_white_surprises_loosen_nothing_and_leaning_ones_do() -> None:
    """Surprises to both sides leave the drift alone; one to one side multiplies it until the belief has caught up."""
    lean = 0.0
    for n in range(400):
        lean = leaning(lean, 1.0 if n % 2 else -1.0, 1.0, 24.0)
    assert looseness(lean, 24.0) == 1.0
    for _ in range(24):
        lean = leaning(lean, 1.0, 1.0, 24.0)
    assert looseness(lean, 24.0) > 10.0


def test_white_noise_loosens_a_belief_in_one_reading_of_twenty() -> None:
    """Two sigma of the running mean: rare enough to cost nothing, near enough to see a belief that lags."""
    rng, lean, loose = np.random.default_rng(1), 0.0, 0
    for _ in range(20_000):
        lean = leaning(lean, float(rng.normal()), 1.0, 24.0)
        loose += looseness(lean, 24.0) > 1.0
    assert 0.03 < loose / 20_000 < 0.07


def test_a_belief_that_lags_by_three_sigma_moves_nine_times_as_fast() -> None:
    """Eight times more for each sigma beyond two: a fan that stops is followed within a minute."""
    assert looseness(3.0 / np.sqrt(2 * 24.0 - 1), 24.0) == pytest.approx(9.0, rel=0.15)


def test_a_variance_never_vanishes_in_fixed_point() -> None:
    """The smallest variance is some ten units of 2^-40: rounding towards zero in ten thousand steps cannot eat a belief."""
    cov = [[0.0, 0.0], [0.0, 0.0]]
    widen(cov, 0.0, 0.0, 1.0)
    assert [8 <= value <= 14 for value in (fold(cov)[0], fold(cov)[2])] == [True, True]
