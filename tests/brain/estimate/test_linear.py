"""Recursive least squares gives what least squares gives."""

import numpy as np
import pytest

from adaptd.brain.estimate.fixed import store
from adaptd.brain.estimate.linear import VARIANCES, along, dot, leaning, learn, look, looseness, widen, worst


def triangle(matrix: list[list[float]]) -> list[float]:
    """The upper triangle, row by row."""
    return [value for at, row in enumerate(matrix) for value in row[at:]]


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_learning_row_by_row_is_ridge_regression(size: int) -> None:
    """After any rows, mean and covariance are the closed form: (S0^-1 + X'X/r)^-1 and its mean, for any number of unknowns."""
    rng = np.random.default_rng(size)
    rows, truth, noise = rng.normal(size=(40, size)), rng.normal(size=size), 0.04
    y = rows @ truth + rng.normal(scale=0.2, size=40)
    mean, cov = [0.0] * size, triangle([[4.0 if i == j else 0.0 for j in range(size)] for i in range(size)])
    for row, value in zip(rows.tolist(), y.tolist(), strict=True):
        product = along(cov, row)
        mean, cov = learn(mean, cov, product, value - dot(row, mean), dot(row, product) + noise)
    exact = np.linalg.inv(np.eye(size) / 4 + rows.T @ rows / noise)
    assert cov == pytest.approx(triangle(exact.tolist()), abs=1e-12)
    assert mean == pytest.approx(exact @ rows.T @ y / noise, abs=1e-9)


@pytest.mark.parametrize("size", [3, 5])
def test_the_sizes_written_out_are_the_general_rule(size: int) -> None:
    """Three and five unknowns give, to the last bit, what the rule for any number gives on a belief with unknowns to spare."""
    rng = np.random.default_rng(size)
    factor = rng.normal(size=(size, size))
    matrix, mean, row = (factor @ factor.T).tolist(), rng.normal(size=size).tolist(), rng.normal(size=size).tolist()
    wider = triangle([[*line, 0.0] for line in matrix] + [[0.0] * (size + 1)])
    cov, product = triangle(matrix), along(triangle(matrix), row)
    assert product == along(wider, [*row, 0.0])[:size]
    assert dot(row, mean) == dot([*row, 0.0], [*mean, 0.0])
    after, narrow = learn(mean, cov, product, 0.3, 1.7)
    same, wide = learn([*mean, 0.0], wider, [*product, 0.0], 0.3, 1.7)
    assert after == same[:size]
    assert narrow == [value for at, value in enumerate(wide) if at not in np.cumsum(range(size + 1, 0, -1)) - 1]


def test_variances_stand_on_the_diagonal() -> None:
    """A triangle of any size holds its variances where `VARIANCES` says."""
    for size in range(1, 8):
        matrix = [[float(i) if i == j else -1.0 for j in range(size)] for i in range(size)]
        assert [triangle(matrix)[at] for at in VARIANCES[size]] == list(range(size))


def test_the_variance_along_a_row_is_the_quadratic_form() -> None:
    """row' C row, and never below zero when rounding made C a little indefinite."""
    assert look([1.0, 1.0], [2.0, 0.5, 1.0], [1.0, 2.0])[2] == pytest.approx(2 + 2 + 4)
    assert look([1.0, 1.0], [-1e-18, 0.0, 0.0], [1.0, 1.0])[2] == 0.0


def test_the_worst_belief_is_the_one_after_the_highest_believable_reading() -> None:
    """Without a reading, decisions see what a reading `sigmas` above the prediction would have taught."""
    mean, cov, row = [1.0, 2.0], [0.5, 0.1, 0.2], [1.0, 3.0]
    product = along(cov, row)
    variance, noise, sigmas = dot(row, product), 0.3, 4.0
    taught, _ = learn(mean, cov, product, sigmas * (variance + noise) ** 0.5, variance + noise)
    assert worst(mean, product, variance, noise, sigmas) == pytest.approx(taught)


def test_drift_stops_where_nothing_was_ever_known() -> None:
    """However long a sensor is silent, an unknown is never known worse than before its first reading."""
    cov = [1.0, 0.0, 1.0]
    for _ in range(100):
        widen(cov, 2, 0.5, 0.1, 9.0)
    assert cov[0] == 9.0
    assert cov[2] == pytest.approx(11.0)


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
    cov = [0.0, 0.0, 0.0]
    widen(cov, 2, 0.0, 0.0, 1.0)
    assert [8 <= value <= 14 for value in (store(cov)[0], store(cov)[2])] == [True, True]
