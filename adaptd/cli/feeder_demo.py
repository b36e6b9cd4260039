"""`adaptd feeder run --rendered-day`: five weeks of a simulated cat, a rendered day, an illness, and its message.

What is what: the five weeks are events of a simulated cat, without pictures. With ``--fast`` the day's pictures are rendered
and read by the shipped model in a child process, without a daemon; without it a real daemon serves the shipped one-minute
clip and its results are followed over its socket. The illness is simulated again. The store is a fresh one unless --db names
one.
"""

import argparse
import json
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Any

from adaptd import client
from adaptd.apps.feeder.activity import HOUSEHOLD, Seen
from adaptd.apps.feeder.clock import wall_us
from adaptd.apps.feeder.days import bounds, local_day
from adaptd.apps.feeder.documents import history, today
from adaptd.apps.feeder.follow import Follower, Source
from adaptd.apps.feeder.monitor import Monitor
from adaptd.apps.feeder.recorder import Recorder, Standing, Tracked
from adaptd.apps.feeder.settings import DAY_US, HOUR_US, Settings
from adaptd.apps.feeder.simulated_cat import Cat, events
from adaptd.apps.feeder.store import Store, StoreError
from adaptd.cli.children import MOSQUITTO, broker, child, free_port
from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.feeder_run import leave_in, show, show_in, state_of, zone_of
from adaptd.cli.feeder_words import bout_line, show_history, show_today
from adaptd.config.shipped import engines_dir

PAST_DAYS, ILL_DAYS = 35, 6
SHORT_DAYS, SHORT_DAY = 24, ("--visits", "1", "--eating-min", "1", "--fps", "2", "--idle-s", "1200")
CLIP_S = 62
PROGRESS_H = 3  # a line of progress after so many rendered hours
SIMULATED = Standing(variant="int8", efficient=True, band="bright", sure=True, bound_ppm=2_500)
RATE = 15
PATIENCE_S = 30.0
NO_BROKER = (
    "no mosquitto on this machine (Debian package mosquitto): the message waits in its folder for `adaptd gateway --mqtt URL`"
)


@dataclass
class Stage:
    """The monitor of the demonstration; its clock is shifted so that the story ends with the present."""

    store: Store
    settings: Settings
    zone: tzinfo
    state: Path

    def monitor(self, shift_us: int, *, told: bool) -> Monitor:
        """A recorder whose monotonic clock lies ``shift_us`` before UTC."""
        hear = (lambda bout: print("  " + bout_line(bout, self.zone), flush=True)) if told else (lambda _: None)
        recorder = Recorder(self.settings, self.store, lambda at: at + shift_us, hear)
        return Monitor(self.store, recorder, self.settings, self.zone, leave_in(self.state), show_in(self.state))


def demonstrate(arguments: argparse.Namespace) -> int:
    """Tell the story."""
    zone, settings = zone_of(arguments), Settings()
    with tempfile.TemporaryDirectory(prefix="adaptd-feeder-") as folder:
        path = arguments.db or Path(folder) / "feeder.sqlite3"
        if path.exists():
            raise CommandError(f"{path}: exists; the rendered day is written to a store of its own, name a new --db")
        state = state_of(arguments) if arguments.db else arguments.state or Path(folder)
        with refusing(StoreError), closing(Store(path, writer=True)) as store:
            _story(Stage(store, settings, zone, state), arguments)
    return 0


def _story(stage: Stage, arguments: argparse.Namespace) -> None:
    now, past = local_day(wall_us(), stage.zone), SHORT_DAYS if arguments.short else PAST_DAYS
    rendered, first = now - timedelta(days=ILL_DAYS + 1), now - timedelta(days=ILL_DAYS + 1 + past)
    print(f"1. {past} days of a simulated cat (events, no pictures), {first} to {rendered - timedelta(days=1)}")
    _simulate(stage, bounds(first, stage.zone)[0], past, 1.0, seed=1)
    begin = bounds(rendered, stage.zone)[0]
    if arguments.fast:
        print(f"2. {rendered}: a rendered day, read by the shipped model (no daemon; between visits one picture a minute)")
        _rendered(stage, begin, SHORT_DAY if arguments.short else ())
    else:
        print("2. the shipped clip, one minute from midday to night, served by a real daemon")
        _clip(stage, begin + 12 * HOUR_US, Path(tempfile.mkdtemp(prefix="adaptd-feeder-run-")))
    show_today(today(stage.store, stage.settings, stage.zone, begin + DAY_US - 1))
    print(f"3. {ILL_DAYS} days and the hours of today of the cat eating 45 % (simulated)")
    _simulate(stage, begin + DAY_US, ILL_DAYS + 1, 0.45, seed=2)
    show_history(history(stage.store, stage.settings, stage.zone, wall_us(), 14))
    left = sorted((stage.state / client.ALERTS_FOLDER).glob("*.json"))
    kinds = [json.loads(path.read_text())["kind"] for path in left]
    print(f"4. its message through a gateway and a broker; left in {stage.state / client.ALERTS_FOLDER}: {', '.join(kinds)}")
    _deliver(stage.state, len(left))


def _simulate(stage: Stage, first_us: int, days: int, appetite: float, seed: int) -> None:
    monitor, now_us = stage.monitor(0, told=False), wall_us()
    for number, day in enumerate(events(Cat(seed=seed, cv=0.15), first_us, days, lambda _: appetite)):
        for start, end, what in ((start, min(end, now_us), what) for start, end, what in day if start < now_us):
            seen = Tracked(0, Seen(pet=HOUSEHOLD, activity=what, score_ppm=990_000))
            monitor.recorder.span(start, end, [seen], SIMULATED, (end - start) * RATE // 1_000_000)
        show(monitor.tick(min(first_us + (number + 1) * DAY_US + HOUR_US, now_us), force=True))
    monitor.recorder.close()
    show(monitor.tick(min(first_us + days * DAY_US + HOUR_US, now_us), force=True))


def _rendered(stage: Stage, begin_us: int, words: tuple[str, ...]) -> None:
    monitor = stage.monitor(0, told=True)
    status: dict[str, Any] = {}
    follower = Follower(monitor.recorder, stage.settings, Source(), lambda: status, status_every_us=0)
    said_h = 0
    for result in _rendered_results(begin_us, words):
        status = _status_of(result)
        follower.take(result)
        hour = (result["mono_us"] - begin_us) // HOUR_US
        if hour >= said_h + PROGRESS_H:
            said_h = hour
            print(f"  {hour:02}:00, {follower.results} results", flush=True)
    monitor.recorder.close()
    show(monitor.tick(begin_us + DAY_US + HOUR_US, force=True))


def _rendered_results(begin_us: int, words: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    script = engines_dir() / "pet-bowl" / "training" / "render_day.py"
    command = [sys.executable, str(script), "--first-us", str(begin_us), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as drawing:  # noqa: S603 - our own script
        assert drawing.stdout is not None
        for line in drawing.stdout:
            yield json.loads(line)
    if drawing.returncode:
        raise CommandError(f"{script}: rendering failed ({drawing.returncode}); it needs NumPy and ONNX Runtime")


def _status_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a daemon would say: the light of the hour, and the account that the simulated weeks had."""
    row = {"admitted": True, "bound_ppm": SIMULATED.bound_ppm}
    return {"sensors": {"light_mlx": {"value": result["light_mlx"]}}, "band": result["band"], "evidence": {result["band"]: row}}


def _clip(stage: Stage, begin_us: int, folder: Path) -> None:
    socket = folder / "adaptd.sock"
    command = [sys.executable, "-m", "adaptd", "run", "--quiet", "--socket", str(socket), "--audit", str(folder / "audit")]
    with subprocess.Popen([*command, "--duration", f"{CLIP_S + 8}s"]) as daemon:  # noqa: S603 - ourselves
        try:
            _await(socket.parent / "results.sock", daemon)
            start = time.monotonic_ns() // 1_000
            monitor = stage.monitor(begin_us - start, told=True)
            follower = Follower(monitor.recorder, stage.settings, Source(), lambda: client.get_json(socket, "/v1/status"))
            for result in client.results(socket, 10.0):
                follower.take(result)
                if result["mono_us"] - start > CLIP_S * 1_000_000:
                    break
            monitor.recorder.close()
        except client.ApiError as error:
            raise CommandError(str(error)) from None
        finally:
            daemon.terminate()


def _await(path: Path, daemon: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        if path.exists():
            return
        if daemon.poll() is not None:
            break
        time.sleep(0.1)
    raise CommandError("adaptd run: did not start, see its message above")


def _deliver(state: Path, count: int) -> None:
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
                    _heard(*heard.get(timeout=PATIENCE_S))
    except (OSError, queue.Empty) as error:
        print(f"   no message was heard ({error or 'nothing came in half a minute'}); it stays in its folder", file=sys.stderr)


def _heard(topic: str, payload: bytes) -> None:
    words = json.loads(payload)
    print(f"   {topic}")
    print(f"     {words['event_type']}: {words['text']}")
    for name, period in words["rests_on"].items():
        if isinstance(period, dict) and "words" in period:
            print(f"     {name}: {period['words']}")
