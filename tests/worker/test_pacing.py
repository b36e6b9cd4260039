"""Pacing: the set rate is kept exactly over any time, late frames are counted, early ones are not served."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptd.worker.pacing import SETTLED, Pacer, RateMeter


def served(pacer: Pacer, source_us: int, frames: int, start_us: int = 0) -> list[int]:
    """The times of the frames taken from a source of one frame every ``source_us``."""
    times = (start_us + index * source_us for index in range(frames))
    return [at_us for at_us in times if pacer.take(at_us, source_us)]


def test_two_hours_at_seven_frames_a_second_drift_by_nothing() -> None:
    """7,200 seconds at 7 fps are 50,400 frames: the schedule is absolute, 1/7 s is no whole number of microseconds."""
    pacer = Pacer(7_000, 0)
    for _ in range(50_400):
        due_us = pacer.next_us()
        assert due_us is not None
        assert pacer.take(due_us)
    assert pacer.next_us() == 7_200_000_000


def test_a_source_of_the_set_rate_is_served_whole() -> None:
    """Jitter of a few milliseconds around the schedule costs no frame."""
    pacer = Pacer(15_000, 0)
    arrivals = [index * 66_667 + (index * 7919 % 9) * 1000 - 4000 for index in range(900)]
    assert sum(pacer.take(at_us, 66_667) for at_us in arrivals) == 900


@pytest.mark.parametrize(("rate_mfps", "expected"), [(15_000, 900), (10_000, 600), (8_000, 480), (5_000, 300), (30_000, 900)])
def test_a_minute_of_a_15_fps_source_gives_the_set_rates_frames(rate_mfps: int, expected: int) -> None:
    """At or below the source's rate the set rate is met on average to the frame; above it every frame is served."""
    assert abs(len(served(Pacer(rate_mfps, 0), 66_667, 900)) - expected) <= 1


def test_frames_at_a_reduced_rate_are_evenly_spaced() -> None:
    """5 of 15 fps is every third frame, not a burst and a pause."""
    times = served(Pacer(5_000, 0), 66_667, 300)
    gaps = {round((after - before) / 66_667) for before, after in itertools.pairwise(times)}
    assert gaps == {3}


def test_rate_zero_serves_nothing() -> None:
    """A pause is a pause, and the way out of it serves the next frame at once."""
    pacer = Pacer(0, 0)
    assert served(pacer, 66_667, 100) == []
    assert pacer.next_us() is None
    pacer.set_rate(15_000, 10_000_000)
    assert pacer.take(10_000_001)


def test_a_source_that_stalled_is_not_made_up_for() -> None:
    """After three silent seconds one frame is served, not a burst of 45, and the schedule goes on with the tick after it."""
    pacer = Pacer(15_000, 0)
    assert pacer.take(0)
    assert pacer.take(3_000_000)
    assert not pacer.take(3_000_010)
    assert pacer.next_us() == 3_066_666


def test_a_change_of_rate_keeps_the_phase() -> None:
    """From 5 to 15 fps the next frame is due one new period after the last one, not one old period."""
    pacer = Pacer(5_000, 0)
    assert pacer.take(0)
    pacer.set_rate(15_000, 1_000)
    assert not pacer.take(60_000)
    assert pacer.take(66_700)


def test_setting_the_same_rate_again_changes_nothing() -> None:
    """A renewed setpoint must not serve an extra frame."""
    pacer = Pacer(10_000, 0)
    assert pacer.take(0)
    for now_us in range(1_000, 100_000, 1_000):
        pacer.set_rate(10_000, now_us)
        assert not pacer.take(now_us)


@given(st.integers(1, 240_000), st.integers(1, 2_000_000), st.integers(0, 10**15))
def test_no_rate_is_ever_exceeded(rate_mfps: int, source_us: int, start_us: int) -> None:
    """Whatever the source does, no more frames are served than the rate allows, plus the one at the start."""
    taken = served(Pacer(rate_mfps, start_us), source_us, 200, start_us)
    allowed = (199 * source_us + source_us // 2) * rate_mfps // 1_000_000_000 + 1
    assert 1 <= len(taken) <= allowed + 1


def test_the_meter_says_nothing_before_it_knows_and_then_the_rate() -> None:
    """A source that stumbles at its start is not taken for a slow one: the first intervals say nothing."""
    meter, at_us = RateMeter(), 0
    meter.arrived(at_us)
    for interval_us in (130_000, 95_000, *[66_667] * (SETTLED - 1)):
        assert meter.mfps is None
        at_us += interval_us
        meter.arrived(at_us)
    assert meter.interval_us > 0
    assert meter.mfps is None
    meter.arrived(at_us + 66_667)
    assert meter.mfps is not None
    assert abs(meter.mfps - 15_000) < 150


def test_a_few_late_frames_are_no_slower_camera_and_a_slower_one_shows_in_seconds() -> None:
    """Three frames that come late on a busy machine keep the rate within the few percent that every camera has."""
    meter, at_us = RateMeter(), 0

    def frames(count: int, interval_us: int) -> int:
        nonlocal at_us
        for _ in range(count):
            at_us += interval_us
            meter.arrived(at_us)
        assert meter.mfps is not None
        return meter.mfps

    frames(100, 66_667)
    assert frames(3, 120_000) > 0.95 * 15_000
    frames(100, 66_667)
    assert abs(frames(130, 100_000) - 10_000) < 900
