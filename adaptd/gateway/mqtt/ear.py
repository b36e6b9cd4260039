"""Hears what a broker passes on, for whoever wants to see that it arrives; the gateway itself does not use it."""

import contextlib
import queue
from collections.abc import Iterator

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

Heard = tuple[str, bytes]  # topic and payload


@contextlib.contextmanager
def ear(host: str, port: int, topic: str) -> Iterator["queue.Queue[Heard]"]:
    """Everything published on ``topic`` (with wildcards) while the block runs, in a queue.

    Raises:
        OSError: the broker cannot be reached.
    """
    heard: queue.Queue[Heard] = queue.Queue()
    subscribed: queue.Queue[bool] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)

    def connected(one: paho.Client, _: object, flags: paho.ConnectFlags, code: ReasonCode, words: Properties | None) -> None:
        del flags, code, words
        one.subscribe(topic, qos=1)

    client.on_connect = connected
    client.on_subscribe = lambda *_: subscribed.put(True)
    client.on_message = lambda _, __, message: heard.put((message.topic, bytes(message.payload)))
    client.connect(host, port)
    client.loop_start()
    try:
        subscribed.get(timeout=10)
        yield heard
    except queue.Empty:
        raise OSError(f"{host}:{port}: the broker does not let {topic} be read") from None
    finally:
        client.disconnect()
        client.loop_stop()
