"""What to serve: setpoints, leases and swaps. Orders may come from any thread; they are heeded between two frames."""

from collections import deque
from collections.abc import Callable

from adaptd.base.clock import WaitingClock
from adaptd.engine.errors import EngineError
from adaptd.engine.pool import WarmPool
from adaptd.protocol.messages import Applied, Fault, Swapped
from adaptd.vocabulary import OperatingPoint, Setpoint
from adaptd.worker import lease as leases

ASIDE_US, LONGEST_ASIDE_US = 60_000_000, 3_600_000_000
NO_END = 1 << 62
Tell = Callable[[Applied | Swapped | Fault], None]


class Setpoints:
    """Where the worker is, and the only place that moves it. ``frame`` is the last frame served, kept by the loop."""

    def __init__(
        self,
        pool: WarmPool,
        lease: leases.Lease,
        deadline_us: int,
        clock: WaitingClock,
        tell: Tell,
        set_rate: Callable[[int], None],
    ) -> None:
        self._pool = pool
        self._now_us = clock.now_us
        self._tell = tell
        self._set_rate = set_rate
        self._orders: deque[tuple[Setpoint, int]] = deque()
        self._orphaned = False
        self.alarm = False
        self.reference = self.variant = lease.reference
        self.lease = lease
        self.order = Setpoint(0, lease.reference, lease.point.fps_mfps, 0, 0, "", "")
        self.deadline_us = deadline_us
        self.until_frame = NO_END
        self._aside_until_us: dict[str, int] = {}
        self._times_slow: dict[str, int] = {}
        self._refused: tuple[int, str] = (-1, "")
        self.swaps = 0
        self.frame = -1

    @property
    def quarantined(self) -> tuple[str, ...]:
        """Variants that are broken and not served any more."""
        return self._pool.quarantined

    @property
    def slow(self) -> tuple[str, ...]:
        """Variants set aside for a while because they crawled."""
        now_us = self._now_us()
        return tuple(sorted(name for name, until_us in tuple(self._aside_until_us.items()) if now_us < until_us))

    def offer(self, setpoint: Setpoint) -> None:
        """Hold this setpoint from the next frame on."""
        self._orders.append((setpoint, self._now_us()))
        self.alarm = True

    def orphan(self) -> None:
        """The daemon is gone: the reference at the safe rate from the next frame on."""
        self._orphaned = True
        self.alarm = True

    def heed(self) -> None:
        """Do what was asked since the last frame."""
        self.alarm = False
        while self._orders:
            self._obey(*self._orders.popleft())
        if self._orphaned:
            self._orphaned = False
            self._fall_back("orphan")

    def keep_lease(self, now_us: int) -> None:
        """Fall back to the reference where the lease has run out."""
        if self.lease.expired(now_us):
            self.tell_fault("lease", "the lease ended without renewal; the reference serves", "")
            self._fall_back("lease")

    def set_aside(self, variant: str) -> int:
        """Leave a variant that crawls, for a minute, twice as long each time, an hour at most; how long, in microseconds."""
        times = self._times_slow.get(variant, 0)
        self._times_slow[variant] = times + 1
        aside_us = min(ASIDE_US << min(times, 10), LONGEST_ASIDE_US)
        self._aside_until_us[variant] = self._now_us() + aside_us
        self.to_reference("slow")
        return aside_us

    def end_of_credit(self) -> None:
        """The loss account has credit for no further frame: the reference serves until the next setpoint."""
        self.until_frame = NO_END
        self.to_reference("account")

    def acquit(self) -> None:
        """Nobody crawls more than the reference does: it is the machine."""
        self._aside_until_us.clear()
        self._times_slow.clear()

    def to_reference(self, reason: str) -> None:
        """Leave a variant that cannot serve, at the rate that holds."""
        self._swap(self.reference, reason, self.order.seq, self._now_us())

    def tell_fault(self, kind: str, text: str, variant: str) -> None:
        """Say in one line what is wrong."""
        self._tell(Fault(kind, text, self._now_us(), variant))

    def _obey(self, order: Setpoint, received_us: int) -> None:
        point = OperatingPoint(order.variant, order.fps_mfps)
        taken = leases.take(self.lease, point, order.lease_us, received_us, order.safe_mfps)
        if isinstance(taken, str):
            self._refuse(order, taken)
            return
        if order.variant in self.slow:
            self._refuse(order, f"{order.variant} is set aside as too slow")
            return
        try:
            self._swap(order.variant, "setpoint", order.seq, received_us)
        except EngineError as error:
            self._refuse(order, str(error))
            return
        self.lease, self.order = taken, order
        self.until_frame = NO_END if order.until_frame is None or order.variant == self.reference else order.until_frame
        self.deadline_us = self.deadline_us if order.deadline_us is None else order.deadline_us
        now_us = self._now_us()
        self._tell(Applied(order.seq, order.variant, order.fps_mfps, now_us - received_us, now_us))
        self._set_rate(order.fps_mfps)  # last: after a pause it runs the engine, which may turn out to be broken

    def _refuse(self, order: Setpoint, reason: str) -> None:
        """Say once why a setpoint does not hold: the daemon renews it at every tick, and each fault is a durable record."""
        if self._refused != (order.seq, reason):
            self._refused = (order.seq, reason)
            self.tell_fault("refused", f"setpoint {order.seq}: {reason}", order.variant)

    def _fall_back(self, reason: str) -> None:
        self.lease = leases.start(self.reference, self.lease.safe_mfps)
        self.order = Setpoint(self.order.seq, self.reference, self.lease.safe_mfps, 0, 0, "", self.order.band)
        self._swap(self.reference, reason, self.order.seq, self._now_us())
        self._set_rate(self.lease.safe_mfps)

    def _swap(self, variant: str, reason: str, seq: int, since_us: int) -> None:
        """Point the next frame at ``variant``. Raises EngineError where it is not warm; the reference always is."""
        if variant == self.variant:
            return
        self._pool.swap(variant)
        old, self.variant = self.variant, variant
        self.swaps += 1
        now_us = self._now_us()
        self._tell(Swapped(seq, old, variant, reason, self.frame, now_us - since_us, now_us))
