"""Numbers at rest are integers, numbers in flight are exact doubles."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptd.brain.estimate.fixed import BITS, exp_minus, fetch, store


@given(st.lists(st.floats(-1000, 1000), max_size=8))
def test_a_stored_value_comes_back_within_one_unit(values: list[float]) -> None:
    """Fixed point loses less than 2^-40 of a unit, and storing again loses nothing more."""
    kept = store(values)
    assert all(abs(a - b) < 2.0**-BITS for a, b in zip(fetch(kept), values, strict=True))
    assert store(fetch(kept)) == kept


@pytest.mark.parametrize("x", [0.0, 1e-6, 0.01, 0.5, 1.0, 3.0, 8.0])
def test_the_exponential_is_the_exponential(x: float) -> None:
    """Four operations give e^-x to 3 parts in a million."""
    assert exp_minus(x) == pytest.approx(math.exp(-x), rel=3e-6)


def test_the_exponential_never_leaves_zero_to_one() -> None:
    """A pole never gains heat by itself, however long the step."""
    values = [exp_minus(x / 10) for x in range(2000)]
    assert values == sorted(values, reverse=True)
    assert values[0] == 1.0
    assert values[-1] == 0.0


def test_a_unit_is_a_millionth_of_a_millionth_and_a_belief_fits_63_bits() -> None:
    """Fine enough that a variance of 1e-11 survives, coarse enough that a reader with 64-bit integers can hold any belief."""
    assert store([1e-12]) == (1,)
    assert store([4_000_000.0])[0] < 2**63
