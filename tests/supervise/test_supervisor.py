"""The supervisor on scripted workers and a clock that is set by hand: what it ends, what it starts, what it tells."""

from typing import Any

import pytest

from adaptd.protocol.messages import Begin, EngineInfo, Fault, Hello, Waiting, WorkerReport
from adaptd.supervise.process import WorkerClient
from adaptd.supervise.signs import LATCHED_BACK_OFF_US, WorkerLimits
from adaptd.supervise.supervisor import Lost, Started, Supervisor
from adaptd.vocabulary import OperatingPoint, Served, Setpoint, Shadow, Telemetry

BEGIN = Begin("bundle", "stub", ("fp16", "int8"), "pattern:8x8", 15_000, 66_000, digest="of what was checked")
HELLO = Hello(
    1, "stub", (EngineInfo("fp16", "fp32", 1, True, 5_000), EngineInfo("int8", "int8", 1, True, 2_000)), "s", 15_000, False, 1, 1
)


class Actor(WorkerClient):
    """A worker that lives in this process and does what the test says."""

    def __init__(self, begin: Begin, *, command: Any, now_us: Any) -> None:
        super().__init__(begin, command=command, now_us=now_us)
        self.code: int | None = None
        self.says: list[Any] = []
        self.orders: list[Any] = []
        self.killed = False

    def spawn(self) -> None:
        self.started_us = self.heard_us = self._now_us()

    @property
    def pid(self) -> int | None:
        return 4711

    @property
    def exit_code(self) -> int | None:
        return self.code

    def poll(self) -> list[Any]:
        said, self.says = self.says, []
        for message in said:
            self._note(message)
        if said:
            self.heard_us = self._now_us()
        return said

    def set(self, point: OperatingPoint, **words: Any) -> bool:
        self.orders.append(point)
        return self.code is None

    def kill(self) -> None:
        self.killed = True
        self.code = -9 if self.code is None else self.code

    def stop(self, timeout_s: float = 2.0) -> int | None:
        self.code = 0
        return 0


class Stage:
    """A supervisor, its clock and every worker it started."""

    def __init__(self, *, spare: bool = False) -> None:
        self.us = 0
        self.actors: list[Actor] = []
        self.supervisor = Supervisor(BEGIN, now_us=lambda: self.us, limits=WorkerLimits(), make=self._make, spare=spare)
        self.supervisor.start()

    def _make(self, begin: Begin, *, command: Any, now_us: Any) -> WorkerClient:
        self.actors.append(Actor(begin, command=command, now_us=now_us))
        return self.actors[-1]

    @property
    def now(self) -> Actor:
        """The worker that runs now."""
        return self.actors[-1]

    def report(self, **changes: Any) -> WorkerReport:
        """A report of a worker that serves well."""
        counts = {"swaps": 0, "lost": 0, "missed": 0, "dropped": 0, "shadow_frames": 0}
        words: dict[str, Any] = {"variant": "fp16", "fps_mfps": 15_000, "frame": 10, "busy_us": 0, "delivered": 3}
        return WorkerReport(self.us, 1, **(counts | words | changes))

    def well(self, **changes: Any) -> list[Any]:
        """The running worker is warm and serves."""
        self.now.says += [HELLO, self.report(**changes)]
        return self.supervisor.poll()

    def pass_s(self, seconds: float) -> list[Any]:
        """Let time pass, then look."""
        self.us += int(seconds * 1e6)
        return self.supervisor.poll()


@pytest.fixture
def stage() -> Stage:
    """A supervisor whose first worker has just been started."""
    return Stage()


def test_a_healthy_worker_is_left_alone(stage: Stage) -> None:
    """An hour of beats: one worker, no event but its own messages."""
    stage.well()
    for _ in range(3_600):
        stage.us += 1_000_000
        stage.now.says.append(stage.report())
        assert all(isinstance(event, WorkerReport) for event in stage.supervisor.poll())
    assert len(stage.actors) == 1


def test_a_crash_is_told_and_the_next_worker_starts_in_the_same_look(stage: Stage) -> None:
    """The first restart waits for nothing; frames go on being numbered where they stopped."""
    stage.well(frame=41)
    stage.now.code = -9
    lost, started = stage.supervisor.poll()
    assert isinstance(lost, Lost)
    assert (lost.sign, lost.exit_code, lost.retry_us, lost.latched) == ("crashed", -9, 0, False)
    assert isinstance(started, Started)
    assert stage.now.begin.first_frame == 46, "the numbers of the frames in flight are not used again"
    assert stage.now.begin.digest == "of what was checked", "the next worker serves that bundle, or nothing"


def test_silence_is_a_hang(stage: Stage) -> None:
    """A stopped process sends no beat: after a second it is ended and replaced."""
    stage.well()
    assert stage.pass_s(0.9) == []
    lost, _ = stage.pass_s(0.2)
    assert (lost.sign, stage.actors[0].killed) == ("silent", True)


def test_a_beat_without_progress_is_a_hang_too(stage: Stage) -> None:
    """The beat comes from another thread than the frames: a frame that is worked on for over a second is stuck."""
    stage.well()
    stage.us += 500_000
    stage.now.says.append(stage.report(busy_us=1_100_000))
    events = stage.supervisor.poll()
    assert events[1].sign == "stuck"


def test_a_blind_worker_is_restarted_once_its_source_is_gone_for_long(stage: Stage) -> None:
    """A source stuck in its driver can only be freed by ending the process."""
    stage.well()
    seen = []
    for _ in range(17):
        stage.us += 1_000_000
        stage.now.says.append(stage.report(source_ok=False))
        seen += [event.sign for event in stage.supervisor.poll() if isinstance(event, Lost)]
    assert seen == ["blind"]


def test_a_camera_that_is_away_for_minutes_costs_no_engine(stage: Stage) -> None:
    """Blindness is no crash: after ten minutes of it everything is still loaded, and nothing is latched."""
    stage.well()
    for _ in range(600):
        stage.us += 1_000_000
        stage.now.says += [HELLO, stage.report(source_ok=False)]
        stage.supervisor.poll()
    assert len(stage.actors) > 10
    assert not stage.supervisor.latched
    assert stage.now.begin.variants == ("fp16", "int8")


def latch(stage: Stage) -> None:
    """Three crashes, and the one engine that is left serves."""
    for _ in range(3):
        stage.well()
        stage.now.code = -9
        stage.supervisor.poll()
        stage.pass_s(2)
    stage.pass_s(31)
    assert stage.supervisor.latched
    stage.well()


def test_nobody_is_sent_to_an_engine_that_is_not_loaded(stage: Stage) -> None:
    """While the safe state is latched the efficient engines are told as out: else the controller would ask for one for ever."""
    latch(stage)
    assert stage.now.begin.variants == ("fp16",)
    assert stage.supervisor.telemetry(stage.us).quarantined == ("int8",)
    assert stage.supervisor.telemetry(stage.us).quarantined == ("int8",)


def test_a_reset_loads_everything_again(stage: Stage) -> None:
    """Whoever has mended it says so, and the worker that serves the reference alone is started anew at once."""
    latch(stage)
    stage.supervisor.reset()
    lost, started = stage.supervisor.poll()
    assert (lost.sign, lost.latched, started.attempt) == ("reset", False, len(stage.actors))
    assert stage.now.begin.variants == ("fp16", "int8")
    assert stage.now.begin.quarantined == ()
    stage.well()
    assert stage.supervisor.telemetry(stage.us).quarantined == ()
    stage.supervisor.reset()
    assert stage.supervisor.poll() == [], "a worker with nothing to forgive is left alone"


def test_a_machine_that_can_start_no_process_is_told_and_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory and no process left is no reason for the daemon to end: it says so, and the next start may work."""

    def fail(actor: Actor) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    stage.well()
    with monkeypatch.context() as patch:
        patch.setattr(Actor, "spawn", fail)
        stage.now.code = -9
        crashed, unstartable = stage.supervisor.poll()
        assert (crashed.sign, unstartable.sign) == ("crashed", "unstartable")
        assert "Resource temporarily unavailable" in unstartable.text
        assert not stage.supervisor.telemetry(stage.us).alive
        assert [event.sign for event in stage.pass_s(6)] == ["unstartable"]
    (started,) = stage.pass_s(6)
    assert isinstance(started, Started)
    assert not stage.supervisor.latched


def test_a_first_start_that_fails_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same before anything ran."""

    def fail(actor: Actor) -> None:
        raise OSError(12, "Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr(Actor, "spawn", fail)
        stage = Stage()
        assert [event.sign for event in stage.supervisor.poll() if isinstance(event, Lost)] == ["unstartable"]
    assert isinstance(stage.pass_s(6)[-1], Started)


def test_a_worker_that_never_gets_ready_is_replaced(stage: Stage) -> None:
    """A start may take half a minute, not for ever."""
    assert stage.pass_s(29) == []
    lost, _ = stage.pass_s(2)
    assert lost.sign == "late"


def test_a_refusal_at_the_first_start_is_final(stage: Stage) -> None:
    """A missing video does not come back by restarting: one line for the user, no second process."""
    stage.now.says.append(Fault("start", "clip.mp4: no such file; name an existing video", 1, fatal=True))
    stage.supervisor.poll()
    assert stage.supervisor.refused == "clip.mp4: no such file; name an existing video"
    assert stage.pass_s(3_600) == []
    assert len(stage.actors) == 1


def test_a_refusal_after_service_is_a_crash_like_any_other(stage: Stage) -> None:
    """What served before may serve again: a bundle that cannot be read for a moment is tried again."""
    stage.well()
    stage.now.code = -9
    stage.supervisor.poll()
    stage.now.code = 1
    stage.now.says.append(Fault("start", "bundle: cannot be read; mount it", 1, fatal=True))
    lost = next(event for event in stage.supervisor.poll() if isinstance(event, Lost))
    assert lost.text == "bundle: cannot be read; mount it"
    assert stage.supervisor.refused is None


def test_a_restart_is_on_the_reference_at_the_rate_that_was_ordered(stage: Stage) -> None:
    """A device that was slowed down for its heat does not come back at full rate."""
    stage.well()
    stage.supervisor.set(Setpoint(1, "int8", 5_000, 10**9, 0, "", "dim"))
    stage.now.code = -11
    stage.supervisor.poll()
    assert (stage.now.begin.start_mfps, stage.now.begin.variants[0]) == (5_000, "fp16")
    assert stage.supervisor.telemetry(stage.us).point == OperatingPoint("fp16", 0)


def test_three_crashes_latch_the_reference_alone(stage: Stage) -> None:
    """In the safe state only the reference is loaded and restarts are half a minute apart; reset ends it."""
    for _ in range(3):
        stage.well()
        stage.now.code = -9
        stage.pass_s(1)
        stage.pass_s(1)
    assert stage.supervisor.latched
    assert stage.pass_s(20) == []
    (started,) = stage.pass_s(LATCHED_BACK_OFF_US / 1e6)
    assert isinstance(started, Started)
    assert stage.now.begin.variants == ("fp16",)
    stage.supervisor.reset()
    assert not stage.supervisor.latched
    stage.now.code = -9
    stage.supervisor.poll()
    assert stage.now.begin.variants == ("fp16", "int8")


def test_an_engine_that_segfaults_the_process_is_not_loaded_again(stage: Stage) -> None:
    """The crash is attributed to the variant that served, and telemetry calls it quarantined."""
    stage.well(variant="int8")
    stage.now.code = -11
    stage.supervisor.poll()
    assert stage.now.begin.quarantined == ("int8",)
    assert stage.supervisor.telemetry(stage.us).quarantined == ("int8",)


def test_quarantine_outlives_the_worker(stage: Stage) -> None:
    """An engine that gave NaN stays out after an unrelated restart."""
    stage.well(quarantined=("int8",))
    stage.now.code = -9
    stage.supervisor.poll()
    assert stage.now.begin.quarantined == ("int8",)


def test_a_variant_that_was_merely_slow_is_loaded_again(stage: Stage) -> None:
    """Being set aside for a while is telemetry's business, not the next worker's."""
    stage.well(slow=("int8",))
    assert stage.supervisor.telemetry(stage.us).quarantined == ("int8",)
    stage.now.code = -9
    stage.supervisor.poll()
    assert stage.now.begin.quarantined == ()


def test_a_crawling_reference_is_restarted_once(stage: Stage) -> None:
    """It may be the process; if the next one crawls too, it is the machine, and restarting stops."""
    stage.well()
    slow = Fault("slow", "fp16 takes over 40000 us a frame", 1, "fp16")
    stage.now.says.append(slow)
    events = stage.supervisor.poll()
    assert [event.sign for event in events if isinstance(event, Lost)] == ["slow"]
    stage.well()
    stage.now.says.append(slow)
    assert [type(event) for event in stage.supervisor.poll()] == [Fault]
    assert len(stage.actors) == 2


def test_no_count_is_lost_over_a_restart(stage: Stage) -> None:
    """What the dead worker reported and what its successor reports are one telemetry."""
    served, shadow = (Served("int8", 3, 30, 12),), (Shadow("dim", "int8", 0),)
    stage.well(delivered=3, served=served, shadows=shadow, shadow_frames=1)
    stage.now.code = -9
    stage.supervisor.poll()
    stage.well(delivered=2, served=(Served("fp16", 2, 9, 5),))
    telemetry = stage.supervisor.telemetry(stage.us)
    assert telemetry == Telemetry(
        alive=True,
        point=OperatingPoint("fp16", 15_000),
        delivered=5,
        shadow_frames=1,
        served=(Served("fp16", 2, 9, 5), Served("int8", 3, 30, 12)),
        shadows=shadow,
    )
    assert stage.supervisor.telemetry(stage.us).delivered == 0


def test_nobody_home_is_not_alive(stage: Stage) -> None:
    """Before the first beat and while no worker runs, telemetry says so."""
    assert not stage.supervisor.telemetry(0).alive
    stage.well()
    assert stage.supervisor.telemetry(stage.us).alive
    stage.us += 5_000_000
    assert not stage.supervisor.telemetry(stage.us).alive


def test_stop_ends_the_worker_and_starts_no_other(stage: Stage) -> None:
    """After stop the supervisor is quiet for good, and the last counts can still be had."""
    stage.well(delivered=3)
    assert stage.supervisor.stop() == 0
    assert stage.pass_s(3_600) == []
    assert stage.supervisor.telemetry(stage.us).delivered == 3
    assert not stage.supervisor.set(Setpoint(2, "fp16", 1, 0, 0, "", ""))


def test_a_spare_process_waits_and_steps_in() -> None:
    """Once the worker has settled a second process loads its libraries; after a crash it serves, and a third one waits."""
    stage = Stage(spare=True)
    stage.well()
    assert len(stage.actors) == 1
    stage.us += 2_500_000
    stage.actors[0].says.append(stage.report())
    stage.supervisor.poll()
    spare = stage.actors[1]
    spare.says.append(Waiting(2, stage.us))
    stage.actors[0].says.append(stage.report(frame=41))
    stage.supervisor.poll()
    assert stage.supervisor.spare is not None
    assert stage.supervisor.spare.ready
    stage.actors[0].code = -9
    stage.supervisor.poll()
    assert spare.begin.first_frame == 46
    assert len(stage.actors) == 2
    stage.us += 2_500_000
    spare.says += [HELLO, stage.report()]
    stage.supervisor.poll()
    assert len(stage.actors) == 3
    stage.supervisor.stop()
    assert all(actor.code is not None for actor in stage.actors)


def test_a_spare_that_died_is_replaced_later_and_not_used() -> None:
    """A dead spare costs nothing but the quick restart: the next worker is a fresh process."""
    stage = Stage(spare=True)
    stage.well()
    stage.us += 2_500_000
    stage.actors[0].says.append(stage.report())
    stage.supervisor.poll()
    stage.actors[1].code = -9
    stage.actors[0].code = -9
    stage.supervisor.poll()
    assert len(stage.actors) == 3
