"""`adaptd feeder run`: the loop around the monitor, its store, and what it prints."""

import argparse
import contextlib
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adaptd import client
from adaptd.apps.feeder.activity import UnknownLabelError
from adaptd.apps.feeder.clock import WallClock, mono_us
from adaptd.apps.feeder.follow import Follower, SeveralCamerasError, Source
from adaptd.apps.feeder.monitor import Monitor, Ticked
from adaptd.apps.feeder.recorder import Recorder
from adaptd.apps.feeder.settings import KITTEN, SECOND_US, Settings
from adaptd.apps.feeder.store import Store, StoreError
from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.feeder_words import bout_line, finding_lines

WAIT_S, RETRY_S = 6.0, (1.0, 2.0, 5.0, 15.0)
PICTURE_S = 1.0  # results wait meanwhile


def state_of(arguments: argparse.Namespace) -> Path:
    """The folder whose gateway forwards messages."""
    given: Path | None = getattr(arguments, "state", None)
    return given or client.default_state()


def open_store(arguments: argparse.Namespace, *, writer: bool = False) -> Store:
    """The store, or one line that says why not."""
    with refusing(StoreError):
        return Store(arguments.db or state_of(arguments) / "feeder" / "feeder.sqlite3", writer=writer)


def zone_of(arguments: argparse.Namespace) -> tzinfo:
    """The zone that was named, else the machine's, with its summer time."""
    name: str | None = arguments.zone or os.environ.get("TZ", "").lstrip(":") or None
    try:
        if name:
            return ZoneInfo(name)
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        if not name and isinstance(error, FileNotFoundError):
            return ZoneInfo("UTC")
        raise CommandError(f"--zone {name}: no such time zone here, write for example Europe/Berlin", code=2) from None


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings with what was given."""
    settings = KITTEN if arguments.kitten else Settings()
    if arguments.dark_below is not None:
        settings = replace(settings, dark_below_mlx=round(arguments.dark_below * 1_000))
    return replace(settings, always_lit=arguments.always_lit)


def source_of(arguments: argparse.Namespace) -> Source:
    """How results are read."""
    pairs = [text.partition("=") for text in arguments.label]
    if wrong := [left for left, sign, right in pairs if not (left and sign and right)]:
        raise CommandError(f"--label {wrong[0]}: write MODEL=OURS, for example mimi=at_bowl:mimi", code=2)
    labels = {left: right for left, _, right in pairs}
    return Source(arguments.reference, arguments.roi, labels, arguments.camera)


def no_picture() -> None:
    """Pictures stay on the box unless asked."""


def picture_of(socket: Path) -> Callable[[], bytes | None]:
    """What the daemon's camera sees when it is called; None, said once, where no picture can be had: the message goes without."""
    told: list[str] = []

    def take() -> bytes | None:
        try:
            data = client.preview(socket, PICTURE_S)
        except client.ApiError as error:
            if str(error) not in told:
                print(f"no picture goes with messages: {error}", file=sys.stderr, flush=True)
                told.append(str(error))
            return None
        return data if 0 < len(data) <= client.MAX_ALERT_PICTURE_BYTES else None

    return take


def leave_in(state: Path, picture: Callable[[], bytes | None] = no_picture) -> Callable[[str, str, str, dict[str, Any]], None]:
    """Messages go to the folder that the gateway watches."""

    def leave(key: str, kind: str, text: str, rests_on: dict[str, Any]) -> None:
        try:
            client.alert(state, key=f"feeder/{key}", kind=kind, text=text, rests_on=rests_on, picture=picture())
        except client.ApiError as error:
            raise OSError(str(error)) from None

    return leave


def show_in(state: Path) -> Callable[[dict[str, Any]], None]:
    """The figures go to the folder that the gateway's page reads."""

    def put(view: dict[str, Any]) -> None:
        try:
            client.show(state, "feeder", view)
        except (client.ApiError, ValueError) as error:
            raise OSError(str(error)) from None

    return put


def run(arguments: argparse.Namespace) -> int:
    """Follow until stopped; a daemon that is away is waited for."""
    if arguments.fast and not arguments.rendered_day:
        raise CommandError("adaptd feeder run: --fast goes with --rendered-day", code=2)
    if arguments.rendered_day:
        from adaptd.cli.feeder_demo import demonstrate

        return demonstrate(arguments)
    settings, source, zone = settings_of(arguments), source_of(arguments), zone_of(arguments)
    socket: Path = arguments.socket or client.default_socket()
    store, clock = open_store(arguments, writer=True), WallClock()
    recorder = Recorder(settings, store, clock.utc_of, lambda bout: print(bout_line(bout, zone), flush=True))
    state = state_of(arguments)
    leave = leave_in(state, picture_of(socket) if arguments.send_pictures else no_picture)
    monitor = Monitor(store, recorder, settings, zone, leave, show_in(state))
    follower = Follower(recorder, settings, source, lambda: client.get_json(socket, "/v1/status"))
    print(f"follows {socket.parent / 'results.sock'}, records in {store.path}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    until = None if arguments.duration is None else time.monotonic() + arguments.duration
    try:
        _follow(Loop(monitor, follower, clock, until), socket)
    except (UnknownLabelError, SeveralCamerasError) as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        pass
    finally:
        recorder.close()
        show(monitor.tick(clock.now_us(), force=True))
        store.close()
    return 0


class Loop:
    """What is done beside taking results: clock, flush, judging, and saying each trouble once. ``now`` is monotonic."""

    def __init__(
        self, monitor: Monitor, follower: Follower, clock: WallClock, until: float | None, now: Callable[[], int] = mono_us
    ) -> None:
        self.monitor, self.follower, self.clock, self.until, self._now = monitor, follower, clock, until, now
        self._looked_us = 0
        self._told = ""
        self._clock_unset = False

    def over(self) -> bool:
        """Whether the time that was given is over."""
        return self.until is not None and time.monotonic() >= self.until

    def tick(self) -> None:
        """At most once a second."""
        now = self._now()
        if now - self._looked_us < SECOND_US:
            return
        self._looked_us = now
        stepped = self.clock.look()
        if stepped:
            with contextlib.suppress(sqlite3.Error):  # a full disk: said by the next flush
                self.monitor.store.clock_stepped(self.clock.now_us(), stepped)
            self.say(
                f"the wall clock stepped by {stepped / SECOND_US:+.0f} s: lengths stay, times of day are the clock's from now on"
            )
        if not self.clock.is_set:
            if not self._clock_unset:
                self.say("the wall clock is not set: nothing is recorded until it is")
            self._clock_unset = True
            self.follower.lost()
            return
        self._clock_unset = False
        ticked = self.monitor.tick(self.clock.now_us())
        show(ticked)
        if ticked.tried:
            self._lasting(ticked.trouble)

    def say(self, trouble: str) -> None:
        """On stderr."""
        print(trouble, file=sys.stderr, flush=True)

    def _lasting(self, trouble: str) -> None:
        """A trouble of the store: said once while it lasts, and that it is over."""
        if trouble and trouble != self._told:
            self.say(trouble)
        if self._told and not trouble:
            self.say(f"{self.monitor.store.path}: written again, nothing was lost")
        self._told = trouble


def _follow(loop: Loop, socket: Path) -> None:
    failed = 0
    while not loop.over():
        try:
            for result in client.results(socket, WAIT_S):
                loop.follower.take(result)
                loop.tick()
                failed = 0
                if loop.over():
                    return
            trouble = f"{socket.parent / 'results.sock'}: the daemon has stopped"
        except client.ApiError as error:
            trouble = str(error)
        loop.follower.lost()
        loop.tick()
        if failed == 0:
            print(f"{trouble}; waiting for results", file=sys.stderr, flush=True)
        failed += 1
        pause = RETRY_S[min(failed, len(RETRY_S)) - 1]
        time.sleep(pause if loop.until is None else max(min(pause, loop.until - time.monotonic()), 0))


def show(ticked: Ticked) -> None:
    """New findings, each with what it rests on."""
    for finding in ticked.fresh:
        for line in finding_lines(finding.verdict.value, finding.text, finding.rests_on):
            print(line, flush=True)
