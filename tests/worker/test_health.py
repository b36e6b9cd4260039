"""Slow engines are told from busy machines, and threads spin only where there is no idle time to burn."""

import pytest

from adaptd.worker.health import WINDOW, Stopwatch, spin_wanted


def test_ten_times_slower_is_found_within_the_window() -> None:
    """A variant that takes ten times its warmed-up latency is at fault after WINDOW frames, not before."""
    watch = Stopwatch(normal_us=5_000)
    assert [watch.slow(50_000) for _ in range(WINDOW)] == [False] * (WINDOW - 1) + [True]


def test_three_times_slower_is_contention_not_a_fault() -> None:
    """A machine shared with others stretches frames; that is for the controller to weigh."""
    watch = Stopwatch(normal_us=5_000)
    assert not any(watch.slow(15_000) for _ in range(1_000))


def test_one_quick_frame_ends_the_row() -> None:
    """Only frames in a row count: a hiccup of four, a good frame, a hiccup of four is no fault."""
    watch = Stopwatch(normal_us=5_000)
    latencies = ([50_000] * (WINDOW - 1) + [5_000]) * 20
    assert not any(watch.slow(latency_us) for latency_us in latencies)


def test_a_warm_up_on_a_busy_machine_does_not_hide_a_fault() -> None:
    """What counts as normal is the quickest frame seen: once the machine is quiet, ten times slower is found again."""
    watch = Stopwatch(normal_us=40_000)
    assert not watch.slow(5_000)
    assert [watch.slow(50_000) for _ in range(WINDOW)] == [False] * (WINDOW - 1) + [True]


def test_the_schedulers_jitter_never_condemns_a_tiny_network() -> None:
    """A network of 50 us may be descheduled for 10 ms without being called slow."""
    watch = Stopwatch(normal_us=50)
    assert not any(watch.slow(10_000) for _ in range(100))


@pytest.mark.parametrize(
    ("latency_us", "rate_mfps", "spins"),
    [(5_000, 15_000, False), (5_000, 150_000, False), (5_000, 160_000, True), (70_000, 15_000, True)],
)
def test_threads_spin_only_where_work_fills_four_fifths_of_the_time(latency_us: int, rate_mfps: int, spins: bool) -> None:
    """At 15 fps a 5 ms network leaves 92 % idle: spinning would burn it."""
    assert spin_wanted(latency_us, rate_mfps) is spins
