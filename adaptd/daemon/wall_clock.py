"""The wall clock against the monotonic one: it may step, and then it is said; nothing is decided by it."""

STEP_MS = 500


class WallClock:
    """Remembers how far the two clocks are apart; slow drift is followed, a step is told."""

    def __init__(self, now_us: int, utc_ms: int) -> None:
        self._offset_ms = utc_ms - now_us // 1000

    def step(self, now_us: int, utc_ms: int) -> tuple[int, int] | None:
        """What the clock would have said without a step, and what it says; None where it did not step."""
        before_ms = self._offset_ms + now_us // 1000
        self._offset_ms = utc_ms - now_us // 1000
        return (before_ms, utc_ms) if abs(utc_ms - before_ms) >= STEP_MS else None
