"""What one client may ask for: pure bookkeeping with an injected clock."""

from dataclasses import dataclass, field

MAX_REQUEST_BYTES = 64 * 1024
REQUEST_DEADLINE_S = 1.0
MAX_CONNECTIONS = 16
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
