"""`adaptd agv run`: the loop around the follower, its store, pictures, messages and what it prints."""

import argparse
import json
import signal
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adaptd import client
from adaptd.apps.agv.basis import Qualified
from adaptd.apps.agv.follow import Follower, NoDetectorError
from adaptd.apps.agv.inspection import Inspected, Verdict
from adaptd.apps.agv.part_ids import Counted, PartIdError, PartLines, Told, checked
from adaptd.apps.agv.pictures import Album
from adaptd.apps.agv.settings import SECOND_US, Settings
from adaptd.apps.agv.store import PartStore
from adaptd.apps.agv.watch import Watch
from adaptd.apps.feeder.clock import WallClock, mono_us
from adaptd.apps.sqlite import StoreError
from adaptd.cli.agv_words import account_lines, part_line
from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.options import answer
from adaptd.config.manifest import load_manifest
from adaptd.config.shipped import engines_dir

WAIT_S, RETRY_S = 1.0, (0.5, 1.0, 2.0, 5.0)
LOOK_US = SECOND_US
PRUNE_US = 3_600 * SECOND_US


def open_store(arguments: argparse.Namespace, *, writer: bool = False, clock: WallClock | None = None) -> PartStore:
    """The store, or one line that says why not."""
    state: Path = getattr(arguments, "state", None) or client.default_state()
    path: Path = arguments.db or state / "agv" / "agv.sqlite3"
    with refusing(StoreError):
        return PartStore(path, writer=writer, utc_of=(lambda at: at) if clock is None else clock.utc_of)


def qualified_of(bundle: Path | None) -> tuple[Qualified, str]:
    """Per band and variant the mAP that qualification found, and the reference's name."""
    manifest = load_manifest(bundle or engines_dir() / "inspection")
    found: dict[str, dict[str, int]] = {}
    for name, backends in manifest.variants.items():
        for entry in backends.values():
            for band, row in (entry.qualification.bands if entry.qualification else {}).items():
                if row.score_ppm is not None:
                    known = found.setdefault(band, {}).get(name, row.score_ppm)
                    found[band][name] = min(known, row.score_ppm)
    return found, manifest.reference


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings with what was given."""
    return Settings(
        map_floor_ppm=round(arguments.map_floor * 1_000_000),
        every_us=round((arguments.every or 2.0) * SECOND_US),
        goal_mfps=round(arguments.goal * 1000),
        cameras=tuple(arguments.camera),
    )


def run(arguments: argparse.Namespace) -> int:
    """Follow until stopped; a daemon that is away is waited for."""
    if arguments.parts is not None and arguments.every is not None:
        raise CommandError("adaptd agv run: --every is for parts that nobody names, leave it out beside --parts", code=2)
    arguments.socket = arguments.socket or client.default_socket()
    qualified, reference = qualified_of(arguments.bundle)
    settings, clock = settings_of(arguments), WallClock()
    with refusing(PartIdError, where="adaptd agv run: ", code=2):
        lines = None if arguments.parts is None else PartLines(arguments.parts)
    store = open_store(arguments, writer=True, clock=clock)
    desk = Desk(arguments, settings, store, clock)
    told = Told()
    follower = Follower(
        settings,
        Counted(settings.every_us, store.parts_ever() + 1) if lines is None else told,
        lambda: client.get_json(arguments.socket, "/v1/status"),
        desk.part,
        found=lambda part: desk.album.take(part, clock.now_us()),
        qualified=qualified,
        reference=reference,
    )
    print(f"follows {arguments.socket.parent / 'results.sock'}, records in {store.path}", file=sys.stderr, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _Loop(arguments, desk, follower, told, lines).run()
    except NoDetectorError as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        pass
    finally:
        follower.end(mono_us())
        desk.hand_on()
        store.close()
    return 0


def show_parts(arguments: argparse.Namespace) -> int:
    """The newest parts, the last one below."""
    with closing(open_store(arguments)) as store:
        found = store.newest(arguments.last, arguments.verdict)
    return answer(arguments, {"v": 1, "parts": found}, map(part_line, reversed(found)))


def check(arguments: argparse.Namespace) -> int:
    """Write down what a person found."""
    with refusing(PartIdError, code=2):
        name = checked(arguments.part)
    with refusing(StoreError), closing(open_store(arguments)) as store:
        was = store.check(name, arguments.truth)
    kinds = {("pass", "defective"): "a missed defect", ("reject", "sound"): "a false reject"}
    print(f"{name}: {arguments.truth}; the verdict was {was}: {kinds.get((was, arguments.truth), 'noted')}")
    return 0


def show_account(arguments: argparse.Namespace) -> int:
    """Parts by verdict, and what people found of them."""
    with closing(open_store(arguments)) as store:
        found: dict[str, Any] = store.account()
    return answer(arguments, {"v": 1, **found}, account_lines(found))


class Desk:
    """What becomes of a part: printed, written down, its picture kept, and a reject left for the gateway."""

    def __init__(self, arguments: argparse.Namespace, settings: Settings, store: PartStore, clock: WallClock) -> None:
        self.store, self.settings, self.clock = store, settings, clock
        self.album = Album(store.path.parent, lambda: client.preview(arguments.socket, 1.0))
        self._state: Path = arguments.state or client.default_state()
        self._send, self._json = arguments.send_pictures, arguments.json
        self._unwritten: list[tuple[Inspected, str | None]] = []
        self._pruned_us: int | None = None
        self.trouble: dict[str, str] = {}

    def part(self, one: Inspected) -> None:
        """A part has left. What the disk refuses is kept in memory and tried again."""
        picture = self.album.of(one.part)
        self._unwritten.append((one, picture))
        self._print(one, picture)
        self.hand_on()

    def hand_on(self) -> None:
        """Write what is not written, tell what is not told."""
        self.trouble = {"picture": self.album.trouble} if self.album.trouble else {}
        try:
            while self._unwritten:
                self.store.add(*self._unwritten[0])
                self._unwritten.pop(0)
            for row, words in self.store.waiting():
                self._leave(row, words)
                self.store.told(row)
            self._prune()
        except sqlite3.Error as error:
            kept = len(self._unwritten)
            self.trouble["disk"] = (
                f"{self.store.path}: cannot be written ({error}), make room on the disk; {kept} parts wait in memory"
            )
        except client.ApiError as error:
            self.trouble["messages"] = f"rejects wait to be told: {error}"

    def _leave(self, row: int, words: dict[str, Any]) -> None:
        picture = self.album.read(words["picture"]) if self._send and words["picture"] else None
        kinds = ", ".join(sorted({defect["kind"].replace("_", " ") for defect in words["defects"]}))
        rests_on = {"part": words["part"], "defects": words["defects"], "picture": words["picture"], **words["rests_on"]}
        key = f"agv/{self.store.identity}/{row}"
        client.alert(self._state, key, "notice", f"Part {words['part']} is rejected: {kinds}.", rests_on, picture)

    def _print(self, one: Inspected, picture: str | None) -> None:
        words = {
            "part": one.part,
            "begin_us": self.clock.utc_of(one.begin_us),
            "end_us": self.clock.utc_of(one.end_us),
            "verdict": one.verdict.value,
            "reasons": [reason.value for reason in one.reasons],
            "defects": [asdict(defect) for defect in one.defects],
            "frames": dict(one.frames),
            "slowest_mfps": round(one.fps * 1000),
            "basis": dict(one.basis),
            "picture": picture if one.verdict is Verdict.REJECT else None,
        }
        print(json.dumps({"v": 1, **words}) if self._json else part_line(words), flush=True)

    def _prune(self) -> None:
        now_us = self.clock.now_us()
        if self._pruned_us is None or now_us - self._pruned_us > PRUNE_US:
            self._pruned_us = now_us
            self.album.forget(self.store.prune(now_us, self.settings.keep_days))


class _Loop:
    """Results as they come, a look around once a second, and every trouble said once while it lasts."""

    def __init__(
        self, arguments: argparse.Namespace, desk: Desk, follower: Follower, told: Told, lines: PartLines | None
    ) -> None:
        self._socket: Path = arguments.socket
        self._hours: float | None = arguments.hours
        self._desk, self._follower, self._told, self._lines = desk, follower, told, lines
        self._watch = Watch(desk.settings)
        limits = [arguments.duration, None if arguments.hours is None else arguments.hours * 3_600]
        given = [limit for limit in limits if limit is not None]
        self._until = time.monotonic() + min(given) if given else None
        self._looked_us = 0
        self._said: dict[str, str] = {}
        self._away = ""

    def run(self) -> None:
        """Until the time is over or the program is stopped."""
        failed = 0
        while not self._over():
            try:
                for result in client.results(self._socket, WAIT_S):
                    failed, self._away = 0, ""
                    self._take(result)
                    if self._over():
                        return
                self._away = f"{self._socket.parent / 'results.sock'}: the daemon has stopped, waiting for it"
            except client.ApiError as error:
                self._away = f"{error}; waiting for results"
            self._look(mono_us())
            failed += 1
            time.sleep(RETRY_S[min(failed, len(RETRY_S)) - 1] if failed > 1 else 0.0)

    def _take(self, result: dict[str, Any]) -> None:
        if self._lines is not None:
            for text in self._lines.new():
                if wrong := self._told.line(text):
                    print(wrong, file=sys.stderr, flush=True)
        self._watch.result(str(result.get("camera", "")), int(result["mono_us"]))
        self._follower.take(result)
        now = mono_us()
        if now - self._looked_us >= LOOK_US:
            self._look(now)

    def _look(self, now_us: int) -> None:
        self._looked_us = now_us
        if self._away:
            self._follower.end(now_us)
        self._desk.clock.look()
        self._desk.hand_on()
        found = {"daemon": self._away} if self._away else self._watch.lines(self._follower.status, now_us, self._hours)
        self._say({**found, **self._desk.trouble})

    def _say(self, found: dict[str, str]) -> None:
        for key, words in found.items():
            if key not in self._said:
                print(words, file=sys.stderr, flush=True)
        for key in self._said.keys() - found.keys():
            print(f"{key}: well again", file=sys.stderr, flush=True)
        self._said = found

    def _over(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until
