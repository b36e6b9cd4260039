"""The page as one thing that lives off the feed: its parts put together, its rules checked, its address told."""

import asyncio
from typing import Any

from adaptd.client import default_state, preview
from adaptd.gateway import GatewayError
from adaptd.gateway.commands import Commander
from adaptd.gateway.feed import Feed
from adaptd.gateway.latency import Latencies
from adaptd.gateway.logbook import Logbook
from adaptd.gateway.plugins import Arguments, Tell, end, keep
from adaptd.gateway.web.app import Parts, make_app
from adaptd.gateway.web.guard import LOOPBACK, Guard, Rules, address_of, is_loopback
from adaptd.gateway.web.server import listen, serve
from adaptd.gateway.web.stream import Glimpse, Stream
from adaptd.gateway.web.tokens import read_tokens


class Page:
    """Serves page, stream, metrics and, where they are on, commands.

    Raises:
        GatewayError: at construction, where the arguments would open the page to strangers or name an unusable file.
    """

    name = "page"

    def __init__(self, arguments: Arguments, tell: Tell) -> None:
        self._arguments, self._tell = arguments, tell
        self._rules = rules_of(arguments)
        self._latencies = Latencies(arguments.socket)
        self._latencies.start()
        self._logbook: Logbook | None = None
        self._commander = Commander.to_socket(arguments.commands, arguments.socket)

    async def run(self, feed: Feed) -> None:
        """Serve until cancelled; raises OSError where the port cannot be had."""
        listener = listen(self._arguments.host, self._arguments.port)
        host = self._arguments.host
        self._tell(f"page http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/")
        book = self._logbook = self._logbook or Logbook(self._arguments.audit)
        stream = Stream(feed, self._beside)
        parts = Parts(
            feed=feed,
            logbook=book,
            latencies=self._latencies,
            commander=self._commander,
            glimpse=Glimpse(lambda: preview(self._arguments.socket)),
            stream=stream,
            box=self._arguments.box_name,
            version=self._arguments.version,
            state=self._arguments.state or default_state(),
        )
        beside = [
            asyncio.ensure_future(keep("history", lambda: book.run(feed), self._tell)),
            asyncio.ensure_future(keep("log size", book.measure, self._tell)),
        ]
        try:
            await serve(Guard(make_app(parts), self._rules), listener, before_end=stream.close)
        finally:
            await end(*beside)

    def _beside(self) -> dict[str, Any]:
        """What the gateway itself adds to every message of the stream."""
        book = self._logbook
        assert book is not None
        return {
            "box": self._arguments.box_name,
            "version": self._arguments.version,
            "commands": self._commander.enabled,
            "log_bytes": book.size_bytes,
            "history": book.history,
            "verification": book.verification(),
        }


def rules_of(arguments: Arguments) -> Rules:
    """Who may read, from the arguments; raises GatewayError where that would be everybody."""
    tokens = read_tokens(arguments.token_file)
    here = arguments.host == "localhost" or is_loopback(arguments.host)
    if not here and not tokens and arguments.proxy_header is None:
        raise GatewayError(
            f"--host {arguments.host}: other machines could read the page, give a --token-file or a --proxy-header"
        )
    if arguments.commands and not tokens.commander and arguments.mqtt is None:  # over MQTT the broker says who may
        raise GatewayError("--commands: nobody has that right, add a line `NAME TOKEN commands` to a --token-file")
    for address in arguments.proxies:
        if address_of(address) is None:
            raise GatewayError(f"--proxy {address}: is no IP address, give the one the proxy calls from")
    hosts = frozenset(host.lower() for host in (*arguments.hosts, arguments.host))
    return Rules(tokens, hosts, arguments.proxy_header, frozenset(arguments.proxies) or LOOPBACK)
