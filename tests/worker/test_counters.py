"""Counting frames between reports, and the one-frame slot in front of the loop."""

import threading

from adaptd.protocol.messages import Apart
from adaptd.supervise.counting import joined, merged
from adaptd.vocabulary import OperatingPoint, Served, Shadow, Telemetry
from adaptd.worker.counters import MAX_SHADOWS, Counters
from adaptd.worker.latest_frame import Frame, LatestFrame


def test_frames_in_time_are_delivered_and_late_ones_missed() -> None:
    """Each served frame is counted once, under the variant that served it."""
    tally = Counters()
    tally.frame(("dim", "int8", 0), 0, 2_000, in_time=True, drawn=False)
    tally.frame(("dim", "int8", 0), 0, 5_000, in_time=False, drawn=False)
    tally.frame(("dim", "fp16", 0), 0, 9_000, in_time=True, drawn=False)
    counts = tally.take()
    assert (counts.delivered, counts.missed) == (2, 1)
    assert counts.by_variant() == (Served("fp16", 1, 9_000, 9_000), Served("int8", 2, 7_000, 5_000))


def test_a_take_starts_anew() -> None:
    """Nothing is counted twice."""
    tally = Counters()
    tally.frame(("dim", "int8", 0), 0, 1, in_time=True, drawn=False)
    tally.take()
    assert tally.take().delivered == 0


def test_shadow_results_over_the_limit_wait_and_are_not_lost() -> None:
    """A burst larger than one report is spread over the next ones, in order."""
    tally = Counters()
    for index in range(MAX_SHADOWS + 10):
        tally.shadow(Shadow("dim", "int8", index))
    first, second = tally.take(), tally.take()
    assert [shadow.loss_ppm for shadow in (*first.shadows, *second.shadows)] == list(range(MAX_SHADOWS + 10))


def test_missed_and_added_objects_are_told_apart_and_once() -> None:
    """What a detector missed and what it added are two counts by band and variant, and a report takes them with it."""
    tally = Counters()
    for missed, added in ((2, 0), (0, 1), (0, 0)):
        tally.shadow(Shadow("dim", "int8", 250_000), (missed, added))
    assert tally.take().objects() == (Apart("dim", "int8", 2, 1),)
    assert tally.take().objects() == ()


def test_evidence_of_a_broken_engine_is_voided() -> None:
    """What a quarantined engine was credited with since the last report never leaves the worker."""
    tally = Counters()
    tally.shadow(Shadow("dim", "int8", 0))
    tally.shadow(Shadow("dim", "int4", 0))
    tally.tested("int8", 1)
    tally.tested("int4", 5)
    tally.void("int8")
    counts = tally.take()
    assert ([shadow.variant for shadow in counts.shadows], counts.by_tested()) == (["int4"], (Served("int4", 1, 5, 5),))


def test_no_frame_is_lost_between_two_threads() -> None:
    """10,000 frames counted on one thread while another takes reports add up to 10,000."""
    tally, total, done = Counters(), 0, threading.Event()

    def count() -> None:
        for _ in range(10_000):
            tally.frame(("dim", "int8", 0), 0, 1, in_time=True, drawn=False)
        done.set()

    thread = threading.Thread(target=count)
    thread.start()
    while not done.is_set():
        total += tally.take().delivered
    thread.join()
    assert total + tally.take().delivered == 10_000


def test_the_older_frame_gives_way_and_is_counted() -> None:
    """A loop that is late serves the newest frame; the one before is dropped, and that is known."""
    slot = LatestFrame()
    slot.put(Frame("old", 0, 0))
    slot.put(Frame("new", 1, 0))
    taken = slot.take(0)
    assert taken is not None
    assert (taken.image, slot.dropped) == ("new", 1)
    assert slot.take(0) is None


def test_a_picture_taken_for_its_light_is_no_dropped_frame() -> None:
    """What was never to be served is not counted as lost when a frame takes its place."""
    slot = LatestFrame()
    slot.put(Frame("light", 0, 0, look_only=True))
    slot.put(Frame("new", 0, 0))
    taken = slot.take(0)
    assert taken is not None
    assert (taken.image, slot.dropped) == ("new", 0)


def test_a_poke_wakes_the_loop_without_a_frame() -> None:
    """A setpoint that comes while no frame does is heeded at once, not when the next frame comes."""
    slot = LatestFrame()
    slot.poke()
    assert slot.take(60) is None


def test_a_frame_wakes_the_waiting_loop() -> None:
    """The loop sleeps until there is something to do."""
    slot = LatestFrame()
    thread = threading.Thread(target=lambda: slot.put(Frame("picture", 0, 0)))
    thread.start()
    taken = slot.take(60)
    thread.join()
    assert taken is not None


def test_counts_of_two_workers_add_up() -> None:
    """Telemetry over a restart is the sum of both lives, at the point of the second."""
    point = OperatingPoint("fp16", 15_000)
    first = Telemetry(False, OperatingPoint("int8", 10_000), 5, 1, 2, served=(Served("int8", 6, 60, 20),), quarantined=("int8",))
    then = Telemetry(True, point, 3, 0, 1, served=(Served("int8", 1, 30, 30), Served("fp16", 2, 8, 5)))
    both = joined(first, then)
    assert (both.alive, both.point, both.delivered, both.missed, both.dropped) == (True, point, 8, 1, 3)
    assert both.served == (Served("fp16", 2, 8, 5), Served("int8", 7, 90, 30))
    assert both.quarantined == ("int8",)


def test_merging_nothing_is_nothing() -> None:
    """No frames, no entries."""
    assert merged(()) == ()
