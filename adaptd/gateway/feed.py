"""What the daemon says, once a second, for everybody in this process.

One poller asks the daemon's socket; every page, scraper and plug-in reads what it found. So a thousand readers cost the
daemon one request a second, and a daemon that is away is a typed absence with its reason, never an old number.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Union, final

from adaptd.client import ApiError

PERIOD_S = 1.0
LONGEST_WAIT_S = 5.0
DEPTH = 8


class Reason(str, Enum):
    """Why there is no status document."""

    NOT_ASKED = "not_asked"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    STARTING = "starting"


@dataclass(frozen=True, slots=True)
class Seen:
    """A status document, the ``number``-th of this process, received at ``at_us`` (monotonic) and ``utc_ms`` (a stamp)."""

    document: dict[str, Any]
    number: int
    at_us: int
    utc_ms: int


@dataclass(frozen=True, slots=True)
class Absent:
    """No status document: why, in one line for people, and since when (monotonic, then wall clock as a stamp)."""

    reason: Reason
    words: str
    since_us: int
    since_utc_ms: int


State = Union[Seen, Absent]
Ask = Callable[[], dict[str, Any]]
Sleep = Callable[[float], Awaitable[None]]


@final
class Subscription:
    """``async for state in subscription``: the latest state at once, then each new one. Who is slow loses the oldest."""

    def __init__(self, first: State, depth: int) -> None:
        self._waiting: deque[State] = deque([first], maxlen=depth)
        self._news = asyncio.Event()
        self._news.set()
        self.dropped = 0

    def offer(self, state: State) -> None:
        """Queue one more state; the oldest makes room for it."""
        self.dropped += len(self._waiting) == self._waiting.maxlen
        self._waiting.append(state)
        self._news.set()

    def __aiter__(self) -> AsyncIterator[State]:
        return self

    async def __anext__(self) -> State:
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()


class Feed:
    """Polls the daemon and tells every subscriber. ``latest`` is always there to be read and never waits."""

    def __init__(self, ask: Ask, *, period_s: float = PERIOD_S, sleep: Sleep = asyncio.sleep) -> None:
        self._ask, self._period_s, self._sleep = ask, period_s, sleep
        self._subscribers: list[Subscription] = []
        self._number = 0
        self.latest: State = Absent(Reason.NOT_ASKED, "the daemon has not been asked yet", mono_us(), utc_ms())

    @contextmanager
    def subscribe(self, depth: int = DEPTH) -> Iterator[Subscription]:
        """``with feed.subscribe() as states: async for state in states: ...``; at most ``depth`` wait for a slow reader."""
        one = Subscription(self.latest, depth)
        self._subscribers.append(one)
        try:
            yield one
        finally:
            self._subscribers.remove(one)

    async def run(self) -> None:
        """Ask for ever: each period while the daemon answers, with doubling waits up to ``LONGEST_WAIT_S`` while it is away."""
        away_s = self._period_s
        while True:
            began_s = time.monotonic()
            state = await self._once()
            self.latest = state
            for subscriber in self._subscribers:
                subscriber.offer(state)
            if isinstance(state, Seen):
                away_s = self._period_s
                wait_s = max(0.05, self._period_s - (time.monotonic() - began_s))
            else:
                wait_s, away_s = away_s, min(2 * away_s, LONGEST_WAIT_S)
            await self._sleep(wait_s)

    async def _once(self) -> State:
        try:
            document = await asyncio.to_thread(self._ask)
        except ApiError as error:
            return self._absent(Reason.UNREACHABLE, str(error))
        except (json.JSONDecodeError, UnicodeDecodeError):
            return self._absent(Reason.UNREADABLE, "the daemon's answer is no JSON, is this adaptd's socket?")
        if "operating_point" not in document:
            return self._absent(Reason.STARTING, "the daemon is starting: no decision yet")
        self._number += 1
        return Seen(document, self._number, mono_us(), utc_ms())

    def _absent(self, reason: Reason, words: str) -> Absent:
        before = self.latest
        if isinstance(before, Absent) and before.reason is reason:
            return Absent(reason, words, before.since_us, before.since_utc_ms)
        return Absent(reason, words, mono_us(), utc_ms())


def mono_us() -> int:
    return time.monotonic_ns() // 1000


def utc_ms() -> int:
    return time.time_ns() // 1_000_000
