"""A model flickers; a pet does not: the state at an instant is the one that held most of the two seconds around it.

The filter is centred: what it says at ``t`` is about half a window before ``t``. Beginnings and ends are delayed alike, so
the length of a stretch is kept, and single wrong frames vanish whatever the frame rate.
"""

from collections import deque
from dataclasses import dataclass, replace

from adaptd.apps.feeder.activity import Activity


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of monotonic time in which one pet did one thing."""

    start_us: int
    end_us: int
    activity: Activity
    score_ppm: int = 0
    sure: bool = True  # the light was good enough for the model to be believed

    @property
    def length_us(self) -> int:
        return self.end_us - self.start_us


class Smoother:
    """Takes spans that follow one another, gives them back half a window later, each with the state of the majority."""

    def __init__(self, window_us: int) -> None:
        self._window_us = window_us
        self._recent: deque[Span] = deque()
        self._held: dict[Activity, int] = dict.fromkeys(Activity, 0)
        self._state = Activity.EMPTY
        self._out_us: int | None = None
        self._score_ppm = 0
        self._unsure_until_us = 0

    def feed(self, span: Span) -> list[Span]:
        """What is now certain. A long span is taken in pieces of a quarter window until it fills the window."""
        if self._out_us is None:
            self._out_us = span.start_us
        given: list[Span] = []
        at, piece = span.start_us, max(self._window_us // 4, 1)
        while at < span.end_us:
            filled = at - span.start_us >= self._window_us
            until = span.end_us if filled else min(at + piece, span.end_us)
            given += self._take(replace(span, start_us=at, end_us=until))
            at = until
        return given

    def flush(self) -> list[Span]:
        """The last half window, when nothing follows."""
        given: list[Span] = []
        if self._recent and self._out_us is not None and self._recent[-1].end_us > self._out_us:
            given = [self._emit(self._recent[-1].end_us)]
        self._recent.clear()
        self._held = dict.fromkeys(Activity, 0)
        self._state, self._out_us, self._unsure_until_us = Activity.EMPTY, None, 0
        return given

    def _take(self, span: Span) -> list[Span]:
        self._recent.append(span)
        self._held[span.activity] += span.length_us
        self._forget(span.end_us - self._window_us)
        best = max(self._held, key=self._held.__getitem__)
        if self._held[best] > self._held[self._state]:
            self._state = best
        if not span.sure:
            self._unsure_until_us = span.end_us
        if span.activity is self._state:
            self._score_ppm = span.score_ppm
        assert self._out_us is not None
        until = span.end_us - self._window_us // 2
        return [self._emit(until)] if until > self._out_us else []

    def _forget(self, before_us: int) -> None:
        while self._recent and self._recent[0].end_us <= before_us:
            gone = self._recent.popleft()
            self._held[gone.activity] -= gone.length_us
        first = self._recent[0]
        if first.start_us < before_us:
            self._recent[0] = replace(first, start_us=before_us)
            self._held[first.activity] -= before_us - first.start_us

    def _emit(self, until_us: int) -> Span:
        assert self._out_us is not None
        sure = self._unsure_until_us <= self._out_us  # what lies beside the dark is not sure either
        span = Span(start_us=self._out_us, end_us=until_us, activity=self._state, score_ppm=self._score_ppm, sure=sure)
        self._out_us = until_us
        return span
