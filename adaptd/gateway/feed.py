"""What the daemon says, once a second, for everybody in this process.

One poller asks the daemon's socket; every page, scraper and plug-in reads what it found. So a thousand readers cost the
daemon one request a second, and a daemon that is away is a typed absence with its reason, never an old number.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Union, final

from adaptd.client import ApiError, get_json

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


@final
class Subscription:
    """``async for state in subscription``: the latest state at once, then each new one. Who is slow loses the oldest."""

    def __init__(self, feed: "Feed", depth: int) -> None:
        self._feed = feed
        self._waiting: deque[State] = deque([feed.latest], maxlen=depth)
        self._news = asyncio.Event()
        self._news.set()
        self.dropped = 0

    def __enter__(self) -> "Subscription":
        self._feed.join(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._feed.leave(self)

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

    def __init__(
        self,
        ask: Ask,
        *,
        period_s: float = PERIOD_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ask, self._period_s, self._sleep = ask, period_s, sleep
        self._subscribers: list[Subscription] = []
        self._number = 0
        self.latest: State = Absent(Reason.NOT_ASKED, "the daemon has not been asked yet", _mono_us(), _utc_ms())

    @classmethod
    def from_socket(cls, path: Path) -> "Feed":
        """The feed of the daemon that listens on ``path``."""
        return cls(lambda: get_json(path, "/v1/status"))

    def subscribe(self, depth: int = DEPTH) -> Subscription:
        """``with feed.subscribe() as states: async for state in states: ...``; at most ``depth`` wait for a slow reader."""
        return Subscription(self, depth)

    def join(self, subscription: Subscription) -> None:
        """Tell ``subscription`` from now on."""
        self._subscribers.append(subscription)

    def leave(self, subscription: Subscription) -> None:
        """Tell it no more."""
        self._subscribers.remove(subscription)

    async def run(self) -> None:
        """Ask for ever: each period while the daemon answers, with doubling waits up to ``LONGEST_WAIT_S`` while it is away."""
        away_s = self._period_s
        while True:
            began_s = time.monotonic()
            state = await self._once()
            self._publish(state)
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
        return Seen(document, self._number, _mono_us(), _utc_ms())

    def _absent(self, reason: Reason, words: str) -> Absent:
        before = self.latest
        if isinstance(before, Absent) and before.reason is reason:
            return Absent(reason, words, before.since_us, before.since_utc_ms)
        return Absent(reason, words, _mono_us(), _utc_ms())

    def _publish(self, state: State) -> None:
        self.latest = state
        for subscriber in self._subscribers:
            subscriber.offer(state)


def _mono_us() -> int:
    return time.monotonic_ns() // 1000


def _utc_ms() -> int:
    return time.time_ns() // 1_000_000
