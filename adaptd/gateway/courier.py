"""Checkpoints that leave the device: each new one is sent by a helper process, ``adaptd audit send``, to every target given.

The daemon has no network and needs none for this. What a target did not take is tried again; the newest checkpoint covers those
before it, so nothing is queued.
"""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, final

from adaptd.gateway import child
from adaptd.gateway.feed import Feed, Seen
from adaptd.gateway.plugins import Arguments, Tell

AT_MOST_EVERY_S = 60.0
DEADLINE_S = 120.0
Run = Callable[[tuple[str, ...], float], Awaitable[child.Done]]


@final
class Courier:
    """A plug-in. ``now_s`` is a monotonic clock."""

    name = "checkpoints"

    def __init__(
        self, arguments: Arguments, tell: Tell, run: Run = child.run, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._targets, self._folder, self._keep = arguments.checkpoint_to, arguments.audit, arguments.checkpoint_keep
        self._tell, self._run, self._now_s = tell, run, now_s
        self._sent: object = None
        self._next_s = 0.0
        self._trouble = ""

    async def run(self, feed: Feed) -> None:
        with feed.subscribe() as states:
            async for state in states:
                if isinstance(state, Seen):
                    await self.seen(state.document)

    async def seen(self, document: dict[str, Any]) -> None:
        """Send where the status names a checkpoint that has not been sent, at most once a minute."""
        audit = document.get("audit") or {}
        newest, folder = audit.get("checkpoint_seq", -1), self._folder or audit.get("folder")
        if newest in (-1, self._sent) or not folder or self._now_s() < self._next_s:
            return
        self._next_s = self._now_s() + AT_MOST_EVERY_S
        to = [word for target in self._targets for word in ("--to", target)]
        keep = () if self._keep is None else ("--keep", str(self._keep))
        done = await self._run(("audit", "send", str(Path(folder)), *to, *keep), DEADLINE_S)
        trouble = "" if done.code == 0 else done.errors or "did not end well"
        if not trouble:
            self._sent = newest
        if trouble != self._trouble:
            self._tell(f"checkpoints: {trouble or 'taken again'}")
            self._trouble = trouble
