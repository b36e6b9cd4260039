"""The camera's newest picture for the page: asked of the worker only when somebody looks, once a second for all of them."""

import asyncio
import time
from collections.abc import Callable

from adaptd.client import ApiError

EVERY_S = 0.9
Ask = Callable[[], bytes]


class Glimpse:
    """One picture a second, shared by whoever looks. ``ask`` may block; it runs in a thread, one call at a time."""

    def __init__(self, ask: Ask, now_s: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._now_s = ask, now_s
        self._lock = asyncio.Lock()
        self._at_s: float | None = None
        self._found: bytes | str = "no picture yet"

    async def picture(self) -> bytes | str:
        """A JPEG, or in one line why there is none."""
        async with self._lock:
            if self._at_s is None or self._now_s() - self._at_s >= EVERY_S:
                self._found = await self._fresh()
                self._at_s = self._now_s()
            return self._found

    async def _fresh(self) -> bytes | str:
        try:
            return await asyncio.to_thread(self._ask) or "the camera has given no picture yet"
        except ApiError as error:
            return str(error)
