"""The last step of the rendered day: the message that was left goes through a gateway and a real broker, and is heard there."""

import contextlib
import json
import queue
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
START_S, PATIENCE_S = 10.0, 30.0
NO_BROKER = (
    "no mosquitto on this machine (Debian package mosquitto): the message waits in its folder for `adaptd gateway --mqtt URL`"
)


def deliver(state: Path, count: int) -> None:
    """Start mosquitto and a gateway on loopback, and print what a subscriber of the alert topic hears."""
    if PROGRAM is None:
        print(f"   {NO_BROKER}")
        return
    try:
        from adaptd.gateway.mqtt.ear import ear
    except ImportError as error:
        print(f"   {error.name} is not installed, so nothing is sent: pip install 'adaptd[gateway]'")
        return
    port = _free_port()
    try:
        with (
            _child([PROGRAM, "-p", str(port)]) as broker,
            _waited(port, broker),
            ear("127.0.0.1", port, "adaptd/v1/+/alert") as heard,
        ):
            print(
                f"   mosquitto listens on 127.0.0.1:{port}; `adaptd gateway --mqtt mqtt://127.0.0.1:{port}` reads {state}",
                flush=True,
            )
            words = ["--socket", str(state / "no-daemon.sock"), "--port", str(_free_port()), "--state", str(state)]
            command = [sys.executable, "-m", "adaptd", "gateway", *words, "--mqtt", f"mqtt://127.0.0.1:{port}"]
            with _child(command):
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


@contextlib.contextmanager
def _child(command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:  # noqa: S603 - our own words
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def _waited(port: int, broker: "subprocess.Popen[bytes]") -> Iterator[None]:
    """The block runs once somebody listens on ``port``."""
    for _ in range(int(START_S * 10)):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        if broker.poll() is not None:
            raise OSError(f"mosquitto ended with {broker.returncode}")
        time.sleep(0.1)
    yield


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
