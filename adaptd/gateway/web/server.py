"""The page's server: listens, serves, and ends with the gateway. A port in use is told of and tried again."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from adaptd.gateway.plugins import end
from adaptd.gateway.web.guard import App

MAX_CONNECTIONS = 160
END_S = 2
HEAD_S = 4


class Server(uvicorn.Server):
    """A server that leaves the process's signals to the gateway."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The gateway has handlers of its own."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: the port is in use or the address is not this machine's; the text says so with the remedy.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, else asyncio does not know it and leaves Nagle's algorithm on: 40 ms for every answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(64)
        listener.setblocking(False)
    except (OSError, OverflowError) as error:
        listener.close()
        words = getattr(error, "strerror", None) or str(error)
        raise OSError(f"{host}:{port}: cannot listen here ({words}), end what holds it or choose another --port") from None
    return listener


async def serve(app: App, listener: socket.socket, before_end: Callable[[], None]) -> None:
    """Answer on ``listener`` until cancelled, then call ``before_end`` and give open requests ``END_S`` seconds."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # whom to believe is the guard's to judge
        server_header=False,
        date_header=False,
        lifespan="off",
        ws="none",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=END_S,
        h11_max_incomplete_event_size=16 * 1024,
    )
    server = Server(config)
    task = asyncio.ensure_future(server.serve(sockets=[listener]))
    reaper = asyncio.ensure_future(_hang_up_on_the_silent(server))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        before_end()
        server.should_exit = True
        await asyncio.wait([task], timeout=END_S + 1)
        raise
    finally:
        await end(reaper)
        listener.close()


async def _hang_up_on_the_silent(server: Server) -> None:
    """Close connections that have begun no request ``HEAD_S`` after they were opened: uvicorn itself would keep them for ever."""
    since_s: dict[Any, float] = {}
    while True:
        await asyncio.sleep(1)
        now_s = time.monotonic()
        silent = {one for one in server.server_state.connections if getattr(one, "cycle", None) is None}
        since_s = {one: since_s.get(one, now_s) for one in silent}
        for one, began_s in since_s.items():
            if now_s - began_s > HEAD_S and one.transport is not None:
                one.transport.abort()
