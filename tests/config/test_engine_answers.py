"""Answers of two processors: the same model within a tolerance, another one beyond it."""

import pytest

from adaptd.config.engine_answers import TOLERANCE_PPM, close, packed

HERE = [5.8061957, -2.1408184, 0.001]


def test_the_last_bits_of_float_sums_do_not_matter() -> None:
    """What a Haswell answered and what a Zen 4 answered are the same model."""
    assert close(packed(HERE), packed([5.8061943, -2.1408184, 0.0010002]), TOLERANCE_PPM)


@pytest.mark.parametrize("other", [[5.81, -2.1408184, 0.001], [5.8061957, -2.1408184], [], [float("nan")] * 3])
def test_another_answer_is_another_model(other: list[float]) -> None:
    """A difference in the third digit, another count, nothing at all and no number are each no match."""
    assert not close(packed(HERE), packed(other), TOLERANCE_PPM)


@pytest.mark.parametrize("text", ["", "no base64!", "AAA=", "A" * (1 << 20)])
def test_what_is_no_answer_matches_nothing(text: str) -> None:
    """Rubbish in a note or from a worker is never a match, not even with itself."""
    assert not close(text, text, TOLERANCE_PPM)
    assert not close(text, packed(HERE), TOLERANCE_PPM)
