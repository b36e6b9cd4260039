"""Logarithms of the account: exact to 15 digits, and never rounded towards more proof."""

import math

import pytest

from adaptd.brain.estimate import logarithm


@pytest.mark.parametrize("x", [1e-9, 0.2, 0.75, 1.0, 1.5, 3.7, 1e12])
def test_the_logarithm_is_the_logarithm(x: float) -> None:
    """Four operations give ln x to 15 digits."""
    assert logarithm.natural_log(x) == pytest.approx(math.log(x), rel=1e-14, abs=1e-15)


def test_nanonats_never_round_up() -> None:
    """A log factor is never larger than the true one, so the bound never proves more than the bets did."""
    for top in range(1, 400):
        value = logarithm.nanonats(top, 217)
        assert math.log(top / 217) * 1e9 - 3 <= value <= math.log(top / 217) * 1e9
