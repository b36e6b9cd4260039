"""One connection to the broker, from connect to its end, on paho-mqtt.

paho's own reconnecting and queueing are not used: they keep what is unsent in memory alone. A link that has ended is thrown
away; what was not acknowledged is still in the outbox, and the next link sends it again. paho runs in a thread of its own; its
callbacks come back through the event loop, so that everything else stays single-threaded.
"""

import asyncio
import contextlib
import random
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from adaptd.gateway.mqtt.settings import Settings
from adaptd.gateway.mqtt.topics import Outgoing
from adaptd.gateway.outbox_schema import OutboxError
from adaptd.gateway.secret_file import SettingsError

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
KEEPALIVE_S = 30
CONNECT_S = 10.0
CLOSE_S = 2.0
MAX_INCOMING_BYTES = 131_072  # MQTT 5: the broker keeps larger messages to itself; over 64 kB is refused here, and said
IN_FLIGHT = 50
CLOCK_CODES = (9, 10)  # OpenSSL: certificate not yet valid, certificate has expired

Heard = Callable[[str, bytes, bool], None]


class LinkError(Exception):
    """There is no connection. ``str(error)`` is one line with what to look at."""


async def keep_connected(connection: Callable[[], Awaitable[None]], say: Callable[[str], None]) -> None:
    """Run one ``connection`` after another for ever, with waits that double; why one ended is said where it is another reason."""
    wait_s, said = FIRST_WAIT_S, ""
    while True:
        began_s, words = time.monotonic(), ""
        try:
            await connection()
        except (LinkError, SettingsError, OutboxError) as error:
            words = str(error)
        wait_s = FIRST_WAIT_S if time.monotonic() - began_s > LONGEST_WAIT_S else wait_s
        if words != said:
            said = words
            say(f"{words}; trying again every {FIRST_WAIT_S:g} to {LONGEST_WAIT_S:g} s")
        await asyncio.sleep(wait_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads boxes, guards nothing
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


class Link:
    """A connection. ``on_message(topic, payload, retained)`` is called in the event loop; ``ended`` is set when it is over."""

    def __init__(self, settings: Settings, client_id: str, will: Outgoing, on_message: Heard) -> None:
        self.settings = settings
        self.ended = asyncio.Event()
        self.why_ended = ""
        self.max_packet = 0
        self._loop = asyncio.get_running_loop()
        self._heard = on_message
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        five = settings.version == "5"
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            None if five else True,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.connect_timeout = CONNECT_S
        self._client.will_set(will.topic, will.payload, will.qos, will.retain)
        if settings.user:
            self._client.username_pw_set(settings.user, settings.password or None)
        if (context := settings.context()) is not None:
            self._client.tls_set_context(context)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    async def open(self) -> None:
        """Connect.

        Raises:
            LinkError: the broker cannot be reached, its certificate is not good, or it refuses.
        """
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            try:
                await asyncio.wait_for(self._connected(), 2 * CONNECT_S)
                self._client.loop_start()
                await asyncio.wait_for(self._opened, CONNECT_S)
            except (OSError, ValueError, asyncio.TimeoutError) as error:
                raise LinkError(f"{self.settings.broker}: {_words(error)}") from None
            on_failure.pop_all()

    async def _connected(self) -> None:
        """Connect in a daemon thread: a handshake that hangs holds up neither the event loop nor the gateway's end."""
        future: asyncio.Future[None] = self._loop.create_future()

        def work() -> None:
            try:
                self._connect()
            except (OSError, ValueError) as error:
                self._soon(_settle, future, error)
            else:
                self._soon(_settle, future, None)

        threading.Thread(target=work, name="mqtt-connect", daemon=True).start()
        await future

    def _connect(self) -> None:
        host, port = self.settings.host, self.settings.port
        if self.settings.version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = MAX_INCOMING_BYTES
            self._client.connect(host, port, KEEPALIVE_S, clean_start=True, properties=properties)
        else:
            self._client.connect(host, port, KEEPALIVE_S)

    def publish(self, message: Outgoing) -> "asyncio.Future[None]":
        """Hand a message to the broker; the future is done when it is sent (QoS 0) or acknowledged (QoS 1), or fails."""
        future: asyncio.Future[None] = self._loop.create_future()
        if self.ended.is_set():
            future.set_exception(LinkError(self.why_ended))
        elif self.max_packet and len(message.payload) + len(message.topic) + 64 > self.max_packet:
            future.set_exception(LinkError(f"{message.topic}: larger than the {self.max_packet} bytes that the broker takes"))
        else:
            info = self._client.publish(message.topic, message.payload, message.qos, message.retain)
            if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
                future.set_exception(LinkError(f"{message.topic}: {paho.error_string(info.rc)}"))
            else:
                self._waiting[info.mid] = future
        return future

    def subscribe(self, topic: str) -> None:
        """Hear what is published to ``topic`` from now on, and what is retained there."""
        self._client.subscribe(topic, 1)

    def unsubscribe(self, topic: str) -> None:
        self._client.unsubscribe(topic)

    def look(self) -> None:
        """Notice a connection that paho has lost without telling."""
        if not self._client.is_connected():
            self._end("the connection is gone")

    def close(self, goodbye: Outgoing | None = None) -> None:
        """End the connection in order, after ``CLOSE_S`` at the latest: the broker gets ``goodbye`` and publishes no last will.

        It does not await, because it is called where the event loop itself is being stopped.
        """
        if goodbye is not None and not self.ended.is_set():
            info = self._client.publish(goodbye.topic, goodbye.payload, goodbye.qos, goodbye.retain)
            with contextlib.suppress(ValueError, RuntimeError):
                info.wait_for_publish(CLOSE_S)
        self._client.disconnect()
        self._client.loop_stop()
        self._end("closed")

    def _on_connect(self, _: Any, _userdata: Any, _flags: Any, code: ReasonCode, properties: Properties | None) -> None:
        most = int(getattr(properties, "MaximumPacketSize", 0) or 0)
        self._loop.call_soon_threadsafe(self._open_is, "" if not code.is_failure else str(code), most)

    def _on_disconnect(self, _: Any, _userdata: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        self._soon(self._end, f"the connection ended ({code})")

    def _on_publish(self, _: Any, _userdata: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        self._soon(self._sent, mid, str(code) if code.is_failure else "")

    def _on_message(self, _: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        self._soon(self._heard, topic, message.payload, message.retain)

    def _soon(self, what: Callable[..., None], *values: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop has ended before paho's thread
            self._loop.call_soon_threadsafe(what, *values)

    def _open_is(self, refused: str, most: int) -> None:
        self.max_packet = most
        hint = "look at user name, password and access list" if "auth" in refused.lower() else "look at the broker's log"
        _settle(self._opened, LinkError(f"{self.settings.broker}: the broker refuses ({refused}), {hint}") if refused else None)

    def _sent(self, mid: int, refused: str) -> None:
        error = LinkError(f"the broker refuses a message ({refused}), look at its access list") if refused else None
        if (future := self._waiting.pop(mid, None)) is not None:
            _settle(future, error)

    def _end(self, why: str) -> None:
        if self.ended.is_set():
            return
        self.why_ended = f"{self.settings.broker}: {why}"
        self.ended.set()
        for future in [self._opened, *self._waiting.values()]:
            if not future.done():
                future.set_exception(LinkError(self.why_ended))
                future.exception()  # nobody need be waiting for it
        self._waiting.clear()


def _settle(future: "asyncio.Future[None]", error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _words(error: BaseException) -> str:
    """Why no connection came about, and what to look at."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in CLOCK_CODES:
            now = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
            return f"its certificate is not valid now ({error.verify_message}); this box's clock says {now}, is it right?"
        return f"its certificate is not trusted ({error.verify_message}), name its authority with --mqtt-ca"
    if isinstance(error, ssl.SSLError):
        return f"no TLS connection ({error.reason or error}), is this the broker's TLS port?"
    if isinstance(error, asyncio.TimeoutError):
        return "no answer, is this address right and the broker running?"
    return f"cannot be reached ({getattr(error, 'strerror', None) or error}), is this address right and the broker running?"
