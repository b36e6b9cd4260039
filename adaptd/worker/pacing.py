"""Which frames are served at the set rate: an absolute schedule, so that no error adds up. No clock of its own.

The tick ``k`` of a schedule lies at ``origin + k * 10^9 / rate`` microseconds (a rate in frames per 1000 s), computed anew from
the origin each time. A frame serves a tick when it is the nearest one: it may come up to half a source interval early.
"""

MICROSECONDS_MFPS = 1_000_000_000
SMOOTHING = 8
ODD, SETTLED, MEMORY = 2, 12, 64  # intervals left out at first, needed before a rate is believed, remembered


class Pacer:
    """Decides for each frame that arrives whether it is one of the set rate's. At rate 0 none is."""

    def __init__(self, rate_mfps: int, now_us: int) -> None:
        self.rate_mfps = rate_mfps
        self._origin_us = now_us
        self._tick = 0

    def set_rate(self, rate_mfps: int, now_us: int) -> None:
        """Change the rate. The next frame is due one new period after the last tick, at once where that has passed."""
        if rate_mfps == self.rate_mfps:
            return
        last_us = self._at(self._tick - 1) if self.rate_mfps and self._tick else None
        self.rate_mfps, self._origin_us, self._tick = rate_mfps, now_us, 0
        if last_us is not None and rate_mfps and last_us + self.period_us > now_us:
            self._origin_us, self._tick = last_us, 1

    def next_us(self) -> int | None:
        """When the next frame is due; None while the rate is 0."""
        return self._at(self._tick) if self.rate_mfps else None

    def take(self, now_us: int, source_interval_us: int = 0) -> bool:
        """Whether the frame that arrives now is to be served."""
        if not self.rate_mfps:
            return False
        slack_us = min(source_interval_us, self.period_us) // 2
        if now_us + slack_us < self._at(self._tick):
            return False
        now_at = (now_us + slack_us - self._origin_us) * self.rate_mfps // MICROSECONDS_MFPS
        self._tick = max(now_at, self._tick) + 1
        return True

    @property
    def period_us(self) -> int:
        """Length of one period, 0 while the rate is 0."""
        return MICROSECONDS_MFPS // self.rate_mfps if self.rate_mfps else 0

    def _at(self, tick: int) -> int:
        return self._origin_us + tick * MICROSECONDS_MFPS // self.rate_mfps


class RateMeter:
    """The rate at which frames really arrive: means of intervals that forget, in integers.

    A quick one says how far frames lie apart now, for pacing. A slow one is the rate that is shown and planned with: the first
    intervals of a source are odd, and a few late frames on a busy machine are no slower camera, so it says nothing before
    SETTLED intervals and then remembers some MEMORY of them.
    """

    def __init__(self) -> None:
        self._last_us: int | None = None
        self._interval_us8 = 0
        self._count = 0
        self._slow_us = 0  # sum of the intervals that the slow mean stands for

    def arrived(self, now_us: int) -> None:
        if self._last_us is not None:
            interval_us = max(now_us - self._last_us, 1)
            known = self._interval_us8
            self._interval_us8 = known + interval_us - known // SMOOTHING if known else interval_us * SMOOTHING
            self._count += 1
            if self._count > ODD:
                kept = min(self._count - ODD - 1, MEMORY)
                self._slow_us += interval_us - (self._slow_us // MEMORY if kept == MEMORY else 0)
        self._last_us = now_us

    @property
    def interval_us(self) -> int:
        """Smoothed interval; 0 before the second frame."""
        return self._interval_us8 // SMOOTHING

    @property
    def mfps(self) -> int | None:
        """Frames per 1000 s; None before SETTLED intervals."""
        kept = min(self._count - ODD, MEMORY)
        return MICROSECONDS_MFPS * kept // self._slow_us if kept >= SETTLED and self._slow_us else None
