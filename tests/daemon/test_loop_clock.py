"""The daemon loop on clocks that a test turns: wall-clock steps are only records; a failing log stops optimisation."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adaptd.base import coin
from adaptd.config.policy import load_policy
from adaptd.config.profile import load_profile
from adaptd.daemon.jobs import CHECKPOINT, RETENTION, SlowJobs
from adaptd.daemon.loop import Daemon
from adaptd.daemon.orders import Asked
from adaptd.daemon.parts import Clock, LoopPace, Parts
from adaptd.daemon.sensors_or_twin import Opening
from adaptd.daemon.status import Scene
from adaptd.log.format.binding import Binding, code_hash
from adaptd.log.format.decisions import UNBOOKED
from adaptd.log.format.store import Store
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.verify import verify
from adaptd.log.write.opening import open_ledger
from adaptd.log.write.recorder import Recorder, Settings
from adaptd.log.write.retention import Retention
from adaptd.protocol.messages import WorkerReport
from adaptd.sense.camera_light import PictureStats
from adaptd.serve.board import StatusBoard
from adaptd.serve.notify import Notifier
from adaptd.vocabulary import OperatingPoint, Prior, Served, Setpoint, Snapshot, Stretch, Telemetry, VariantFacts
from tests.conftest import ROOT
from tests.readings import sensed

FACTS = (VariantFacts("fp16", 160_000, 4_000), VariantFacts("int8", 70_000, 1_700, False, (Prior("bright", 5000, 1),)))


class Turned:
    """Two clocks that move only when told to; the loop's waiting moves the monotonic one."""

    def __init__(self) -> None:
        self.mono_us, self.offset_ms = 5_000_000, 1_790_000_000_000

    def utc_ms(self) -> int:
        """The wall clock."""
        return self.mono_us // 1000 + self.offset_ms


class Senses:
    """A warm, bright, quiet day; power follows what is served."""

    class Station:
        """A machine that says nothing of trips."""

        trips = ()

        def close(self) -> None:
            """Nothing to end."""

    opening = Opening(())

    def __init__(self) -> None:
        self.station = self.Station()
        self.power_mw = 8_000

    def read(self, now_us: int, worker: Telemetry, picture: PictureStats | None, *, log_ok: bool) -> Snapshot:
        """The snapshot of this tick."""
        del picture
        self.power_mw = 8_000 + worker.delivered * (160 if worker.point.variant == "fp16" else 70)
        return replace(sensed(now_us, 45_000 + now_us // 1_000_000 % 2, self.power_mw, 900_000, worker), log_ok=log_ok)


class Worker:
    """A worker that does at once what it is asked."""

    refused: str | None = None
    report = None

    def __init__(self) -> None:
        self.point, self.asked = OperatingPoint("fp16", 15_000), []  # type: ignore[var-annotated]
        self.says: list[Any] = []
        self.resets = self.numbered = 0

    def reset(self) -> None:
        """Somebody has mended it."""
        self.resets += 1

    def start(self) -> None:
        """Nothing to start."""

    def poll(self) -> list[Any]:
        """What the test lets it say."""
        said, self.says = self.says, []
        return said

    def set(self, setpoint: Setpoint) -> bool:
        """Take the point."""
        self.point = setpoint.point
        self.asked.append(setpoint)
        return True

    def telemetry(self, now_us: int) -> Telemetry:
        """A second of good frames."""
        del now_us
        frames = self.point.fps_mfps // 1000
        latency_us = 4_000 if self.point.variant == "fp16" else 1_700
        newest = self.asked[-1] if self.asked else None
        share_ppm, seed = (newest.shadow_ppm, newest.seed) if newest is not None else (0, "")
        first = self.numbered
        self.numbered += frames
        chosen = tuple(at for at in range(first, self.numbered) if coin.drawn(seed, at, share_ppm))
        span = {"first": first, "last": self.numbered - 1, "drawn": chosen}
        told = Stretch("bright", self.point.variant, share_ppm, frames, shadowed=len(chosen), **span)
        served = Served(self.point.variant, frames, frames * latency_us, latency_us)
        return Telemetry(True, self.point, frames, served=(served,), stretches=(told,) if frames else ())

    def stop(self, timeout_s: float) -> int:
        """End."""
        del timeout_s
        return 0


class Watching:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.scenes: list[Scene] = []
        self.words: list[str] = []

    def decided(self, scene: Scene, changed: bool) -> None:
        """Keep the scene."""
        del changed
        self.scenes.append(scene)

    def happened(self, words: str) -> None:
        """Keep the words."""
        self.words.append(words)

    def asked(self, document: dict[str, Any]) -> None:
        """Keep that somebody asked."""
        self.words.append(f"asked: {document['state']}")


def daemon(folder: Path, clock: Turned) -> tuple[Daemon, Parts, Watching]:
    """A daemon of real brain, log and loop between a quiet world and an obedient worker."""
    policy_path, profile_path = ROOT / "policies" / "feeder.yaml", ROOT / "hw_profiles" / "generic-x86.yaml"
    policy, profile = load_policy(policy_path), load_profile(profile_path)
    ledger, _ = open_ledger(folder, boot="b", mono_us=lambda: clock.mono_us, utc_ms=clock.utc_ms)
    binding = Binding("b", "0" * 64, code_hash(), (), policy.sha256, profile.sha256)
    texts = policy_path.read_text(), profile_path.read_text()
    settings = Settings("feeder", texts[0], "generic-x86", texts[1], FACTS, 7, clock.mono_us, binding)
    watching, slow = Watching(), SlowJobs()
    retention = Retention(ledger, Store(folder), clock.utc_ms, slow.trouble.put, 1)
    chores: dict[str, Callable[[], object]] = {CHECKPOINT: ledger.checkpoint, RETENTION: retention.seek}
    parts = Parts(
        policy, profile, FACTS, settings, policy_path, Worker(), Senses(), Recorder(ledger), StatusBoard(), None,  # type: ignore[arg-type]
        slow, chores, retention, Notifier({}), watching, clock=Clock(lambda: clock.mono_us, clock.utc_ms),
    )  # fmt: skip
    return Daemon(parts, LoopPace()), parts, watching


def begin(running: Daemon, parts: Parts) -> None:
    """What ``run`` does before its loop."""
    parts.recorder.config(parts.settings, running._state)


def ticks(running: Daemon, clock: Turned, count: int) -> None:
    """Turn the loop by hand, a second at a time."""
    for _ in range(count):
        clock.mono_us += 1_000_000
        running._listen(clock.mono_us)
        running._housekeeping(clock.mono_us)
        running._decide(clock.mono_us)


def test_wall_clock_steps_are_recorded_and_change_no_decision(tmp_path: Path) -> None:
    """To 1970, three years ahead, and a thousand steps of a second: the same decisions as without, and a valid log."""
    calm_clock, wild_clock = Turned(), Turned()
    calm, calm_parts, calm_seen = daemon(tmp_path / "calm", calm_clock)
    wild, wild_parts, wild_seen = daemon(tmp_path / "wild", wild_clock)
    begin(calm, calm_parts)
    begin(wild, wild_parts)
    year_ms = 365 * 86_400_000
    for index in range(1002):
        wild_clock.offset_ms += {0: -1_790_000_000_000, 1: 1_790_000_000_000 + 3 * year_ms}.get(
            index, 1000 if index % 2 else -1000
        )
        ticks(wild, wild_clock, 1)
        ticks(calm, calm_clock, 1)
    assert [scene.verdict for scene in wild_seen.scenes] == [scene.verdict for scene in calm_seen.scenes]
    wild._end()
    calm._end()
    steps = [record for record in iter_records(tmp_path / "wild") if record["kind"] == "clock_step"]
    assert len(steps) == 1002
    assert verify(tmp_path / "wild").verdict.value == "valid"


def test_a_loop_that_decides_by_the_wall_clock_is_found_out(tmp_path: Path) -> None:
    """Negative control: with the wall clock in place of the monotonic one the same steps change decisions or break the loop."""
    calm_clock, wild_clock = Turned(), Turned()
    calm, calm_parts, calm_seen = daemon(tmp_path / "calm", calm_clock)
    wild, wild_parts, wild_seen = daemon(tmp_path / "wild", wild_clock)
    plain = wild._snapshot
    wild._snapshot = lambda now_us: replace(plain(now_us), now_us=wild_clock.utc_ms() * 1000)  # type: ignore[method-assign]
    begin(calm, calm_parts)
    begin(wild, wild_parts)
    broken = False
    for index in range(60):
        wild_clock.offset_ms += 1000 if index % 2 else -1000
        ticks(calm, calm_clock, 1)
        try:
            ticks(wild, wild_clock, 1)
        except (ValueError, AssertionError):
            broken = True
            break
    assert broken or [scene.verdict for scene in wild_seen.scenes] != [scene.verdict for scene in calm_seen.scenes]


def test_a_log_that_fails_puts_the_reference_back_within_one_decision(tmp_path: Path) -> None:
    """INT8 serves; the log's disk fails; the very decision that could not be made durable asks for the reference."""
    clock = Turned()
    running, parts, seen = daemon(tmp_path / "log", clock)
    begin(running, parts)
    ticks(running, clock, 40)
    assert seen.scenes[-1].verdict.point.variant == "int8", seen.scenes[-1].why
    parts.recorder.ledger._fail(OSError(28, "No space left on device"))
    ticks(running, clock, 1)
    assert seen.scenes[-1].verdict.point.variant == "fp16"
    assert parts.worker.asked[-1].variant == "fp16"  # type: ignore[attr-defined]
    assert any("degraded" in words or not scene.snapshot.log_ok for words, scene in [("", seen.scenes[-1])])
    ticks(running, clock, 60)
    assert parts.recorder.ok, "the disk works again, so the log recovers"
    running._end()
    assert verify(tmp_path / "log").verdict.value == "valid"


def test_the_daemon_forgets_what_has_outlived_the_retention(tmp_path: Path) -> None:
    """Four days of log with one day kept: when the job asks, the older segments go between two ticks, and the rest verifies."""
    clock = Turned()
    running, parts, seen = daemon(tmp_path / "log", clock)
    begin(running, parts)
    for _ in range(4):
        clock.mono_us += 86_400_000_000
        ticks(running, clock, 10)
        parts.recorder.ledger.rotate()
        parts.recorder.config(parts.settings, running._state, reason="rotation")
    parts.slow.due.put(RETENTION)
    ticks(running, clock, 1)
    if (thread := parts.retention._thread) is not None:  # a quick one is over, and its words told, within the tick
        thread.join()
        ticks(running, clock, 1)
    assert any("were older than 1 days" in words for words in seen.words)
    running._end()
    assert any(record["kind"] == "prune" for record in iter_records(tmp_path / "log"))
    report = verify(tmp_path / "log")
    assert report.verdict.value == "gap"  # the days that this test skips are gaps, and nothing else is wrong
    assert report.replayed == report.decisions > 0
    assert (report.first_seq or 0) > 0


class Pings(Notifier):
    """Counts the good ticks that the service manager would hear of."""

    def __init__(self) -> None:
        super().__init__({})
        self.good = 0

    def good_tick(self, now_us: int) -> None:
        """One more."""
        self.good += 1


def test_a_log_that_stays_down_does_not_get_the_serving_daemon_killed(tmp_path: Path) -> None:
    """Without a log the reference serves on, and the watchdog hears of these ticks too: S-2 is not undone by S-14."""
    clock = Turned()
    running, parts, seen = daemon(tmp_path / "log", clock)
    parts.notifier = pings = Pings()
    begin(running, parts)
    ticks(running, clock, 40)
    for _ in range(15):
        parts.recorder.ledger._fail(OSError(28, "No space left on device"))
        before = pings.good
        ticks(running, clock, 1)
        assert seen.scenes[-1].verdict.point.variant == "fp16"
        assert pings.good > before
    running._end()


def test_an_intent_is_on_record_before_the_worker_hears_of_it(tmp_path: Path) -> None:
    """Every changed point has an act record with a lower number than anything that follows from it, and each is a lease."""
    clock = Turned()
    running, parts, _ = daemon(tmp_path / "log", clock)
    begin(running, parts)
    ticks(running, clock, 40)
    running._end()
    acts = [record for record in iter_records(tmp_path / "log") if record["kind"] == "act"]
    assert [act["point"][0] for act in acts][:2] == ["fp16", "int8"] or acts[0]["point"][0] in ("fp16", "int8")
    asked = parts.worker.asked  # type: ignore[attr-defined]
    assert all(setpoint.lease_us > 0 for setpoint in asked if setpoint.variant == "int8")


def faults(folder: Path) -> list[tuple[str, str]]:
    """Kind and text of every fault on record."""
    return [(record["fault"], record["text"]) for record in iter_records(folder) if record["kind"] == "fault"]


def test_a_defect_of_ours_ends_the_run_on_record(tmp_path: Path) -> None:
    """An exception that nobody expected is one line and a record, the log is closed and valid, and the exit code is 1."""
    clock = Turned()
    running, parts, seen = daemon(tmp_path / "log", clock)

    def fail(now_us: int, worker: Telemetry, picture: object, *, log_ok: bool) -> Snapshot:
        raise ZeroDivisionError("by\nnothing")

    parts.senses.read = fail  # type: ignore[method-assign]
    assert running.run() == 1
    ((kind, text),) = faults(tmp_path / "log")
    assert (kind, text.startswith("ZeroDivisionError: by nothing at test_loop_clock.py:")) == ("defect", True)
    assert any("please report it" in words for words in seen.words)
    assert [record["reason"] for record in iter_records(tmp_path / "log") if record["kind"] == "stop"] == [UNBOOKED]
    assert verify(tmp_path / "log").verdict.value == "valid"


def test_what_the_worker_could_not_tell_is_on_record_as_lost(tmp_path: Path) -> None:
    """A daemon that was stopped for long has not heard everything, and says so instead of passing over it."""
    clock = Turned()
    running, parts, _ = daemon(tmp_path / "log", clock)
    begin(running, parts)
    words = {"swaps": 0, "delivered": 0, "missed": 0, "dropped": 0, "shadow_frames": 0}
    for lost in (0, 3, 3, 5):
        parts.worker.says.append(WorkerReport(0, 1, "fp16", 15_000, 0, 0, lost=lost, **words))  # type: ignore[attr-defined]
        running._listen(clock.mono_us)
    running._end()
    assert [text.split()[0] for kind, text in faults(tmp_path / "log") if kind == "unheard"] == ["3", "2"]


def trial_over() -> None:
    """Wait until the policy that was asked for has been read and tried."""
    for thread in threading.enumerate():
        if thread.name == "reload":
            thread.join(60)


def reloaded(folder: Path, text: str) -> tuple[Daemon, Parts, Watching]:
    """A running daemon whose policy file now holds ``text`` and that was asked to read it."""
    clock = Turned()
    running, parts, seen = daemon(folder / "log", clock)
    parts.policy_path = folder / "policy.yaml"
    parts.policy_path.write_text(text)
    begin(running, parts)
    ticks(running, clock, 3)
    running._ask_for_policy()
    trial_over()
    ticks(running, clock, 3)
    return running, parts, seen


def test_a_good_policy_is_adopted_and_lifts_the_workers_latch(tmp_path: Path) -> None:
    """Reading the policy anew is how somebody says that it is mended."""
    text = (ROOT / "policies" / "feeder.yaml").read_text().replace("limit_c: 85", "limit_c: 84")
    running, parts, seen = reloaded(tmp_path, text)
    assert running._policy.limit_mc == 84_000
    assert parts.worker.resets == 1  # type: ignore[attr-defined]
    assert any("adopted (SIGHUP)" in words for words in seen.words)
    running._end()
    assert verify(tmp_path / "log").verdict.value == "valid"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("limit_c: 85", "limit_c: 850", "limit_c"),
        (
            "efficient: [int8]",
            "efficient: [int4]",
            "asks for other variants than are loaded (fp16 as reference, int8 as efficient)",
        ),
        ("", "x" * 70_000, "larger than 64 KiB"),
    ],
)
def test_a_policy_that_cannot_be_served_is_refused_and_the_running_one_stays(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    """A bad value, an engine that is not loaded, a file without end: one line, on record, and nothing changes."""
    text = (ROOT / "policies" / "feeder.yaml").read_text()
    running, parts, seen = reloaded(tmp_path, text.replace(old, new) if old else new)
    assert running._policy.limit_mc == 85_000
    assert parts.worker.resets == 0  # type: ignore[attr-defined]
    assert any(said in words for words in seen.words)
    running._end()
    assert [kind for kind, _ in faults(tmp_path / "log")] == ["policy_refused"]


def test_a_pipe_in_the_place_of_the_policy_does_not_hang_the_loop(tmp_path: Path) -> None:
    """Whatever lies where the policy belongs is refused at once: a reader that waits would stop every decision."""
    clock = Turned()
    running, parts, seen = daemon(tmp_path / "log", clock)
    parts.policy_path = tmp_path / "policy.yaml"
    os.mkfifo(parts.policy_path)
    begin(running, parts)
    running._ask_for_policy()
    trial_over()
    ticks(running, clock, 1)
    running._end()
    assert any("is no plain file" in words for words in seen.words)


def test_a_checkpoint_that_nobody_asks_for_is_made_all_the_same(tmp_path: Path) -> None:
    """The scheduler of the slow jobs may die or sleep: the log is signed by the monotonic clock then, and it is said."""
    clock = Turned()
    running, parts, seen = daemon(tmp_path / "log", clock)
    begin(running, parts)
    ticks(running, clock, 301)
    assert any("checkpoint: not asked for in 300 s" in words for words in seen.words)
    assert parts.recorder.heads.checkpoint_seq > 0
    running._end()


def test_a_signal_never_waits_for_a_lock(tmp_path: Path) -> None:
    """A handler runs between two steps of the loop's own thread: a lock that the loop holds there would never be given back."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in numbers}
    running, _, _ = daemon(tmp_path / "log", Turned())
    try:
        running.asked.install()
        with running._wake._cond:
            for number in numbers:
                signal.raise_signal(number)
        assert running.asked == Asked(stop=True, reload=True, dump=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
