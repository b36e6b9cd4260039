"""The last step of the rendered day: the message that was left goes through a gateway and a real broker, and is heard there."""

import json
import queue
import sys
from pathlib import Path

from adaptd.cli.children import MOSQUITTO, broker, child, free_port

PATIENCE_S = 30.0
NO_BROKER = (
    "no mosquitto on this machine (Debian package mosquitto): the message waits in its folder for `adaptd gateway --mqtt URL`"
)


def deliver(state: Path, count: int) -> None:
    """Start mosquitto and a gateway on loopback, and print what a subscriber of the alert topic hears."""
    if MOSQUITTO is None:
        print(f"   {NO_BROKER}")
        return
    try:
        from adaptd.gateway.mqtt.ear import ear
    except ImportError as error:
        print(f"   {error.name} is not installed, so nothing is sent: pip install 'adaptd[gateway]'")
        return
    port = free_port()
    try:
        with broker(["-p", str(port)], port), ear("127.0.0.1", port, "adaptd/v1/+/alert") as heard:
            print(
                f"   mosquitto listens on 127.0.0.1:{port}; `adaptd gateway --mqtt mqtt://127.0.0.1:{port}` reads {state}",
                flush=True,
            )
            words = ["--socket", str(state / "no-daemon.sock"), "--port", str(free_port()), "--state", str(state)]
            command = [sys.executable, "-m", "adaptd", "gateway", *words, "--mqtt", f"mqtt://127.0.0.1:{port}"]
            with child(command):
                for _ in range(count):
                    _show(*heard.get(timeout=PATIENCE_S))
    except (OSError, queue.Empty) as error:
        print(f"   no message was heard ({error or 'nothing came in half a minute'}); it stays in its folder", file=sys.stderr)


def _show(topic: str, payload: bytes) -> None:
    words = json.loads(payload)
    print(f"   {topic}")
    print(f"     {words['event_type']}: {words['text']}")
    for name, period in words["rests_on"].items():
        if isinstance(period, dict) and "words" in period:
            print(f"     {name}: {period['words']}")
