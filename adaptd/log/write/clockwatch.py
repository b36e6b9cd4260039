"""Telling a step of the wall clock from its drift, for the ``clock_step`` records. Times are handed in."""


class ClockWatch:
    """Remembers how far the wall clock is ahead of the monotonic one; a change by ``tolerance_ms`` between looks is a step."""

    def __init__(self, tolerance_ms: int = 500) -> None:
        self._tolerance_ms = tolerance_ms
        self._offset_ms: int | None = None

    def look(self, mono_us: int, utc_ms: int) -> tuple[int, int] | None:
        """The wall-clock times (without the step, with it) in ms if the clock stepped since the last look, else None."""
        offset_ms, before = utc_ms - mono_us // 1000, self._offset_ms
        self._offset_ms = offset_ms
        if before is None or abs(offset_ms - before) < self._tolerance_ms:
            return None
        return before + mono_us // 1000, utc_ms
