"""A setpoint is a lease: what relaxes the service ends by itself unless renewed, so a dead daemon cannot leave it relaxed.

Relaxed is every point but the reference at the safe rate or above. The way back is always the reference; its rate is
the last one at which the reference held without a lease (``safe_mfps`` until then).
"""

from dataclasses import dataclass

from adaptd.vocabulary import OperatingPoint

START_LEASE_US = 10_000_000


@dataclass(frozen=True, slots=True)
class Lease:
    """The point that holds now, and until when; ``until_us`` None holds without renewal."""

    reference: str
    safe_mfps: int
    point: OperatingPoint
    until_us: int | None = None

    def expired(self, now_us: int) -> bool:
        """Whether the lease has run out unrenewed."""
        return self.until_us is not None and now_us >= self.until_us


def start(reference: str, safe_mfps: int) -> Lease:
    """The reference at the safe rate, without a lease."""
    return Lease(reference, safe_mfps, OperatingPoint(reference, safe_mfps))


def resume(reference: str, safe_mfps: int, start_mfps: int | None, now_us: int) -> Lease:
    """Before the first setpoint: the reference at the safe rate, or for START_LEASE_US at the rate it had before a restart."""
    if start_mfps is None or start_mfps >= safe_mfps:
        return start(reference, safe_mfps)
    return Lease(reference, safe_mfps, OperatingPoint(reference, start_mfps), now_us + START_LEASE_US)


def take(lease: Lease, point: OperatingPoint, lease_us: int, now_us: int, safe_mfps: int | None = None) -> Lease | str:
    """The lease after a setpoint, or the reason why it is refused: a relaxed point without a lease never holds."""
    safe = lease.safe_mfps if safe_mfps is None else safe_mfps
    if point.fps_mfps < 0 or lease_us < 0:
        return "a negative rate or lease is no setpoint"
    relaxed = point.variant != lease.reference or point.fps_mfps < safe
    if lease_us:
        return Lease(lease.reference, safe, point, now_us + lease_us)
    if relaxed and point.fps_mfps:
        return f"{point.variant} at {point.fps_mfps} mfps relaxes the service and needs a lease"
    return Lease(lease.reference, max(safe, point.fps_mfps), point)
