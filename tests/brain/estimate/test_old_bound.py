"""The bound on show covers the truth, agrees with the admission, and only falls."""

import math
from itertools import pairwise

import numpy as np
import pytest

from tests.brain.estimate import old_admission as accuracy
from tests.brain.estimate import old_bound as bound
from tests.brain.estimate.old_betting import M

LIMIT = 5000
RUNGS = bound.ladder(LIMIT, accuracy.ADMIT_BETS, accuracy.ADMIT_WEIGHTS)
NEED = bound.nanonats(100, 1) + 2


def test_the_policy_limit_is_a_rung_and_rungs_fall() -> None:
    """The ladder holds the limit itself, so "admitted" and "bound at or below the limit" can be the same statement."""
    limits = [rung.limit_ppm for rung in RUNGS]
    assert LIMIT in limits
    assert limits == sorted(limits, reverse=True)
    assert all(low / high > 0.88 for high, low in pairwise(limits) if low > 40)


def test_without_samples_nothing_is_bounded() -> None:
    """No sample, no bound: the whole range is possible."""
    assert bound.upper_bound(RUNGS, 0, 0, NEED) == M


def test_more_agreement_means_a_lower_bound() -> None:
    """Each further agreement can only lower the bound, each disagreement only raise it."""
    falling = [bound.upper_bound(RUNGS, n, 0, NEED) for n in range(0, 20_000, 250)]
    assert falling == sorted(falling, reverse=True)
    rising = [bound.upper_bound(RUNGS, 5000, k * M, NEED) for k in range(60)]
    assert rising == sorted(rising)


def test_the_bound_is_near_the_exact_one_for_no_loss() -> None:
    """After n agreements the exact one-sided limit is 1 - alpha^(1/n); the ladder shows at most 30 % more."""
    for n in (1000, 3000, 10_000):
        exact = (1 - 0.01 ** (1 / n)) * M
        assert exact <= bound.upper_bound(RUNGS, n, 0, NEED) <= 1.3 * exact


@pytest.mark.parametrize("true_ppm", [500, 5000, 30_000])
def test_the_bound_covers_the_truth_at_every_time_at_once(true_ppm: int) -> None:
    """Of 1,000 streams of 3,000 losses at most 1 % (plus 3 sigma) ever show a bound at or below the true mean."""
    streams, length = 1000, 3000
    draw = np.random.default_rng(5)
    counts = np.cumsum(draw.random((streams, length)) < true_ppm / M, axis=1)
    looks = range(49, length, 50)
    wrong = 0
    for stream in counts:
        wrong += any(bound.upper_bound(RUNGS, look + 1, int(stream[look]) * M, NEED) <= true_ppm for look in looks)
    assert wrong <= 0.01 * streams + 3 * math.sqrt(0.01 * streams)


def test_the_ladder_ends_where_no_device_gets_to() -> None:
    """Its last rung lies just above 20 ppm: after a quarter of a million frames without a loss the bound stops falling."""
    assert 20 < RUNGS[-1].limit_ppm <= 23
    assert bound.upper_bound(RUNGS, 10_000_000, 0, NEED) == RUNGS[-1].limit_ppm
