"""The guard lets good answers through untouched and nothing else."""

import numpy as np
import pytest

from adaptd.engine import guard
from adaptd.engine.errors import EngineFault


def test_a_good_answer_is_handed_on_itself() -> None:
    """No copy, no change."""
    answer = np.array([[1.0, -2.0]], np.float32)
    assert guard.check(answer, (1, 2), "fp16") is answer


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("size", "place"), [(1_000, 0), (1_000, 999), (100_000, 0), (100_000, 7), (100_000, 99_999)])
def test_one_bad_number_anywhere_is_found(bad: float, size: int, place: int) -> None:
    """A single NaN or infinity among a thousand or a hundred thousand values faults, and the line counts it."""
    answer = np.zeros((1, size), np.float32)
    answer[0, place] = bad
    with pytest.raises(EngineFault, match=f"1 of {size}"):
        guard.check(answer, (1, size), "int8")


def test_infinities_that_cancel_are_found() -> None:
    """Plus and minus infinity do not sum to something innocent."""
    with pytest.raises(EngineFault, match="2 of 3"):
        guard.check(np.array([np.inf, -np.inf, 1], np.float32), (3,), "int8")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [10, 1_000, 100_000])
def test_large_finite_numbers_whose_sum_overflows_are_no_fault(size: int) -> None:
    """Only the elements count: a sum beyond float32 is not a broken engine, and nothing is said of it on the terminal."""
    answer = np.full(size, 3e38, np.float32)
    assert guard.check(answer, (size,), "fp16") is answer


def test_a_wrong_shape_names_both_shapes() -> None:
    """The line says what came and what the manifest promises."""
    with pytest.raises(EngineFault, match=r"\(2,\), the manifest says \(3,\)"):
        guard.check(np.zeros(2, np.float32), (3,), "fp16")


def test_a_probe_may_move_by_rounding_but_not_by_much() -> None:
    """One percent of the largest value is the line between jitter and damage."""
    first = np.array([10.0, 0.0], np.float32)
    assert guard.same_answer(first, first + np.float32(0.05))
    assert not guard.same_answer(first, first + np.float32(0.2))
