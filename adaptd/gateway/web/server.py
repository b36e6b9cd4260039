"""The page's server: listens, serves, and ends with the gateway. A port in use is told of and tried again."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn

from adaptd.gateway.web.guard import App

MAX_CONNECTIONS = 160
END_S = 2


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
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        before_end()
        server.should_exit = True
        await asyncio.wait([task], timeout=END_S + 1)
        raise
    finally:
        listener.close()
