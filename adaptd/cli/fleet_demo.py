"""`adaptd fleet demo`: a broker, a server and software boxes on this machine; what they do is told as it happens."""

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adaptd.cli.children import MOSQUITTO, broker, child, free_port
from adaptd.cli.errors import CommandError, refusing
from adaptd.config.shipped import policies_dir

PATIENCE_S = 60.0
HOURS = 72
BOARDS = (("orin-nx-16gb", 0.30), ("orin-nano-8gb", 0.42), ("thor", 0.24))  # and joules for an inference


def run(arguments: argparse.Namespace) -> int:
    """Tell the whole story; 0 when every step came out as it should."""
    boxes: int = arguments.boxes
    if MOSQUITTO is None:
        raise CommandError("adaptd fleet demo: mosquitto is not installed: apt-get install mosquitto")
    if not 10 <= boxes <= 1000:
        raise CommandError("--boxes: give a number from 10 to 1000", 2)
    with tempfile.TemporaryDirectory(prefix="adaptd-fleet-") as place, contextlib.ExitStack() as ends:
        return _Story(Path(place), boxes, ends).tell()


class _Story:
    """One run of the demonstration in a folder of its own."""

    def __init__(self, place: Path, boxes: int, ends: contextlib.ExitStack) -> None:
        from adaptd.fleet.softbox import Make, SoftBox

        self._lake, self._began_s = place / "lake", time.monotonic()
        self._port = free_port()
        self._page = Path.cwd() / "fleet-demo.html"
        draw = random.Random(7)  # noqa: S311 - a fixed story, guards nothing
        start_ms = (time.time_ns() // 3_600_000_000_000 - HOURS - 1) * 3_600_000
        boards = (BOARDS * (boxes // len(BOARDS) + 1))[:boxes]
        makes = [Make(name, "pet-bowl", joule + draw.uniform(0, 0.05), draw.uniform(45, 62)) for name, joule in boards]
        makes[3] = Make(board=makes[3].board, drift_c_per_hour=0.15)
        makes[4] = Make(board=makes[4].board, night_int8=False)
        makes[5] = Make(board=makes[5].board, broken_bands=("night",))
        self._boxes = [SoftBox(make, now_ms=start_ms, check=_checked()) for make in makes]
        _broker(place, self._port, ends)
        _server(self._lake, self._port, ends)
        self._fleet = _Air(self._port, self._lake, self._boxes)
        ends.callback(self._fleet.close)

    def tell(self) -> int:
        """The story, step by step."""
        self._say(f"A broker, a fleet server and {len(self._boxes)} software boxes run on this machine.")
        self._upload()
        self._questions()
        self._attack()
        good = self._roll_out("tuned", floor_fps=6, limit_c=84)
        bad = self._roll_out("too-eager", floor_fps=5, limit_c=84, suits=False)
        self._command("rollout", "--lake", self._lake)
        self._say("Every box by its health, as a page:")
        self._command("page", "--lake", self._lake, "-o", self._page)
        done = good and bad
        self._say("Every step came out as it should." if done else "A step did not come out as it should, see above.")
        return 0 if done else 1

    def _upload(self) -> None:
        self._say(f"Each box proves its log with a signed checkpoint and sends {HOURS} signed hours.")
        for box in self._boxes:
            self._fleet.say(box.checkpoint())
        for _ in range(HOURS):
            for box in self._boxes:
                self._fleet.say(box.hour())
        count = f"{HOURS * len(self._boxes)}"
        self._until(lambda: self._lake_rows() == HOURS * len(self._boxes), f"{count} hours in the lake")
        self._say(f"All {count} hours are in the lake, each once; every checkpoint came back countersigned by the server.")

    def _questions(self) -> None:
        self._say("Which board gives the fewest inferences for a joule?")
        self._command("ask", "--lake", self._lake, "worst-energy")
        self._say("Which boxes grow warmer from day to day? Which bands were never served by INT8? Which statements are broken?")
        for name in ("drifting-hot", "never-int8", "broken"):
            self._command("ask", "--lake", self._lake, name)

    def _attack(self) -> None:
        from adaptd.fleet.softbox import SoftBox

        victim = self._boxes[7]
        self._say(f"Somebody puts the disk of box {victim.name} back to an old copy and goes on from there.")
        copy = SoftBox(victim.make, root=victim.root, gateway=victim.gateway)
        for _ in range(3):
            victim.record("decision")
            copy.record("forged")
        self._fleet.say(victim.checkpoint())
        self._fleet.say(copy.checkpoint(2))
        self._until(lambda: "rollback" in self._output("alarms", "--lake", self._lake), "the rollback is seen")
        self._command("alarms", "--lake", self._lake)

    def _roll_out(self, name: str, *, floor_fps: int, limit_c: int, suits: bool = True) -> bool:
        """Roll out a policy; True when it ended as it should."""
        from adaptd.fleet.rollout import State

        text = (policies_dir() / "feeder.yaml").read_text(encoding="utf-8").replace("policy: feeder", f"policy: {name}")
        text = text.replace("floor_fps: 5", f"floor_fps: {floor_fps}").replace("limit_c: 85", f"limit_c: {limit_c}")
        policy = self._lake / f"{name}.yaml"
        policy.write_text(text, encoding="utf-8")
        self._fleet.suits = lambda text: suits or f"policy: {name}" not in text
        after = "which every box can live with" if suits else "under which a limit breaks on every box that takes it"
        self._say(f"A policy, {name}, {after}, is rolled out: 1 %, then 10 %, then all.")
        self._command("rollout", "--lake", self._lake, policy, "--probation-s", "1")
        self._until(lambda: self._newest().state is not State.RUNNING, f"the end of roll-out {name}")
        one = self._newest()
        self._until(lambda: name == "tuned" or not any(box.policy[0] == name for box in self._boxes), "the way back")
        reached = sum(1 for box in self._boxes if box.offered.get("sha256") == one.sha256)
        running = sum(1 for box in self._boxes if box.policy[1] == one.sha256)
        self._say(f"It is {one.state.value}: {one.why}. Boxes that were offered it: {reached}; that run it now: {running}.")
        return (running >= len(self._boxes) - 1) if suits else (reached <= max(1, len(self._boxes) // 100) and running == 0)

    def _newest(self) -> Any:
        from adaptd.fleet import rollout, store

        database = store.connect(self._lake)
        try:
            return rollout.load_all(database)[-1]
        finally:
            database.close()

    def _lake_rows(self) -> int:
        from adaptd.fleet.ask import AskError, ask

        try:
            return int(ask(self._lake, "SELECT count(*) FROM hours").rows[0][0])
        except AskError:
            return 0

    def _until(self, true: Callable[[], bool], what: str) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not true():
            if time.monotonic() > end_s:
                raise CommandError(f"adaptd fleet demo: not within {PATIENCE_S:g} s: {what}")
            time.sleep(0.3)

    def _command(self, *words: object) -> None:
        print(f"  $ adaptd fleet {' '.join(str(word) for word in words)}", flush=True)
        for line in self._output(*words).splitlines():
            print(f"    {line}", flush=True)

    def _output(self, *words: object) -> str:
        command = [sys.executable, "-m", "adaptd", "fleet", *map(str, words)]
        done = subprocess.run(  # noqa: S603 - this program
            command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "110"}
        )
        return done.stdout + done.stderr

    def _say(self, words: str) -> None:
        print(f"\n[{time.monotonic() - self._began_s:5.1f} s] {words}", flush=True)


class _Air:
    """The boxes' connection to the broker: one client speaks for all of them, and offers come back to each."""

    def __init__(self, port: int, lake: Path, boxes: list[Any]) -> None:
        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        from adaptd.log.format.note import parse_verifier_key

        self.suits: Callable[[str], bool] = lambda _: True
        self._public = parse_verifier_key((lake / "fleet.pub").read_text()).public
        self._boxes = {box.name: box for box in boxes}
        self._lock = threading.Lock()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._heard
        self._client.on_connect = lambda client, *_: client.subscribe("adaptd/v1/+/offer", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, message: tuple[str, bytes]) -> None:
        """Publish one message of a box."""
        self._client.publish(*message, qos=1)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _heard(self, client: Any, userdata: Any, message: Any) -> None:
        del client, userdata
        box = self._boxes.get(message.topic.split("/")[2])
        if box is not None:
            for answer in box.offer(message.payload, self._public, self.suits):
                self.say(answer)


def _checked() -> Callable[[str], str]:
    """What a box's daemon says to an offered policy: its own check, and its owner's limits."""
    from adaptd.config.errors import ConfigError
    from adaptd.config.policy import load_policy, parse_policy
    from adaptd.daemon.offers import loosened

    own = load_policy(policies_dir() / "feeder.yaml")

    def check(text: str) -> str:
        try:
            return loosened(own, parse_policy(text, "offered policy"))
        except ConfigError as error:
            return str(error).splitlines()[0]

    return check


def _broker(place: Path, port: int, ends: contextlib.ExitStack) -> None:
    """A mosquitto on loopback that ends with the story."""
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", "max_inflight_messages 2000", "max_queued_messages 0"]
    (place / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    with refusing(OSError, where="adaptd fleet demo: "):
        ends.enter_context(broker(["-c", str(place / "mosquitto.conf")], port, place / "mosquitto.log"))


def _server(lake: Path, port: int, ends: contextlib.ExitStack) -> None:
    words = ["fleet", "serve", "--mqtt", f"mqtt://127.0.0.1:{port}", "--lake", str(lake), "--export-s", "2"]
    log = lake.parent / "server.log"
    ends.enter_context(child([sys.executable, "-m", "adaptd", *words], log))
    end_s = time.monotonic() + PATIENCE_S
    while "hears" not in log.read_text():
        if time.monotonic() > end_s:
            raise CommandError("adaptd fleet demo: the server did not start, run `adaptd fleet serve` by hand to see why")
        time.sleep(0.1)
