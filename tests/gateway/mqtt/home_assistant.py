"""A real Home Assistant hears a real gateway through a real mosquitto, and what it makes of it is compared with what was meant.

    python -m tests.gateway.mqtt.home_assistant --python INTERPRETER

INTERPRETER is one of a virtual environment with the packages ``homeassistant`` and ``paho-mqtt`` (300 MB, Python 3.13: too large
for the repository's own). Only loopback is used. Prints each check; exit code 1 where one fails.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adaptd import client
from tests.gateway.mqtt.broker import Broker, free_port
from tests.gateway.rig import Daemon, Gateway

INSIDE = Path(__file__).with_name("inside_home_assistant.py")
PATIENCE_S = 90.0
Document = dict[str, Any]


class HomeAssistant:
    """One that runs, asked over its pipes."""

    def __init__(self, python: Path, folder: Path, broker: int) -> None:
        words = [str(python), str(INSIDE), str(folder), str(broker), str(free_port())]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(folder.parent / "ha.txt").open("w"), text=True
        )

    def seen(self) -> Document:
        """Devices and entities now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("look\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("Home Assistant ended by itself")
        return dict(json.loads(line))

    def until(self, what: str, true: Callable[[Document], bool]) -> bool:
        """Whether that comes true in time; says so."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            if true(self.seen()):
                print(f"holds  {what}", flush=True)
                return True
            time.sleep(0.5)
        print(f"FAILS  {what}", flush=True)
        return False

    def end(self) -> None:
        """Stop it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()


def state(document: Document, end: str) -> str | None:
    """The state of the entity whose id ends so."""
    return next((one["state"] for name, one in document["entities"].items() if name.endswith(end)), None)


def attribute(document: Document, end: str, name: str) -> str | None:
    """One of its attributes."""
    return next((one["attributes"].get(name) for key, one in document["entities"].items() if key.endswith(end)), None)


def check(home: HomeAssistant, daemon: Daemon, gateway: Gateway, folder: Path) -> list[bool]:
    """Everything in turn."""
    results = [
        home.until("one device, with its name", lambda d: [one["name"] for one in d["devices"]] == ["kitchen"]),
        home.until("entities of all rows, named by default_entity_id", lambda d: len(d["entities"]) >= 20),
        home.until("the engine is the daemon's", lambda d: state(d, "_engine") == "int8"),
        home.until("temperature 61.25 in degC", lambda d: state(d, "_temperature") == "61.25"),
        home.until("a reading that does not exist is unavailable", lambda d: state(d, "_power") == "unavailable"),
        home.until("the problem sensor is off", lambda d: state(d, "_problem") == "off"),
    ]
    daemon.says(operating_point={"variant": "fp16", "fps": 7.25})
    results.append(home.until("a change of engine arrives", lambda d: state(d, "_engine") == "fp16"))
    client.alert(folder / "state", "feeder/try", "clinical", "No eating in 24 hours.", {"seen_h": 24})
    results.append(
        home.until("a clinical alert is an event with its text", lambda d: (
            attribute(d, "_event_alert", "event_type"), attribute(d, "_event_alert", "text")
        ) == ("clinical", "No eating in 24 hours."))
    )  # fmt: skip
    gateway.process.kill()
    results.append(home.until("a killed gateway leaves nothing that looks alive", lambda d: state(d, "_engine") == "unavailable"))
    return results


def main() -> int:
    """Run the checks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", type=Path, required=True, help="interpreter that has homeassistant and paho-mqtt")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        broker, daemon = Broker(folder / "broker").start(), Daemon(folder)
        daemon.says()
        words = ("--state", folder / "state", "--box", "kitchen", "--mqtt", f"mqtt://127.0.0.1:{broker.port}")
        gateway = Gateway(folder, daemon.socket, *words)
        home = HomeAssistant(wanted.python, folder / "home", broker.port)
        try:
            print(f"Home Assistant {home.seen()['version']}", flush=True)
            results = check(home, daemon, gateway, folder)
        finally:
            home.end()
            gateway.process.kill()
            gateway.process.wait()
            daemon.stop()
            broker.stop()
        told = [line for line in (folder / "ha.txt").read_text().splitlines() if "mqtt" in line.lower()]
        print("\n".join(told) or "Home Assistant wrote no line about MQTT in its log")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
