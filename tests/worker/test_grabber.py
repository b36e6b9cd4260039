"""The source thread, on a clock that jumps: the set rate, lost cameras, ended files. No test here sleeps."""

import itertools

from adaptd.protocol.messages import Fault
from adaptd.worker.grabber import BACK_OFF_US, BAD_ROW, STUCK_US, Grabber
from adaptd.worker.latest_frame import Frame, LatestFrame
from adaptd.worker.pacing import Pacer
from tests.worker.fakes import FakeClock, ScriptedSource


class KeepingSlot(LatestFrame):
    """A slot whose frames are taken at once and kept."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []

    def put(self, frame: Frame) -> None:
        super().put(frame)
        taken = self.take(0)
        assert taken is not None
        self.frames.append(taken)


def grab(source: ScriptedSource, clock: FakeClock, rate_mfps: int = 10_000) -> tuple[list[Frame], list[Fault]]:
    """Run a grabber to its end on this thread; the frames it offered and the faults it told."""
    slot, faults = KeepingSlot(), []
    grabber = Grabber(source, slot.put, clock, Pacer(rate_mfps, 0), faults.append, first_frame=100)
    grabber.run()
    assert grabber.ok is False
    return slot.frames, faults


def test_frames_are_numbered_stamped_and_carry_the_cameras_settings() -> None:
    """Numbers go on from the first one given, times are those of arrival."""
    clock = FakeClock()
    frames, _ = grab(ScriptedSource(clock, [3], live=False), clock)
    assert [frame.index for frame in frames] == [100, 101, 102]
    assert [frame.at_us for frame in frames] == [100_000, 200_000, 300_000]
    assert (frames[0].exposure_us, frames[0].gain_raw) == (10_000, 4)


def test_frames_nobody_wants_are_not_decoded() -> None:
    """At 2 of 10 fps four fifths of the pictures are never decoded: that is where the energy goes."""
    clock = FakeClock()
    source = ScriptedSource(clock, [100], live=False)
    frames, _ = grab(source, clock, rate_mfps=2_000)
    assert source.decoded == len(frames)
    assert 20 <= len(frames) <= 21


def test_while_serving_pauses_two_pictures_a_second_are_taken_for_their_light() -> None:
    """A paused device still sees whether it is day: without a picture the light goes unknown and INT8 is lost to the pause."""
    clock = FakeClock()
    source = ScriptedSource(clock, [100], live=False)
    frames, _ = grab(source, clock, rate_mfps=0)
    assert 19 <= len(frames) <= 21
    assert source.decoded == len(frames)
    assert all(frame.look_only for frame in frames)
    assert {frame.index for frame in frames} == {100}  # they take no number from the frames that are served


def test_a_file_that_ends_is_told_once_and_ends_the_thread() -> None:
    """The end of a file is an event, not a failure."""
    clock = FakeClock()
    source = ScriptedSource(clock, [5], live=False)
    frames, faults = grab(source, clock)
    assert (len(frames), source.opened) == (5, 1)
    assert [(fault.kind, fault.fatal) for fault in faults] == [("source_end", False)]
    assert source.closed >= 1


def test_a_damaged_file_is_fatal_in_one_line() -> None:
    """There is no sense in reading a broken file again."""
    clock = FakeClock()
    _, faults = grab(ScriptedSource(clock, [2, "break"], live=False), clock)
    assert [(fault.kind, fault.fatal, "\n" in fault.text) for fault in faults] == [("source", True, False)]


def test_a_file_that_is_not_there_at_the_start_is_fatal() -> None:
    """The user is told at once, instead of waiting for a file that nobody will bring."""
    clock = FakeClock()
    source = ScriptedSource(clock, ["fail"], live=False)
    _, faults = grab(source, clock)
    assert [(fault.kind, fault.fatal) for fault in faults] == [("source", True)]
    assert source.opened == 1


def test_what_no_waiting_helps_is_fatal_even_of_a_camera() -> None:
    """Pixels that cannot be served, or a library that is missing, end in one line and not in frames that never come."""
    clock = FakeClock()
    _, faults = grab(ScriptedSource(clock, [2, "unusable"]), clock)
    assert [(fault.kind, fault.fatal) for fault in faults] == [("source", True)]


def test_one_bad_frame_in_ten_is_dropped_and_counted_and_a_row_of_them_opens_the_camera_again() -> None:
    """A torn frame costs itself; a camera that gives nothing else is taken for lost."""
    clock = FakeClock(until_us=60_000_000)
    source = ScriptedSource(clock, [100], bad=lambda count: count % 10 == 0)
    slot, faults = KeepingSlot(), []
    grabber = Grabber(source, slot.put, clock, Pacer(10_000, 0), faults.append)
    grabber._open(0)
    for _ in range(100):
        source.advance()
        grabber._arrived()
    assert (grabber.bad, len(slot.frames), faults) == (10, 90, [])
    _, faults = grab(
        ScriptedSource(clock, [BAD_ROW, 5, "stop"], bad=lambda count: count <= BAD_ROW), FakeClock(until_us=30_000_000)
    )
    assert faults[0].kind == "source_lost"


def test_a_stream_that_opens_and_gives_nothing_is_not_back() -> None:
    """RTSP that answers and stalls is opened again and again, and "gives frames again" is said with the first frame alone."""
    clock = FakeClock(until_us=60_000_000)
    _, faults = grab(ScriptedSource(clock, [5, *["stop"] * 200]), clock)
    assert [fault.kind for fault in faults if fault.kind == "source_back"] == []


def test_a_camera_that_stops_is_reported_and_opened_again() -> None:
    """Lost and back are each told once, however long it takes; frames go on with the next number."""
    clock = FakeClock(until_us=60_000_000)
    source = ScriptedSource(clock, [60, "stop", "fail", "fail", "fail", 10_000])
    frames, faults = grab(source, clock)
    assert [fault.kind for fault in faults] == ["source_lost", "source_back"]
    assert [frame.index for frame in frames] == list(range(100, 100 + len(frames)))
    gap_us = max(after.at_us - before.at_us for before, after in itertools.pairwise(frames))
    assert gap_us == sum(BACK_OFF_US[:4]) + 100_000


def test_a_camera_that_flickers_is_not_opened_in_a_mad_loop() -> None:
    """Opening that works for a moment does not reset the back-off: 10 minutes of flicker are some 120 openings, not thousands."""
    clock = FakeClock(until_us=600_000_000)
    source = ScriptedSource(clock, [1, "stop"] * 10_000)
    _, faults = grab(source, clock)
    assert source.opened < 150
    assert len(faults) < 300


def test_a_camera_that_boots_later_than_the_box_is_waited_for() -> None:
    """A camera that is away is no reason to give up, at the start as later."""
    clock = FakeClock(until_us=30_000_000)
    frames, faults = grab(ScriptedSource(clock, ["fail"] * 5 + [1_000]), clock)
    assert frames
    assert [fault.kind for fault in faults] == ["source_lost", "source_back"]


def test_a_pause_reads_on_and_serves_nothing() -> None:
    """At rate 0 the camera is drained, so that the frame after the pause is fresh."""
    clock = FakeClock()
    source = ScriptedSource(clock, [50], live=False)
    frames, _ = grab(source, clock, rate_mfps=0)
    assert [frame for frame in frames if not frame.look_only] == []
    assert clock.now_us() >= 5_000_000


def test_the_fake_clock_stops_where_it_was_told() -> None:
    """The clock of these tests never goes back and says False from its end on."""
    clock = FakeClock(until_us=10)
    assert clock.wait_until(5)
    assert clock.wait_until(3)
    assert clock.now_us() == 5
    assert not clock.wait_until(50)
    assert clock.now_us() == 10


def watched(source: ScriptedSource, clock: FakeClock) -> tuple[Grabber, list[Fault]]:
    """A grabber whose source is open, to be watched from outside."""
    faults: list[Fault] = []
    grabber = Grabber(source, KeepingSlot().put, clock, Pacer(10_000, 0), faults.append)
    assert grabber._open(0)
    return grabber, faults


def test_an_open_source_that_gives_nothing_is_told_once_and_when_it_is_back() -> None:
    """A camera that hangs, or an application that pushes no more, looks well from outside: no frame is a fault of its own."""
    clock = FakeClock()
    grabber, faults = watched(ScriptedSource(clock, [1]), clock)
    for _ in range(10):
        clock.us += 1_000_000
        grabber.watch(clock.us)
    assert [(fault.kind, fault.fatal) for fault in faults] == [("source_still", False)]
    grabber._arrived()
    grabber.watch(clock.us)
    grabber.watch(clock.us)
    assert [fault.kind for fault in faults] == ["source_still", "source_back"]


def test_a_source_that_hangs_in_its_driver_is_stuck_and_one_that_is_away_is_not() -> None:
    """The process is ended only where that helps: not for a camera that is unplugged, nor for an application that rests."""
    clock = FakeClock()
    grabber, _ = watched(ScriptedSource(clock, [1]), clock)
    clock.us += STUCK_US
    assert not grabber.stuck(clock.us)
    assert grabber.stuck(clock.us + 1)
    away = ScriptedSource(clock, ["fail"])
    grabber = Grabber(away, KeepingSlot().put, clock, Pacer(10_000, 0), lambda fault: None)
    clock.us += STUCK_US + 1
    assert not grabber._open(0)
    assert not grabber.stuck(clock.us)
    resting, _ = watched(ScriptedSource(clock, [1], live=False), clock)
    assert not resting.stuck(clock.us + 10**9)
