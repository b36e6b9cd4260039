"""Least squares with a normal prior: ``y = X theta + noise``, ``theta ~ N(mean, ...)`` given as rows of further equations.

The noise of a log is not independent from block to block; its variance is inflated by (1 + rho) / (1 - rho), where rho is the
correlation of neighbouring residuals (the variance inflation of a mean under AR(1); Box, Jenkins and Reinsel, ch. 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptd.lab.timeline import Array

PASSES = 4


@dataclass(frozen=True, slots=True)
class Solution:
    """The unknowns and their covariance."""

    theta: Array
    covariance: Array

    def sd(self, at: int) -> float:
        return float(np.sqrt(self.covariance[at, at]))


@dataclass(frozen=True, slots=True)
class Normal:
    """The normal equations of ``rows`` measurements: X'X, X'y and y'y."""

    gram: Array
    moment: Array
    square: float
    rows: int

    def minimum(self, prior: Array, prior_y: Array, floor: float) -> tuple[Array, float, float]:
        """The unknowns, the noise's standard deviation, and what was minimised, with the prior's equations beside."""
        held, held_y = prior.T @ prior, prior.T @ prior_y
        sigma = max(floor, float(np.sqrt(self.square / self.rows)) / 3)
        theta = np.zeros(len(self.moment))
        left = 0.0
        for _ in range(PASSES):
            theta = np.linalg.solve(self.gram / sigma**2 + held, self.moment / sigma**2 + held_y)
            left = max(0.0, float(self.square - 2 * theta @ self.moment + theta @ self.gram @ theta))
            sigma = max(floor, float(np.sqrt(left / self.rows)))
        off = prior @ theta - prior_y
        return theta, sigma, float(left / sigma**2 + off @ off + 2 * self.rows * np.log(sigma))


def normal(x: Array, y: Array) -> Normal:
    """The normal equations of ``x`` (n, m) and ``y`` (n)."""
    return Normal(x.T @ x, x.T @ y, float(y @ y), len(y))


def solve(x: Array, y: Array, prior: Array, prior_y: Array, floor: float = 1e-3) -> Solution:
    """``x`` (n, m), ``y`` (n); ``prior`` (k, m) and ``prior_y`` (k) are equations in units of their own standard deviation.

    ``floor`` is the least standard deviation of the noise that is believed, in the unit of ``y``.
    """
    equations = normal(x, y)
    theta, sigma, _ = equations.minimum(prior, prior_y, floor)
    inflated = sigma**2 * _inflation(y - x @ theta)
    return Solution(theta, np.linalg.inv(equations.gram / inflated + prior.T @ prior))


def _inflation(residual: Array) -> float:
    spread = float(residual @ residual)
    rho = float(residual[1:] @ residual[:-1]) / spread if spread > 0 and len(residual) > 2 else 0.0
    rho = min(0.95, max(0.0, rho))
    return (1 + rho) / (1 - rho)


def hat(t: Array, knots: Array) -> Array:
    """Rows of linear interpolation: ``hat(t, knots) @ values`` is the piecewise linear curve at ``t``, (len(t), len(knots))."""
    at = np.clip(np.searchsorted(knots, t, side="right") - 1, 0, len(knots) - 2)
    share = np.clip((t - knots[at]) / (knots[at + 1] - knots[at]), 0.0, 1.0)
    rows = np.zeros((len(t), len(knots)))
    index = np.arange(len(t))
    rows[index, at] = 1 - share
    rows[index, at + 1] += share
    return rows


def prior_rows(
    columns: int, expected: Sequence[tuple[int, float, float]], walked: int = 1, step_sd: float = 1.0
) -> tuple[Array, Array]:
    """A prior as equations (k, columns) and (k): the first ``walked`` unknowns are a random walk, neighbours ``step_sd`` apart.

    Each of ``expected`` is an unknown's number, its value, and one standard deviation of that.
    """
    rows, wants = np.zeros((walked - 1 + len(expected), columns)), np.zeros(walked - 1 + len(expected))
    at = np.arange(walked - 1)
    rows[at, at], rows[at, at + 1] = -1 / step_sd, 1 / step_sd
    for row, (unknown, value, sd) in enumerate(expected, walked - 1):
        rows[row, unknown], wants[row] = 1 / sd, value / sd
    return rows, wants
