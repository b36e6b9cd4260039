"""The figures of the accuracy evidence, small enough for every test run; ``python -m tests.faults.evidence`` is the full size."""

import numpy as np
import pytest

from tests.brain.estimate import arrivals, streams
from tests.faults import evidence


@pytest.mark.parametrize("name", ["boundary", "twins", "perfect", "quiet-small"])
def test_a_promise_holds_and_its_mutant_breaks_it(name: str) -> None:
    """Stated error rate, the twin that measures it, the information bound, the run between false alarms: each with a mutant."""
    row = evidence.ROWS[name](0.05)
    assert row.holds, row
    assert row.mutant_breaks, row


def test_the_fast_streams_are_the_slow_ones() -> None:
    """Waits between losses and a table of counts admit at the same samples as the capital followed sample by sample."""
    losses = streams.draw(np.random.default_rng(1), 0.002, 200, 6000)
    slow = streams.admitted_at(losses, 0.005, 0.05)
    need = arrivals.needed(arrivals.mixture(0.005, 0.05), 60, 6000)
    for stream, at in zip(losses, slow, strict=True):
        assert arrivals.admitted_at(np.flatnonzero(stream)[None, :] + 1, need, 6000)[0] == at
    assert (slow > 0).sum() > 20
