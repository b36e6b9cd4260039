"""What one client may ask for: pure bookkeeping with an injected clock."""

import threading
from dataclasses import dataclass, field

MAX_REQUEST_BYTES = 64 * 1024
REQUEST_DEADLINE_S = 1.0
MAX_CONNECTIONS = 16
MAX_FOR_OTHERS = 12  # the rest is for root and the daemon's own user, whoever else is there
MAX_FOR_ONE = 8
RATE_PER_S = 50
BURST = 100
MAX_TRACKED_UIDS = 64


@dataclass
class TokenBucket:
    """``RATE_PER_S`` requests a second on average, ``BURST`` at once."""

    tokens_us: int = BURST * 1_000_000
    at_us: int = 0

    def take(self, now_us: int) -> bool:
        """True when one more request is within the rate."""
        elapsed_us = max(0, now_us - self.at_us)
        self.at_us = max(now_us, self.at_us)
        self.tokens_us = min(BURST * 1_000_000, self.tokens_us + elapsed_us * RATE_PER_S)
        if self.tokens_us < 1_000_000:
            return False
        self.tokens_us -= 1_000_000
        return True


@dataclass
class Limiter:
    """One bucket for each user id that ever connected; the number of buckets is bounded."""

    buckets: dict[int, TokenBucket] = field(default_factory=dict)

    def allow(self, uid: int, now_us: int) -> bool:
        """True when this user may make one more request now."""
        if uid not in self.buckets:
            if len(self.buckets) >= MAX_TRACKED_UIDS:
                self.buckets.pop(next(iter(self.buckets)))
            self.buckets[uid] = TokenBucket(at_us=now_us)
        return self.buckets[uid].take(now_us)


class Seats:
    """Who holds how many connections: one user cannot take them all, and all of them together cannot lock root out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[int, int] = {}
        self._others = 0

    def take(self, uid: int, *, owner: bool) -> bool:
        """True where one more connection of ``uid`` is accepted; ``owner`` is root or the daemon's own user."""
        with self._lock:
            if sum(self._held.values()) >= MAX_CONNECTIONS:
                return False
            if not owner and (self._others >= MAX_FOR_OTHERS or self._held.get(uid, 0) >= MAX_FOR_ONE):
                return False
            self._held[uid] = self._held.get(uid, 0) + 1
            self._others += not owner
            return True

    def leave(self, uid: int, *, owner: bool) -> None:
        """One connection of ``uid`` has ended."""
        with self._lock:
            self._held[uid] -= 1
            self._others -= not owner
            if not self._held[uid]:
                del self._held[uid]
