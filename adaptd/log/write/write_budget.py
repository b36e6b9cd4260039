"""The wear budget: how many bytes the log lets the device write, and when the next group of records may be committed.

A commit is billed by the blocks it touches. Budget accrues with time like a bucket that holds one hour; when it is low, groups
grow coarser, up to ``longest_us``. Nothing is ever dropped for it, and a durable record never waits.
"""

BLOCK = 4096
DAY_US = 86_400_000_000
_BUCKET_US = 3_600_000_000


class Wear:
    """Bytes billed so far against a budget of ``budget_mb`` (10^6 bytes) a day."""

    def __init__(self, budget_mb: int, now_us: int, *, shortest_us: int, longest_us: int) -> None:
        self._per_day = budget_mb * 1_000_000
        self._bucket = self._per_day * _BUCKET_US // DAY_US
        self._level = self._bucket // 8
        self._accrued_at = now_us
        self._committed_at = now_us
        self._shortest, self._longest = shortest_us, longest_us
        self.written = 0

    def bill(self, offset: int, length: int, now_us: int, *, blocks: int = 1) -> None:
        """One commit: a write of ``length`` at ``offset`` and ``blocks`` more blocks (the head)."""
        touched = (offset + length - 1) // BLOCK - offset // BLOCK + 1 if length else 0
        cost = (touched + blocks) * BLOCK * 11 // 10  # a tenth more for the file system's own blocks, as measured on ext4
        self.written += cost
        self._accrue(now_us)
        self._level -= cost
        self._committed_at = now_us

    def due(self, pending: int, now_us: int) -> bool:
        """Whether ``pending`` bytes may be committed now for a reason other than being durable."""
        waited = now_us - self._committed_at
        if waited < self._shortest:
            return False
        self._accrue(now_us)
        return waited >= self._longest or self._level >= pending + 2 * BLOCK

    @property
    def over(self) -> bool:
        """Whether an hour's budget is overdrawn: records come faster than it allows even in the coarsest groups."""
        return self._level < -self._bucket

    def _accrue(self, now_us: int) -> None:
        gained = (now_us - self._accrued_at) * self._per_day // DAY_US
        if gained > 0:
            self._level = min(self._level + gained, self._bucket)
            self._accrued_at = now_us
