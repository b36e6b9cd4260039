"""Stalls: counted as they come, in runs, held true of every variant, and kept out of the usual latency."""

from math import sqrt

import pytest

from adaptd.brain.decide.deadline import stalled_late
from adaptd.brain.estimate.tail import MEMORY, RUNGS_PCT, Tail, calm, late, observe, stalled_milli
from adaptd.vocabulary import Served

USUAL = {"fp16": 10_000}


def interval(frames: int = 30, hit: int = 0, times: float = 2.5) -> Served:
    """Frames of 10 ms, of which ``hit`` took ``times`` as long."""
    longest = int(10_000 * times) if hit else 10_500
    return Served("fp16", frames, (frames - hit) * 10_000 + hit * longest, longest)


def after(*intervals: Served, tail: Tail | None = None, before: int = 0) -> Tail | None:
    """What is known after these intervals."""
    for one in intervals:
        tail = observe(tail, (one,), USUAL, before)
    return tail


def test_the_frames_that_a_stall_hit_follow_from_sum_and_longest() -> None:
    """Four of thirty at two and a half times the usual latency are four; plain scatter is none; one frame is the least."""
    assert stalled_milli(interval(hit=4), 10_000) == 4000
    assert stalled_milli(interval(), 10_000) == 0
    assert stalled_milli(interval(hit=4, times=1.4), 10_000) == 0
    assert stalled_milli(Served("fp16", 30, 300_000, 40_000), 10_000) == 1000


def test_until_the_first_stall_nothing_is_kept() -> None:
    """A log without stalls has no word of them."""
    assert after(*[interval()] * 100) is None


def test_the_share_of_late_frames_is_what_was_seen_and_its_doubt_counts_runs() -> None:
    """Five stalls of four frames in 3,000: 0.67 % above any room up to twice, known to within sqrt(p r / N)."""
    tail = after(*([*[interval()] * 19, interval(hit=4)] * 5))
    assert tail is not None
    assert (tail.frames, tail.run) == (30 * 81, 4.0)
    share, deviation = late(tail, 1.7)
    assert share == pytest.approx(20 / tail.frames)
    assert deviation == pytest.approx(sqrt(share * 4.0 / tail.frames))
    assert late(tail, 3.0)[0] == 0.0
    assert 0.0 < late(tail, 2.3)[0] < share
    assert late(None, 1.0) == (0.0, 0.0)


def test_frames_of_before_the_first_stall_count() -> None:
    """One stall after an hour is rarer than one in the first second."""
    young, old = after(interval(hit=4), before=0), after(interval(hit=4), before=100_000)
    assert young is not None
    assert old is not None
    assert (young.frames, old.frames) == (30, MEMORY + 30)


def test_old_stalls_fade() -> None:
    """Beyond twice the memory all counts are halved: what happened yesterday weighs less."""
    assert MEMORY == 40_000
    tail = after(interval(hit=10), before=0)
    tail = after(*[interval(frames=1000)] * 81, tail=tail)
    assert tail is not None
    assert tail.frames < 2 * MEMORY
    assert tail.over_milli[0] == 5000


def test_the_rungs_are_these() -> None:
    """Half as long again to ten times as long; between two of them the share falls in a straight line."""
    assert RUNGS_PCT == (150, 200, 250, 300, 400, 600, 1000)
    tail = Tail(1000, (8000, 4000, 0, 0, 0, 0, 0), 4000, 8000)
    shares = [round(late(tail, room)[0], 6) for room in (1.0, 1.5, 1.75, 2.0, 2.25, 9.0)]
    assert shares == [0.008, 0.008, 0.006, 0.004, 0.002, 0.0]
    assert stalled_late(tail, 10_000.0, 17_500)[0] == pytest.approx(0.006)


def test_a_stall_teaches_the_pace_nothing_and_contention_does() -> None:
    """Four slow frames of thirty say nothing of the usual latency; half of them may be a program that has started."""
    assert calm(interval(), 10_000)
    assert not calm(interval(hit=4), 10_000)
    assert not calm(interval(hit=15), 10_000)
    assert calm(interval(hit=16), 10_000)
    assert calm(interval(hit=4), 0)
