"""Leases: whatever relaxes the service ends by itself, and ends in the reference."""

import pytest

from adaptd.vocabulary import OperatingPoint
from adaptd.worker import lease as leases
from adaptd.worker.lease import START_LEASE_US, Lease


def taken(lease: Lease, variant: str, fps_mfps: int, lease_us: int, now_us: int = 0, safe_mfps: int | None = None) -> Lease:
    """The lease after a setpoint that must be accepted."""
    after = leases.take(lease, OperatingPoint(variant, fps_mfps), lease_us, now_us, safe_mfps)
    assert isinstance(after, Lease)
    return after


@pytest.mark.parametrize(("variant", "fps_mfps"), [("int8", 15_000), ("int8", 5_000), ("fp16", 5_000), ("fp16", 14_999)])
def test_every_relaxed_point_ends_in_the_reference_at_the_safe_rate(variant: str, fps_mfps: int) -> None:
    """INT8 or a reduced rate holds for its lease and not a microsecond longer."""
    lease = taken(leases.start("fp16", 15_000), variant, fps_mfps, 1_000_000, now_us=10)
    assert not lease.expired(1_000_009)
    assert lease.expired(1_000_010)
    assert leases.start(lease.reference, lease.safe_mfps).point == OperatingPoint("fp16", 15_000)


@pytest.mark.parametrize(("variant", "fps_mfps"), [("int8", 15_000), ("fp16", 5_000)])
def test_a_relaxed_point_without_a_lease_is_refused_in_words(variant: str, fps_mfps: int) -> None:
    """There is no way to relax the service for good."""
    answer = leases.take(leases.start("fp16", 15_000), OperatingPoint(variant, fps_mfps), 0, 0)
    assert isinstance(answer, str)
    assert "needs a lease" in answer


def test_a_renewal_counts_from_its_own_receipt() -> None:
    """Renewed at 0.9 s for one second, the point holds until 1.9 s."""
    lease = taken(leases.start("fp16", 15_000), "int8", 15_000, 1_000_000)
    lease = taken(lease, "int8", 15_000, 1_000_000, now_us=900_000)
    assert not lease.expired(1_899_999)
    assert lease.expired(1_900_000)


def test_the_reference_at_the_safe_rate_holds_for_ever() -> None:
    """What relaxes nothing needs no renewal."""
    assert not taken(leases.start("fp16", 15_000), "fp16", 15_000, 0).expired(10**15)


def test_a_pause_needs_no_lease() -> None:
    """Serving nothing is never a relaxation."""
    assert not taken(leases.start("fp16", 15_000), "fp16", 0, 0).expired(10**15)


def test_a_higher_rate_the_reference_held_becomes_the_way_back() -> None:
    """The fallback rate is the last one at which the reference held without a lease."""
    lease = taken(leases.start("fp16", 15_000), "fp16", 20_000, 0)
    assert (lease.reference, lease.safe_mfps) == ("fp16", 20_000)


def test_the_daemon_can_move_the_safe_rate() -> None:
    """After a policy reload the way back is the new policy's rate."""
    assert taken(leases.start("fp16", 15_000), "fp16", 10_000, 0, safe_mfps=10_000).safe_mfps == 10_000


def test_negative_numbers_are_no_setpoint() -> None:
    """A rate or lease below zero is refused."""
    start = leases.start("fp16", 15_000)
    assert isinstance(leases.take(start, OperatingPoint("fp16", -1), 0, 0), str)
    assert isinstance(leases.take(start, OperatingPoint("int8", 5_000), -1, 0), str)


def test_a_worker_restarted_in_the_heat_starts_slow_but_not_for_ever() -> None:
    """The rate before the crash holds for a short lease of its own, then the safe rate returns."""
    lease = leases.resume("fp16", 15_000, 5_000, now_us=0)
    assert lease.point == OperatingPoint("fp16", 5_000)
    assert lease.expired(START_LEASE_US)
    assert leases.resume("fp16", 15_000, None, 0) == leases.start("fp16", 15_000)
