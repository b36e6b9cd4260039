"""Stalls: how often a frame takes a multiple of the usual latency, and how many do so in a row.

A mean and a deviation say nothing of them. On an Orin NX the mean and three deviations miss a target of 0.1 % late frames by a
factor of 13 to 29, and after one late frame the next is late with a chance of up to 74 % (arXiv 2606.16106). So beside the normal
core stands what was really seen: of all frames, how many took more than each of RUNGS times the usual latency. Only the sum and
the longest latency of an interval are known, so a stall of the length ``longest`` hit ``(sum - n usual) / (longest - usual)``
frames. An interval of which it hits less than half teaches the pace nothing; more may be contention, and the pace follows.

Stalls come from outside of the engine and stretch every variant alike, so what one shows is held true of all. The count of
stalls, not that of late frames, says how sure this is: the deviation of a share p of N frames in runs of r is sqrt(p r / N).
"""

from math import sqrt
from typing import NamedTuple

from adaptd.vocabulary import Served

RUNGS_PCT = (150, 200, 250, 300, 400, 600, 1000)  # of the usual latency
MEMORY = 40_000  # frames; beyond twice as many all counts are halved
MILLI = 1000


class Tail(NamedTuple):
    """Of the last ``frames``, thousandths of frames that took longer than each of RUNGS_PCT, the stalls and their frames."""

    frames: int
    over_milli: tuple[int, ...]
    stalls_milli: int
    stalled_milli: int

    @property
    def run(self) -> float:
        """Frames that one stall hits on average."""
        return max(1.0, self.stalled_milli / max(1, self.stalls_milli))


def stalled_milli(seen: Served, usual_us: int) -> int:
    """Thousandths of the frames of an interval that took over the first rung; 0 where none did, or where nothing is usual yet."""
    longest = seen.latency_max_us
    if usual_us <= 0 or seen.frames <= 0 or longest * 100 <= RUNGS_PCT[0] * usual_us:
        return 0
    hit = (seen.latency_sum_us - seen.frames * usual_us) * MILLI // (longest - usual_us)
    return min(seen.frames * MILLI, max(MILLI, hit))


def calm(seen: Served, usual_us: int) -> bool:
    """Whether an interval says what is usual: no stall was in it, or one so long that it is contention."""
    hit = stalled_milli(seen, usual_us)
    return not hit or hit * 2 > seen.frames * MILLI


def observe(tail: Tail | None, served: tuple[Served, ...], usual_us: dict[str, int], before: int) -> Tail | None:
    """Take in an interval; None until the first stall. ``before`` frames were seen by then."""
    for seen in served:
        usual = usual_us.get(seen.variant, 0)
        if seen.frames <= 0 or usual <= 0:
            continue
        hit = stalled_milli(seen, usual)
        if tail is None and not hit:
            continue
        known = tail or Tail(min(MEMORY, before), (0,) * len(RUNGS_PCT), 0, 0)
        tail = _add(known, seen.frames, hit, seen.latency_max_us * 100 // usual)
    return tail


def _add(tail: Tail, frames: int, hit_milli: int, longest_pct: int) -> Tail:
    part = 2 if tail.frames + frames > 2 * MEMORY else 1
    over = [
        count // part + (hit_milli if longest_pct > rung else 0) for count, rung in zip(tail.over_milli, RUNGS_PCT, strict=True)
    ]
    stalls = tail.stalls_milli // part + (MILLI if hit_milli else 0)
    return Tail(tail.frames // part + frames, tuple(over), stalls, tail.stalled_milli // part + hit_milli)


def late(tail: Tail | None, room: float) -> tuple[float, float]:
    """The share of frames that take over ``room`` times the usual latency, and its deviation."""
    if tail is None or not tail.frames:
        return 0.0, 0.0
    share = _over(tail.over_milli, room * 100.0) / (MILLI * float(tail.frames))
    return share, sqrt(share * tail.run / float(tail.frames))


def _over(counts: tuple[int, ...], room_pct: float) -> float:
    """Between two rungs the count falls in a straight line; below the first and beyond the last it is theirs."""
    if room_pct <= RUNGS_PCT[0]:
        return float(counts[0])
    for at in range(1, len(RUNGS_PCT)):
        low, high = RUNGS_PCT[at - 1], RUNGS_PCT[at]
        if room_pct <= high:
            return counts[at - 1] + (counts[at] - counts[at - 1]) * (room_pct - low) / float(high - low)
    return float(counts[-1])
