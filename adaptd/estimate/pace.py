"""How much longer than the book each variant takes now, and how much single frames scatter around that.

One slow-down factor for all variants is wrong as soon as two precisions suffer differently, so each variant has its own.
Contention hits all, and so does a processor that is not the one the book was written on: what is seen on the variant that serves
is passed on to the others in proportion, from the first frame on, with their own ratio kept.
"""

from dataclasses import dataclass

from adaptd.vocabulary import Served

PPM = 1_000_000
FOLLOW = 2  # 1/2 of a change is believed in one interval; a change over JUMP_PPM wholly
JUMP_PPM = 80_000
SCATTER_MEMORY = 16
SCATTER_FIRST_PPM = 50_000
SCATTER_FLOOR_PPM = 2_000
FACTOR_FLOOR_PPM, FACTOR_CEILING_PPM = 50_000, 1_000_000_000

# Expected largest of n standard normal values, in thousandths, for n = 1, 2, 4, ... 1024 (tables of normal order statistics).
LARGEST_OF = (0, 564, 1029, 1424, 1766, 2070, 2344, 2594, 2825, 3044, 3248)


@dataclass(frozen=True, slots=True)
class Pace:
    """One variant: mean latency over the book's, and the standard deviation of one frame over the mean, both ppm."""

    factor_ppm: int = PPM
    scatter_ppm: int = SCATTER_FIRST_PPM
    frames: int = 0


def observe(
    paces: tuple[Pace, ...], served: tuple[Served, ...], names: tuple[str, ...], book_us: tuple[int, ...]
) -> tuple[Pace, ...]:
    """Take in the latencies of an interval. ``names`` and ``book_us`` are in the order of ``paces``."""
    if not served:
        return paces
    after = list(paces)
    ratio = (1, 1)
    heard = set()
    for one in served:
        if one.frames <= 0 or one.variant not in names:
            continue
        at = names.index(one.variant)
        before = paces[at]
        after[at] = _follow(before, one, book_us[at])
        heard.add(at)
        ratio = (after[at].factor_ppm, before.factor_ppm)
    for at, pace in enumerate(paces):
        if at not in heard and ratio[0] != ratio[1]:
            factor = min(FACTOR_CEILING_PPM, max(FACTOR_FLOOR_PPM, pace.factor_ppm * ratio[0] // ratio[1]))
            after[at] = Pace(factor, pace.scatter_ppm, pace.frames)
    return tuple(after)


def _follow(pace: Pace, seen: Served, book_us: int) -> Pace:
    mean_us = max(1, seen.latency_sum_us // seen.frames)
    now = min(FACTOR_CEILING_PPM, max(FACTOR_FLOOR_PPM, mean_us * PPM // max(1, book_us)))
    step = now - pace.factor_ppm
    sudden = pace.frames == 0 or abs(step) > JUMP_PPM * pace.factor_ppm // PPM
    factor = now if sudden else pace.factor_ppm + step // FOLLOW
    scatter = pace.scatter_ppm
    largest = LARGEST_OF[min(seen.frames, 1024).bit_length() - 1]
    if largest:
        spread = max(0, seen.latency_max_us - mean_us) * PPM // mean_us * 1000 // largest
        scatter += (min(spread, PPM) - scatter) // SCATTER_MEMORY
    return Pace(factor, max(scatter, SCATTER_FLOOR_PPM), min(pace.frames + seen.frames, 1 << 40))
