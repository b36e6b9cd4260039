"""How much longer than the book each variant takes now, and how much single frames and whole intervals scatter around that.

One slow-down factor for all variants is wrong as soon as two precisions suffer differently, so each variant has its own.
Contention hits all, and so does a processor that is not the one the book was written on: what is seen on the variant that serves
is passed on to the others in proportion, from the first frame on, with their own ratio kept. What a variant shows in its first
intervals after a swap corrects what it was taken for while it rested. That is its own, and says nothing of the variant that was
seen until just now. A variant at rest goes back to its own usual ratio: nobody could see that what slowed it alone is over.
What is usual of it may be wrong, and an engine that is taken for too slow would never be tried: so one that is quicker by over a
quarter on shadow frames is taken for less. It runs them on cold caches, so they never tell of an engine that is slower.

The factor is an average over MEMORY intervals, so that noise moves nothing; a real step restarts the average at once. Which is
which is Page's test of cumulated surprises (E. S. Page, Biometrika 1954, doi 10.1093/biomet/41.1-2.100), in units of the scatter
that this machine shows.

While nothing is served nothing is seen, and the last thing seen may be the very burst that stopped the service. So a pause lets
each factor go back to its usual value, and frames are tried again. What is usual may itself have been seen in a burst, where a
machine began in one: a longer pause lets it go back to the book.
"""

from math import isqrt
from typing import NamedTuple

from adaptd.vocabulary import Served

PPM = 1_000_000
MEMORY = 30  # intervals that the factor is an average of
SPREAD_FIRST_PPM = 50_000  # deviation of an interval's mean before any was seen
SPREAD_FLOOR_PPM = 2_000
SPREAD_CUT = 3  # one interval is no more than so many deviations to the scatter: a step is no noise
SLACK_PCT, STEP_PCT = 50, 1000  # Page's test, in hundredths of a deviation: what is free, and the sum at which a step is real
SCATTER_MEMORY = 16
SCATTER_FIRST_PPM = 50_000
SCATTER_FLOOR_PPM = 2_000
USUAL_US = 60_000_000  # memory of what is usual, while frames come
BOOK_US = 300_000_000  # and what is usual with this one: nothing but a frame can show that it is over
REST_US = 10_000_000  # a burst is forgotten with this time constant, while none come
SETTLED = 5  # intervals after a swap in which a variant only corrects what was believed of it
TESTED = 8  # intervals with shadow frames over which an engine at rest is corrected
QUICKER_PCT = 125  # and how far over what they showed it may be taken for: less is their scatter, and a habit of the quickest
FACTOR_FLOOR_PPM, FACTOR_CEILING_PPM = 50_000, 1_000_000_000

# Expected largest of n standard normal values, in thousandths, for n = 1, 2, 4, ... 1024 (tables of normal order statistics).
LARGEST_OF = (0, 564, 1029, 1424, 1766, 2070, 2344, 2594, 2825, 3044, 3248)


class Pace(NamedTuple):
    """One variant: mean latency over the book's now and usually, the deviation of one frame over the mean, all ppm.

    ``spread_ppm`` is the deviation of an interval's mean over the factor, ``averaged`` the intervals in the average, ``last_ppm``
    the interval before (0: nothing served), ``above_pct`` and ``below_pct`` Page's two sums, ``heard`` the intervals in a row
    with frames, up to SETTLED.
    """

    factor_ppm: int = PPM
    scatter_ppm: int = SCATTER_FIRST_PPM
    frames: int = 0
    usual_ppm: int = PPM
    spread_ppm: int = SPREAD_FIRST_PPM
    averaged: int = 0
    last_ppm: int = 0
    above_pct: int = 0
    below_pct: int = 0
    heard: int = 0


def observe(
    paces: tuple[Pace, ...], served: tuple[Served, ...], names: tuple[str, ...], book_us: tuple[int, ...], dt_us: int
) -> tuple[Pace, ...]:
    """Take in the latencies of an interval of ``dt_us``. ``names`` and ``book_us`` are in the order of ``paces``."""
    seen: dict[int, Served] = {}
    for one in served:
        if one.frames > 0 and one.variant in names:
            seen[names.index(one.variant)] = one
    if not seen:
        return tuple([_rest(pace, dt_us) for pace in paces])  # a short interval without frames does not make an engine cold
    known, after = False, list(paces)
    for other, pace in enumerate(paces):
        known = known or pace.frames > 0
        if pace.last_ppm and other not in seen:
            after[other] = pace._replace(last_ppm=0, heard=0)
    for at, one in seen.items():
        after[at] = _follow(paces[at], one, book_us[at], dt_us, cold=known and not paces[at].last_ppm)
    before, now = paces[at], after[at]  # of the last one heard, as of the only one
    for other, pace in enumerate(after):
        # What an engine shows first is its own ratio to the book: that says something only of engines that showed nothing yet.
        if other not in seen and (before.heard >= SETTLED or not pace.frames):
            after[other] = _told(pace, before, now, dt_us)
    return tuple(after)


def corrected(
    paces: tuple[Pace, ...], tested: tuple[Served, ...], names: tuple[str, ...], book_us: tuple[int, ...]
) -> tuple[Pace, ...]:
    """Engines at rest that answered shadow frames much quicker than they are taken for, after ``observe``."""
    if not tested:
        return paces
    after = list(paces)
    for one in tested:
        at = names.index(one.variant) if one.variant in names and one.frames > 0 else -1
        if at >= 0 and not paces[at].last_ppm:
            most = _over_book(one, book_us[at]) * QUICKER_PCT // 100
            usual, factor = paces[at].usual_ppm, paces[at].factor_ppm
            usual -= max(0, usual - most) // TESTED
            factor -= max(0, factor - most) // TESTED
            if (usual, factor) != (paces[at].usual_ppm, paces[at].factor_ppm):
                after[at] = paces[at]._replace(usual_ppm=usual, factor_ppm=factor)
    return tuple(after)


def _over_book(seen: Served, book_us: int) -> int:
    """Mean latency over the book's, ppm, within what a factor may be."""
    mean_us = max(1, seen.latency_sum_us // seen.frames)
    return min(FACTOR_CEILING_PPM, max(FACTOR_FLOOR_PPM, mean_us * PPM // max(1, book_us)))


def _told(pace: Pace, before: Pace, now: Pace, dt_us: int) -> Pace:
    """A variant at rest, after the one that serves went from ``before`` to ``now``."""
    usual = _scaled(pace.usual_ppm, now.usual_ppm, before.usual_ppm)
    factor = _scaled(pace.factor_ppm, now.factor_ppm, before.factor_ppm)
    if pace.frames:
        factor += (_scaled(usual, now.factor_ppm, now.usual_ppm) - factor) * min(dt_us, BOOK_US) // BOOK_US
    return Pace(
        factor_ppm=factor,
        scatter_ppm=pace.scatter_ppm,
        frames=pace.frames,
        usual_ppm=usual,
        spread_ppm=pace.spread_ppm,
        averaged=pace.averaged,
        last_ppm=pace.last_ppm,
        above_pct=pace.above_pct,
        below_pct=pace.below_pct,
        heard=pace.heard,
    )


def _scaled(value_ppm: int, by_ppm: int, over_ppm: int) -> int:
    """To the nearest: a day has 86,400 intervals, and half a millionth lost in each would halve the value in a fortnight."""
    return min(FACTOR_CEILING_PPM, max(FACTOR_FLOOR_PPM, (2 * value_ppm * by_ppm + over_ppm) // (2 * over_ppm)))


def _rest(pace: Pace, dt_us: int) -> Pace:
    """An interval without frames: towards what is usual, and that towards the book where it is more."""
    usual = pace.usual_ppm
    if usual > PPM:
        usual -= (usual - PPM) * min(dt_us, BOOK_US) // BOOK_US
    factor = pace.factor_ppm + (usual - pace.factor_ppm) * min(dt_us, REST_US) // REST_US
    return pace if (factor, usual) == (pace.factor_ppm, pace.usual_ppm) else pace._replace(factor_ppm=factor, usual_ppm=usual)


def _follow(pace: Pace, seen: Served, book_us: int, dt_us: int, *, cold: bool) -> Pace:
    """One interval of a variant; its first after a swap (``cold``) says how long it takes to warm up, and nothing else."""
    mean_us = max(1, seen.latency_sum_us // seen.frames)
    now = _over_book(seen, book_us)
    heard = min(SETTLED, pace.heard + 1)
    if cold:
        return pace._replace(last_ppm=now, heard=heard)
    off_pct = (now - pace.factor_ppm) * 100 * PPM // (pace.factor_ppm * pace.spread_ppm)
    above = max(0, pace.above_pct + off_pct - SLACK_PCT)
    below = max(0, pace.below_pct - off_pct - SLACK_PCT)
    stepped = pace.frames == 0 or max(above, below) >= STEP_PCT
    averaged = 1 if stepped else min(MEMORY, pace.averaged + 1)
    factor = pace.factor_ppm + (now - pace.factor_ppm) // averaged
    scatter = pace.scatter_ppm
    largest = LARGEST_OF[min(seen.frames, 1024).bit_length() - 1]
    if largest:
        spread = max(0, seen.latency_max_us - mean_us) * PPM // mean_us * 1000 // largest
        scatter += (min(spread, PPM) - scatter) // SCATTER_MEMORY
    usual = now if not pace.frames else pace.usual_ppm + (factor - pace.usual_ppm) * min(dt_us, USUAL_US) // USUAL_US
    return Pace(
        factor_ppm=factor,
        scatter_ppm=max(scatter, SCATTER_FLOOR_PPM),
        frames=min(pace.frames + seen.frames, 1 << 40),
        usual_ppm=usual,
        spread_ppm=_spread(pace, now),
        averaged=averaged,
        last_ppm=now,
        above_pct=0 if stepped else above,
        below_pct=0 if stepped else below,
        heard=heard,
    )


def _spread(pace: Pace, now: int) -> int:
    """The root of the average of half the squared difference of neighbours, over MEMORY intervals: a drift is no scatter."""
    if not pace.frames or not pace.last_ppm:
        return pace.spread_ppm
    off = abs(now - pace.last_ppm) * PPM // max(now, pace.last_ppm)
    off = min(off, SPREAD_CUT * pace.spread_ppm)
    square = pace.spread_ppm * pace.spread_ppm
    return max(SPREAD_FLOOR_PPM, isqrt(square + (off * off // 2 - square) // MEMORY))
