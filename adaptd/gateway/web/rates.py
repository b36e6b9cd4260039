"""How often one address may ask: pure bookkeeping with an injected clock."""

from dataclasses import dataclass, field

REQUESTS_PER_S = 40
REQUESTS_BURST = 200
GUESSES_PER_MINUTE = 5
MAX_TRACKED = 256
MINUTE_US = 60_000_000


@dataclass(slots=True)
class Bucket:
    """``per_s`` on average, ``burst`` at once. Levels are micro-tokens, so that no fraction is lost."""

    per_s: int
    burst: int
    level: int
    at_us: int

    def take(self, now_us: int) -> bool:
        """True when one more is within the rate."""
        passed_us = max(0, now_us - self.at_us)
        self.at_us = max(now_us, self.at_us)
        self.level = min(self.burst * 1_000_000, self.level + passed_us * self.per_s)
        if self.level < 1_000_000:
            return False
        self.level -= 1_000_000
        return True


@dataclass(slots=True)
class Rates:
    """One bucket an address, and how often it guessed a token wrongly in this minute. Both tables are bounded."""

    per_s: int = REQUESTS_PER_S
    burst: int = REQUESTS_BURST
    buckets: dict[str, Bucket] = field(default_factory=dict)
    wrong: dict[str, list[int]] = field(default_factory=dict)

    def allow(self, peer: str, now_us: int) -> bool:
        """True when ``peer`` may ask once more now."""
        if peer not in self.buckets:
            _make_room(self.buckets)
            self.buckets[peer] = Bucket(self.per_s, self.burst, self.burst * 1_000_000, now_us)
        return self.buckets[peer].take(now_us)

    def may_guess(self, peer: str, now_us: int) -> bool:
        """False once ``peer`` presented ``GUESSES_PER_MINUTE`` wrong tokens within a minute."""
        recent = [at_us for at_us in self.wrong.get(peer, ()) if now_us - at_us < MINUTE_US]
        return len(recent) < GUESSES_PER_MINUTE

    def guessed(self, peer: str, now_us: int) -> None:
        """Note a wrong token."""
        recent = [at_us for at_us in self.wrong.pop(peer, ()) if now_us - at_us < MINUTE_US]
        _make_room(self.wrong)
        self.wrong[peer] = [*recent, now_us]


def _make_room(table: dict[str, "Bucket"] | dict[str, list[int]]) -> None:
    """Forget the address known longest where the table is full."""
    if len(table) >= MAX_TRACKED:
        table.pop(next(iter(table)))
