"""What all readers of the page share: the status as it comes, encoded once, and the camera's picture, asked for once a second."""

import asyncio
import json
import time
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from adaptd.client import ApiError
from adaptd.gateway.feed import Feed, Seen, State
from adaptd.gateway.web.guard import Receive, Refusal, Scope, Send, refuse

MAX_STREAMS = 64
HEARTBEAT_S = 15.0
SEND_DEADLINE_S = 20.0
PICTURE_EVERY_S = 0.9
Beside = Callable[[], dict[str, Any]]


def state_words(state: State) -> dict[str, Any]:
    """A state as the page reads it: a status document, or null with the reason."""
    if isinstance(state, Seen):
        return {"status": state.document, "number": state.number, "utc_ms": state.utc_ms}
    return {"status": None, "absent": state.reason.value, "words": state.words, "since_utc_ms": state.since_utc_ms}


class Stream:
    """ASGI application for the stream. ``beside`` is what the gateway itself adds to every message."""

    def __init__(self, feed: Feed, beside: Beside) -> None:
        self._feed, self._beside = feed, beside
        self._encoded: tuple[State, bytes] | None = None
        self._closing = asyncio.Event()
        self.open = 0

    def close(self) -> None:
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the reader leaves, stops reading, or the gateway ends."""
        del scope
        if self.open >= MAX_STREAMS:
            await refuse(send, Refusal(503, f"{MAX_STREAMS} pages are open already, close one"))
            return
        self.open += 1
        ends = [asyncio.ensure_future(_left(receive)), asyncio.ensure_future(self._closing.wait())]
        try:
            await self._serve(send, ends)
        except (asyncio.TimeoutError, OSError):
            pass  # who does not read is not waited for
        finally:
            self.open -= 1
            for end in ends:
                end.cancel()

    async def _serve(self, send: Send, ends: "Sequence[asyncio.Future[Any]]") -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _piece(send, b"retry: 2000\n\n")
        with self._feed.subscribe(depth=2) as states:
            news = asyncio.ensure_future(states.__anext__())
            try:
                while True:
                    await asyncio.wait([news, *ends], timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
                    if any(end.done() for end in ends):
                        break
                    if not news.done():
                        await _piece(send, b": still here\n\n")
                        continue
                    await _piece(send, self._event(news.result()))
                    news = asyncio.ensure_future(states.__anext__())
            finally:
                news.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _event(self, state: State) -> bytes:
        """One event; fifty readers of one state share its bytes."""
        if self._encoded is None or self._encoded[0] is not state:
            text = json.dumps({**state_words(state), "gateway": self._beside()}, separators=(",", ":"))
            number = state.number if isinstance(state, Seen) else 0
            self._encoded = (state, f"id: {number}\nevent: state\ndata: {text}\n\n".encode())
        return self._encoded[1]


async def _piece(send: Send, body: bytes) -> None:
    message: MutableMapping[str, Any] = {"type": "http.response.body", "body": body, "more_body": True}
    await asyncio.wait_for(send(message), SEND_DEADLINE_S)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Glimpse:
    """One picture a second, shared by whoever looks. ``ask`` may block; it runs in a thread, one call at a time."""

    def __init__(self, ask: Callable[[], bytes], now_s: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._now_s = ask, now_s
        self._lock = asyncio.Lock()
        self._at_s: float | None = None
        self._found: bytes | str = "no picture yet"

    async def picture(self) -> bytes | str:
        """A JPEG, or in one line why there is none."""
        async with self._lock:
            if self._at_s is None or self._now_s() - self._at_s >= PICTURE_EVERY_S:
                self._found = await self._fresh()
                self._at_s = self._now_s()
            return self._found

    async def _fresh(self) -> bytes | str:
        try:
            return await asyncio.to_thread(self._ask) or "the camera has given no picture yet"
        except ApiError as error:
            return str(error)
