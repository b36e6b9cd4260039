"""The server's connection: a session that the broker keeps, messages in the order they come, acknowledged when we say so.

paho runs in a thread of its own and connects again by itself. What was not acknowledged on a connection that ended is forgotten
here and sent again by the broker.
"""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from adaptd.fleet import wire
from adaptd.fleet.broker import BrokerAt
from adaptd.fleet.desk import Answer
from adaptd.fleet.wire import Heard

CLIENT_ID = "adaptd-fleet"
SESSION_S = 30 * 86_400  # how long the broker keeps what a server that is away has not seen
IN_FLIGHT = 8_192
HEARS = (wire.SUMMARY, wire.CHECKPOINT, wire.ROLLOUT, wire.TWIN)
RETAINED = (wire.CHECKPOINT, wire.TWIN)


class Delivery(NamedTuple):
    """One message with what is needed to acknowledge it."""

    heard: Heard
    mid: int
    turn: int


class Link:
    """Hears every box. ``connected`` is called at each connection, in paho's thread."""

    def __init__(self, broker: BrokerAt, say: Callable[[str], None], client_id: str = CLIENT_ID) -> None:
        self._broker, self._say = broker, say
        self._queue: queue.SimpleQueue[Delivery] = queue.SimpleQueue()
        self._turn = 0
        self.fresh = threading.Event()  # set at each connection: what is retained is said again
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True)
        if broker.user:
            self._client.username_pw_set(broker.user, broker.password or None)
        if broker.tls is not None:
            self._client.tls_set_context(broker.tls)
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Connect, and again whenever the connection is lost."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S
        properties.ReceiveMaximum = IN_FLIGHT
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=30, clean_start=False, properties=properties)
        self._client.loop_start()

    def stop(self) -> None:
        """Leave; the broker keeps what was not acknowledged."""
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, most: int, wait_s: float) -> list[Delivery]:
        """Up to ``most`` messages of this connection; waits ``wait_s`` for the first alone (0: not at all)."""
        found: list[Delivery] = []
        try:
            found.append(self._queue.get(timeout=wait_s) if wait_s else self._queue.get_nowait())
            while len(found) < most:
                found.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        return [one for one in found if one.turn == self._turn]

    def acknowledge(self, deliveries: list[Delivery]) -> None:
        """The broker may forget these."""
        for one in deliveries:
            if one.turn == self._turn:
                self._client.ack(one.mid, 1)

    def publish(self, answer: Answer) -> None:
        self._client.publish(answer.topic, answer.payload, 1, answer.retain)

    def _on_connect(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        if code.is_failure:
            self._say(f"the broker refuses ({code}), look at user name, password and its access list")
            return
        client.subscribe([(f"{wire.PREFIX}/+/{name}", _subscription(name)) for name in HEARS])

    def _on_subscribe(self, client: Any, userdata: Any, mid: Any, codes: Any, properties: Any) -> None:
        if any(code.is_failure for code in codes):
            self._say(f"the broker does not let this user hear {wire.PREFIX}/#, look at its access list")
            return
        self._say(f"hears {self._broker.host}:{self._broker.port}")
        self.fresh.set()

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        self._turn += 1
        if code.is_failure:
            self._say(f"the connection ended ({code}), trying again every 1 to 30 s")

    def _on_message(self, client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            _, _, box, name = message.topic.split("/")
        except (ValueError, UnicodeDecodeError):
            client.ack(message.mid, message.qos)
            return
        if message.retain and name not in RETAINED:
            client.ack(message.mid, message.qos)
            return
        heard = Heard(box, name, bytes(message.payload), time.time_ns() // 1_000_000)
        self._queue.put(Delivery(heard, message.mid, self._turn))


def _subscription(name: str) -> SubscribeOptions:
    """QoS 1; twins that the broker keeps are large and come only when a session begins, not at every connection."""
    handling = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB if name == wire.TWIN else SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
    return SubscribeOptions(qos=1, retainHandling=handling)
