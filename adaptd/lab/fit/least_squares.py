"""Least squares with a normal prior: ``y = X theta + noise``, ``theta ~ N(mean, ...)`` given as rows of further equations.

The noise of a log is not independent from block to block; its variance is inflated by (1 + rho) / (1 - rho), where rho is the
correlation of neighbouring residuals (the variance inflation of a mean under AR(1); Box, Jenkins and Reinsel, ch. 2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PASSES = 4


@dataclass(frozen=True, slots=True)
class Solution:
    """``theta`` and its covariance; ``sigma`` is one standard deviation of the noise, ``loss`` what was minimised."""

    theta: Array
    covariance: Array
    sigma: float
    loss: float
    residual: Array

    def sd(self, at: int) -> float:
        """One standard deviation of one unknown."""
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
    theta, sigma, loss = equations.minimum(prior, prior_y, floor)
    residual = y - x @ theta
    inflated = sigma**2 * _inflation(residual)
    covariance = np.linalg.inv(equations.gram / inflated + prior.T @ prior)
    return Solution(theta, covariance, sigma, loss, residual)


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


def walk(count: int, columns: int, first: int, step_sd: float) -> Array:
    """Prior rows of a random walk over ``count`` unknowns from column ``first`` on: neighbours differ by ``step_sd``."""
    rows = np.zeros((count - 1, columns))
    at = np.arange(count - 1)
    rows[at, first + at] = -1 / step_sd
    rows[at, first + at + 1] = 1 / step_sd
    return rows


def expect(columns: int, at: int, value: float, sd: float) -> tuple[Array, float]:
    """One prior row: unknown ``at`` is ``value`` give or take ``sd``."""
    line = np.zeros((1, columns))
    line[0, at] = 1 / sd
    return line, value / sd
