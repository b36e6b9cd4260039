"""The gateway's process: one feed, the page and the plug-ins beside it, until SIGTERM or SIGINT."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence

from adaptd.client import get_json
from adaptd.gateway.feed import Absent, Feed, Reason
from adaptd.gateway.page import Page
from adaptd.gateway.plugins import Arguments, PlugIn, Tell, end, keep, plug_ins

NICE = 10
CHILD_PATIENCE_S = 5.0  # a gateway that ends with its daemon says nothing of the moments in which both come and go


def main(arguments: Arguments) -> int:
    """Serve until told to stop; returns the exit code.

    Raises:
        GatewayError: the arguments cannot be used as they are; nothing was served.
    """
    page = Page(arguments, tell)
    _stand_back()
    return asyncio.run(serve(arguments, [page, *plug_ins(arguments, tell)], tell))


def _stand_back() -> None:
    """Whatever readers ask for, the daemon's tick comes first: low priority, and never preempting on a wake-up."""
    with contextlib.suppress(OSError):
        os.nice(NICE)
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def tell(words: str) -> None:
    """One line for the operator; systemd's journal keeps it."""
    print(f"gateway: {words}", file=sys.stderr, flush=True)  # noqa: T201 - this is the operational log


async def serve(arguments: Arguments, beside: Sequence[PlugIn], say: Tell) -> int:
    """Run the feed and whatever lives off it at once; each is kept alive on its own."""
    feed = Feed(lambda: get_json(arguments.socket, "/v1/status"))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if arguments.until_eof:
        loop.add_reader(sys.stdin.fileno(), stop.set)
    tasks = [
        asyncio.ensure_future(keep("feed", feed.run, say)),
        asyncio.ensure_future(_tell_of_absence(feed, say, CHILD_PATIENCE_S if arguments.until_eof else 0.0)),
        *(asyncio.ensure_future(_beside(one, feed, say)) for one in beside),
    ]
    await stop.wait()
    await end(*tasks)
    return 0


async def _beside(one: PlugIn, feed: Feed, say: Tell) -> None:
    await keep(one.name, lambda: one.run(feed), say)


async def _tell_of_absence(feed: Feed, say: Tell, patience_s: float = 0.0) -> None:
    """Say once that the daemon is away and why, where that lasts for ``patience_s``, and once that it is back."""
    away: Reason | None = None
    told = False
    loop, waiting = asyncio.get_running_loop(), contextlib.ExitStack()

    def speak(state: Absent) -> None:
        nonlocal told
        told = True
        say(f"no status: {state.words}")

    with feed.subscribe() as states, waiting:
        async for state in states:
            if isinstance(state, Absent):
                if state.reason not in (away, Reason.NOT_ASKED):
                    away = state.reason
                    waiting.close()
                    waiting.callback(loop.call_later(patience_s, speak, state).cancel)
                continue
            waiting.close()
            if told:
                say("the daemon answers")
            away, told = None, False
