"""Slow-down and scatter of each variant against closed forms."""

import math
import random

import numpy as np
import pytest

from adaptd.brain.decide.deadline import in_time
from adaptd.brain.estimate.pace import LARGEST_OF, QUICKER_PCT, SETTLED, Pace, corrected, observe
from adaptd.vocabulary import Served

NAMES, BOOK_US = ("fp16", "int8"), (20_000, 10_000)
PPM = 1_000_000


def after(pace: Pace, latency_us: int, times: int = 1, frames: int = 15, largest_us: int | None = None) -> Pace:
    """The pace of fp16 after intervals of frames of that latency."""
    paces = (pace, Pace())
    for _ in range(times):
        served = (Served("fp16", frames, frames * latency_us, largest_us or latency_us),)
        paces = observe(paces, served, NAMES, BOOK_US, 1_000_000)
    return paces[0]


KNOWN = Pace(PPM, 50_000, 100, averaged=90, last_ppm=PPM)


@pytest.mark.parametrize(("latency_us", "factor"), [(21_500, 1.0025), (18_500, 0.9975), (40_000, 2.0), (9_000, 0.45)])
def test_noise_moves_the_average_by_a_thirtieth_and_a_real_step_is_there_at_once(latency_us: int, factor: float) -> None:
    """7.5 % off on a machine that scatters by 5 % is a thirtieth of it; twice as slow is contention, and frames would be late."""
    assert after(KNOWN, latency_us).factor_ppm / PPM == pytest.approx(factor, abs=0.0005)


def test_scatter_of_a_tenth_is_not_taken_for_steps() -> None:
    """On a machine whose intervals scatter by 10 % the factor stays within 6 %, and hardly one in a thousand is a step."""
    draw, pace, steps = random.Random(3), Pace(), 0
    for count in range(3600):
        pace = after(pace, int(20_000 * draw.gauss(1.0, 0.1)))
        if count > 60:
            steps += pace.averaged == 1
            assert pace.factor_ppm / PPM == pytest.approx(1.0, abs=0.06) or pace.averaged < 10
    assert steps <= 4
    assert pace.spread_ppm / PPM == pytest.approx(0.1, rel=0.35)


@pytest.mark.parametrize(("sigmas", "intervals"), [(1.5, 13), (2.5, 6), (4.0, 4), (11.0, 1)])
def test_a_step_is_found_the_sooner_the_larger_it_is(sigmas: float, intervals: int) -> None:
    """Page's test: ten deviations together, half of one free in each interval."""
    pace, latency_us, count = KNOWN, int(20_000 * (1 + 0.05 * sigmas)), 0
    while count == 0 or pace.averaged > 1:
        pace, count = after(pace, latency_us), count + 1
    assert count == intervals
    assert pace.factor_ppm / PPM == pytest.approx(1 + 0.05 * sigmas, rel=0.001)
    if sigmas < 10:
        assert after(KNOWN, latency_us).averaged > 1


def test_before_and_after_anything_is_seen_an_interval_scatters_by_something() -> None:
    """5 % before any interval, and never less than two in a thousand: no machine is so steady that a breath is a step."""
    assert Pace().spread_ppm == 50_000
    assert after(KNOWN, 20_000, 300).spread_ppm == 2_000


def test_one_step_is_not_taken_for_scatter() -> None:
    """An interval counts three deviations at most: a step to twice the latency widens the scatter by a fourteenth."""
    assert after(KNOWN, 40_000).spread_ppm / 50_000 == pytest.approx((1 + (4.5 - 1) / 30) ** 0.5, abs=0.001)


def test_the_first_interval_of_a_cold_engine_says_nothing() -> None:
    """What warms up after a swap is slow once; the next interval counts."""
    other = (Served("int8", 15, 15 * 30_000, 30_000),)
    paces = observe((KNOWN, Pace()), other, NAMES, BOOK_US, 1_000_000)
    assert [pace.factor_ppm for pace in paces] == [PPM, PPM]
    assert observe(paces, (Served("int8", 15, 15 * 11_000, 11_000),), NAMES, BOOK_US, 1_000_000)[1].factor_ppm == 1_100_000


def test_the_other_variant_follows_in_proportion_with_its_own_ratio() -> None:
    """Contention seen on one engine is expected of the other; where they differ, each keeps its own factor."""
    paces = observe(
        (Pace(PPM, 1, 9, last_ppm=PPM, heard=SETTLED), Pace(1_200_000, 7, 9, 1_200_000)),
        (Served("fp16", 10, 400_000, 40_000),), NAMES, BOOK_US, 1_000_000,
    )  # fmt: skip
    assert [pace.factor_ppm for pace in paces] == [2_000_000, 2_400_000]
    assert paces[1].scatter_ppm == 7
    both = (Served("fp16", 10, 400_000, 40_000), Served("int8", 10, 110_000, 11_000))
    assert [pace.factor_ppm for pace in observe((Pace(), Pace()), both, NAMES, BOOK_US, 1_000_000)] == [2_000_000, 1_100_000]
    assert observe((Pace(), Pace()), (Served("fp8", 10, 1, 1), Served("fp16", 0, 0, 0)), NAMES, BOOK_US, 1_000_000) == (
        Pace(),
        Pace(),
    )


def serve(paces: tuple[Pace, ...], variant: str, latencies_us: list[int]) -> tuple[Pace, ...]:
    """Both paces after intervals of one frame of ``variant`` each."""
    for latency_us in latencies_us:
        paces = observe(paces, (Served(variant, 1, latency_us, latency_us),), NAMES, BOOK_US, 1_000_000)
    return paces


def test_an_engine_at_rest_keeps_its_ratio_for_a_fortnight() -> None:
    """One engine served for a fortnight, and rounding down each second halved what the other was taken for: INT8 stayed off."""
    draw = random.Random(5)
    paces = serve(serve((Pace(), Pace()), "fp16", [20_000] * 40), "int8", [10_000] * 40)
    paces = serve(paces, "int8", [int(10_000 * draw.gauss(1.0, 0.03)) for _ in range(100_000)])
    assert paces[0].factor_ppm == pytest.approx(paces[1].factor_ppm, rel=0.02)


def test_an_engine_that_corrects_what_was_believed_of_it_says_nothing_of_the_other() -> None:
    """Both were taken for twice as slow, and INT8 is not: FP16 was seen at twice a moment ago. What comes later is of both."""
    both = (Pace(2 * PPM, 10_000, 99, 2 * PPM, 10_000, 30), Pace(2 * PPM, 10_000, 99, 2 * PPM, 10_000, 30))
    assert SETTLED == 5, "the cold first interval and enough for an average of four"
    paces = serve(both, "int8", [10_000] * SETTLED)
    assert paces[1].factor_ppm == pytest.approx(PPM, rel=0.01)
    assert paces[0].factor_ppm == both[0].factor_ppm
    paces = serve(paces, "int8", [30_000] * 3)
    assert paces[1].factor_ppm == pytest.approx(3 * PPM, rel=0.1)
    assert paces[0].factor_ppm > 4 * PPM


def test_an_engine_that_alone_was_slow_is_tried_again() -> None:
    """INT8 left for FP16 while it was three times as slow for seconds: within ten minutes it is taken for what it usually is."""
    paces = serve(serve((Pace(), Pace()), "fp16", [20_000] * 40), "int8", [10_000] * 300 + [30_000] * 5)
    assert serve(paces, "fp16", [20_000] * 60)[1].factor_ppm > 2 * PPM
    assert serve(paces, "fp16", [20_000] * 900)[1].factor_ppm < 1.35 * PPM


def test_before_any_frame_a_tenth_of_room_is_likely_but_not_sure() -> None:
    """The first scatter, 5 %, gives a frame with 10 % of room before its deadline 97.7 %."""
    assert in_time(90_000.0, Pace().scatter_ppm / PPM, 99_000) == pytest.approx(0.977, abs=0.012)


def test_scatter_is_read_from_the_longest_frame_over_sixteen_intervals() -> None:
    """The expected largest of 16 normal values is 1.766 sigma above the mean: 63 % of a change shows after 16 intervals."""
    quiet = Pace(PPM, 10_000, 100)
    longest = 20_000 + int(20_000 * 0.10 * 1.766)
    assert after(quiet, 20_000, 16, 16, longest).scatter_ppm / PPM == pytest.approx(0.01 + 0.09 * (1 - math.exp(-1)), rel=0.1)
    draw, pace = random.Random(1), Pace()
    for _ in range(600):
        latencies = [max(1, int(draw.gauss(20_000, 1000))) for _ in range(16)]
        pace = observe((pace, Pace()), (Served("fp16", 16, sum(latencies), max(latencies)),), NAMES, BOOK_US, 1_000_000)[0]
    assert pace.scatter_ppm / PPM == pytest.approx(0.05, rel=0.25)


def test_no_engine_is_steadier_than_two_in_a_thousand() -> None:
    """A scatter of nothing would make every deadline a certainty."""
    assert after(KNOWN, 20_000, 500).scatter_ppm == pytest.approx(2000, rel=0.2)


@pytest.mark.parametrize(("latency_us", "factor"), [(20, 0.05), (100_000_000_000, 1000.0)])
def test_beyond_twenty_times_faster_and_a_thousand_times_slower_nothing_is_believed(latency_us: int, factor: float) -> None:
    """Such numbers are a broken counter; between them a hang is still seen as what it is."""
    assert after(KNOWN, latency_us, 2).factor_ppm / PPM == pytest.approx(factor, rel=0.01)


@pytest.mark.parametrize("at", range(11))
def test_the_expected_largest_of_n_is_that_of_normal_values(at: int) -> None:
    """E[max] = integral of z d(Phi(z)^n), by numerical integration, to two thousandths of a sigma."""
    z = np.linspace(-8, 8, 20_001)
    phi = np.array([0.5 * math.erfc(-one / math.sqrt(2)) for one in z])
    cumulative = phi ** (2**at)
    expected = float(np.sum(0.5 * (z[1:] + z[:-1]) * np.diff(cumulative)))
    assert LARGEST_OF[at] / 1000 == pytest.approx(expected, abs=0.002)


def rested(pace: Pace, seconds: int) -> Pace:
    """The pace after a pause."""
    paces = (pace, Pace())
    for _ in range(seconds):
        paces = observe(paces, (), NAMES, BOOK_US, 1_000_000)
    return paces[0]


def test_a_burst_that_stopped_the_service_is_forgotten_in_a_pause() -> None:
    """Five times slower for a second after a minute of 1.2: half a minute later 1.4 is believed, and frames are tried.

    Without this a device that pauses in a burst under a tight budget would pause for ever: nothing that is not served is seen.
    """
    usual = after(Pace(), 24_000, 60)
    burst = after(usual, 100_000)
    assert burst.factor_ppm == 5_000_000
    paces = (burst, Pace())
    for second in range(30):
        paces = observe(paces, (), NAMES, BOOK_US, 1_000_000)
        if second == 9:
            left = (paces[0].factor_ppm - burst.usual_ppm) / (burst.factor_ppm - burst.usual_ppm)
            assert left == pytest.approx(math.exp(-1), rel=0.15), "a time constant of ten seconds"
    assert paces[0].factor_ppm / PPM == pytest.approx(1.2 + 3.8 * math.exp(-3), abs=0.1)


def test_contention_that_lasts_becomes_usual_within_a_minute() -> None:
    """After three minutes twice as slow, a pause does not make it look quick again: no pumping between pause and full rate."""
    slow = after(after(Pace(), 20_000, 60), 40_000, 180)
    assert slow.usual_ppm / PPM == pytest.approx(2.0 - math.exp(-3), abs=0.02)
    assert rested(slow, 20).factor_ppm / slow.usual_ppm == pytest.approx(1, abs=0.03)


def test_a_processor_that_is_not_the_books_is_usual_from_its_first_frame() -> None:
    """The first frames set what is usual for every variant: a short pause on a slower machine does not go back to the book."""
    paces = observe((Pace(), Pace()), (Served("fp16", 10, 500_000, 50_000),), NAMES, BOOK_US, 1_000_000)
    assert [pace.usual_ppm for pace in paces] == [2_500_000, 2_500_000]
    assert rested(paces[0], 20).factor_ppm / PPM == pytest.approx(2.5, rel=0.03)


def test_a_machine_that_began_in_a_burst_is_not_paused_for_ever() -> None:
    """Its first frames took eight times the book, too dear for its budget: five minutes later 3.6 is believed, and tried."""
    began = after(Pace(), 160_000, 60)
    assert began.usual_ppm == 8_000_000
    assert rested(began, 300).factor_ppm / PPM == pytest.approx(1 + 7 * math.exp(-1), rel=0.05)
    assert rested(Pace(usual_ppm=500_000), 300).usual_ppm == 500_000, "what is quicker than the book stays so"


def shown(paces: tuple[Pace, ...], latency_us: int, times: int) -> tuple[Pace, ...]:
    """FP16 serves at the book's pace, and INT8 takes ``latency_us`` for a shadow frame of every third second."""
    for _ in range(times):
        for tested in ((Served("int8", 1, latency_us, latency_us),), (), ()):
            paces = observe(paces, (Served("fp16", 15, 15 * 20_000, 20_000),), NAMES, BOOK_US, 1_000_000)
            paces = corrected(paces, tested, NAMES, BOOK_US)
    return paces


def test_an_engine_at_rest_that_is_taken_for_too_slow_is_found_out_by_its_shadow_frames() -> None:
    """INT8 was met in a burst and is taken for three times the book's: after two minutes of shadows for a quarter over it."""
    wrong = (KNOWN, Pace(3 * PPM, frames=100, usual_ppm=3 * PPM))
    assert observe(wrong, (Served("fp16", 15, 300_000, 20_000),), NAMES, BOOK_US, 1_000_000)[1].factor_ppm == 3 * PPM
    after_two_minutes = shown(wrong, 10_000, 40)[1]
    assert after_two_minutes.factor_ppm * 100 == pytest.approx(QUICKER_PCT * PPM, rel=0.02)
    assert after_two_minutes.usual_ppm * 100 == pytest.approx(QUICKER_PCT * PPM, rel=0.02)


@pytest.mark.parametrize("latency_us", [8_100, 10_000, 12_000, 90_000])
def test_shadow_frames_neither_condemn_an_engine_nor_flatter_it(latency_us: int) -> None:
    """Cold caches make them long and luck makes them short: within a quarter, or above, nothing is believed of them."""
    known = (KNOWN, Pace(PPM, frames=100))
    assert shown(known, latency_us, 200)[1] == known[1]


def test_what_an_engine_shows_in_service_counts_for_more_than_its_shadow_frames() -> None:
    """An engine that served in the interval is judged by that alone."""
    paces = observe((KNOWN, KNOWN), (Served("fp16", 15, 600_000, 40_000),), NAMES, BOOK_US, 1_000_000)
    assert corrected(paces, (Served("fp16", 1, 5_000, 5_000), Served("other", 1, 1, 1)), NAMES, BOOK_US) == paces
