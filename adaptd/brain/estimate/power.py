"""Splits measured power into idle and other load (one unknown) and the energy per frame of each variant (one scale each).

    power = base + sum over variants of scale_v * load_v,    load_v = rate_v * nominal energy_v * slow-down_v

``base`` may step at any time (another program starts), the scales hardly move. All unknowns in watts or as pure numbers.
"""

from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

from adaptd.brain.estimate.fixed import INVERSE, ONE, fetch, store
from adaptd.brain.estimate.linear import VARIANCES, Vector, leaning, learn, look, looseness, widen, worst

NOISE_W = 0.2  # first guess of the sensor's noise; learned afterwards
NOISE_FLOOR_W, NOISE_CEILING_W = 0.02, 1.0
NOISE_MEMORY = 1.0 / 64.0
COMMON_SD = 0.18  # what qualification may be wrong by for all variants alike, one sigma ...
OWN_SD = 0.05  # ... and for one of them alone
BASE_DRIFT_W = 0.002  # random walk of idle and other load, per square root of a second
SCALE_DRIFT = 0.0002
LEAN_MEMORY = 10.0  # readings over which surprises are averaged
BASE_SD_W, BASE_SD_SHARE = 0.4, 0.1  # before any reading, and after a long time without one
JUMP_SIGMAS = 4.0  # a reading further off is a jump of the base, or a lie: it is believed ...
SMALL_RISE, SMALL_RISE_LOOKS = 0.6, 1  # ... at once if power rose by less than this part,
LOOKS = 3  # ... and otherwise when it is seen this often in a row: a dead sensor must not look like spare power
LEAST_SCALE = 0.1
CREEP_SLACK_PCT, CREEP_PCT = 50, 600  # Page's test for a small step upwards: a false one in half an hour
RAMP_SIGMAS = 4.0  # deviations of a reading: two rises in a row by so much are no noise


class Ramp(NamedTuple):
    """The last reading (mW), the frames' part of it at the book's pace, and what it rose by beside a change of the frames."""

    seen_mw: int
    book_mw: int
    rose_mw: int = 0


class Creep(NamedTuple):
    """Page's sum of surprises above what is expected, in hundredths of their deviation, and the looks since it was 0."""

    sum_pct: int = 0
    looks: int = 0


NO_CREEP = Creep()


class Split(NamedTuple):
    """The belief: unknowns [base, scale of each variant], their covariance, the sensor's noise variance (W^2), all fixed point.

    ``drawn_mw`` is the power believed drawn in the last interval, ``lean`` the running mean of surprises in their own sigma,
    ``doubt`` counts jumps in a row. ``fresh_mw`` is what the base rose by at a look that fewer than LOOKS have borne out by now:
    ``fresh_looks`` of them, 0 where there is none.
    """

    mean: tuple[int, ...]
    cov: tuple[int, ...]
    noise: int
    drawn_mw: int
    lean: int
    doubt: int = 0
    fresh_mw: int = 0
    fresh_looks: int = 0
    ramp: Ramp | None = None
    creep: Creep = NO_CREEP


@dataclass(slots=True)
class Draw:
    """What follows for this tick, in watts: base, power drawn in the last interval, the sensor's noise; the scales.

    The variance of the power at load L of one variant is a + 2 b L + c L^2 with its (a, b, c) of ``doubts``.

    ``fresh_w`` of the base rests on fewer than LOOKS readings. ``ramp_w``: power has risen so fast in two looks in a row, at the
    same frames, and the next look will find it that much further.

    Without a believed reading, base and scales are each the highest that any believable one would have taught.
    """

    base_w: float
    drawn_w: float
    doubts: list[tuple[float, float, float]]
    noise_w: float
    scales: list[float]
    fresh_w: float = 0.0
    ramp_w: float = 0.0


def start(idle_mw: int, variants: int) -> Split:
    """Before any reading: the profile's idle power, give or take a tenth, and the bundle's energies, which err together."""
    idle = idle_mw / 1000.0
    size = variants + 1
    cov = [_base_variance(idle)] + [0.0] * variants
    for at in range(1, size):
        cov += [COMMON_SD * COMMON_SD + OWN_SD * OWN_SD] + [COMMON_SD * COMMON_SD] * (size - at - 1)
    return Split(store([idle] + [1.0] * variants), store(cov), int(NOISE_W * NOISE_W * ONE), idle_mw, 0)


def _base_variance(base_w: float) -> float:
    sd = BASE_SD_W + BASE_SD_SHARE * max(0.0, base_w)
    return sd * sd


def observe(
    split: Split, loads: Vector, power_mw: int | None, dt_s: float, *, meterless: bool = False, paces: Vector | None = None
) -> tuple[Split, Draw]:
    """One interval in which variant v drew ``loads[v]`` watts by the book; ``power_mw`` None where nothing was measured.

    ``meterless``: there is no meter, and power is priced by bundle and profile, without a doubt that nothing will ever settle.
    ``paces``: how many times longer than by the book each variant takes; once where it is not given.
    """
    size, known = len(split.mean), fetch(split.mean + split.cov)
    mean, cov = known[:size], known[size:]
    noise = split.noise * INVERSE
    row = [1.0, *loads]
    doubt, before_w = 0, mean[0]
    fresh_mw, looks = (split.fresh_mw, split.fresh_looks + 1) if 0 < split.fresh_looks < LOOKS - 1 else (0, 0)
    lean, creep = split.lean * INVERSE, split.creep
    drift = BASE_DRIFT_W * looseness(lean, LEAN_MEMORY)
    widen(cov, size, drift * drift * dt_s, SCALE_DRIFT * SCALE_DRIFT * dt_s, _base_variance(mean[0]))
    drawn, product, variance = look(mean, cov, row)
    believed = False
    if power_mw is not None:
        surprise, total = power_mw / 1000.0 - drawn, variance + noise
        square = surprise * surprise
        jump = square > JUMP_SIGMAS * JUMP_SIGMAS * total
        doubt = split.doubt + 1 if jump else 0
        believed = doubt == 0 or doubt >= (SMALL_RISE_LOOKS if 0.0 < surprise < SMALL_RISE * drawn else LOOKS)
        if believed and jump:
            cov[0] += square
            product[0] += square
            variance += square
            total += square
        if believed:
            rises = jump and surprise > 0.0 and doubt < LOOKS
            mean, cov = learn(mean, cov, product, surprise, total)
            lean = leaning(lean, surprise, total, LEAN_MEMORY)
            drawn += variance * surprise / total
            if rises:
                fresh_mw, looks = int((mean[0] - before_w) * 1000), 1
        creep, rose = (NO_CREEP, 0.0) if jump else creeps(creep, surprise / sqrt(total))
        if not jump:
            if rose:
                mean[0] += rose * sqrt(total)
                cov[0] += total / split.creep.looks
            noise += NOISE_MEMORY * (square - total)
            noise = max(NOISE_FLOOR_W * NOISE_FLOOR_W, min(NOISE_CEILING_W * NOISE_CEILING_W, noise))
    ramp, ramp_w = climb(split.ramp, power_mw, *_frames_w(mean, loads, paces), sqrt(noise))
    stored = store(mean + cov)
    after = Split(
        stored[:size], stored[size:], int(noise * ONE), int(drawn * 1000), int(lean * ONE), doubt, fresh_mw, looks, ramp, creep
    )
    if not believed and not meterless:
        # The highest believable reading raises the base, the lowest the energies: nothing looks cheap for want of a reading.
        mean = worst(mean, [abs(one) for one in product], variance, noise, JUMP_SIGMAS)
    own = VARIANCES[size]
    doubts = [(cov[0], cov[at], cov[own[at]]) for at in range(1, size)]
    return after, Draw(
        mean[0], drawn, doubts, sqrt(noise), [max(LEAST_SCALE, scale) for scale in mean[1:]], fresh_mw / 1000.0, ramp_w
    )


def _frames_w(mean: Vector, loads: Vector, paces: Vector | None) -> tuple[float, float]:
    """What the frames of an interval drew at the pace of now, and at the book's."""
    own_w, book_w = 0.0, 0.0
    for at, load in enumerate(loads):
        own_w += mean[at + 1] * load
        book_w += mean[at + 1] * (load if paces is None else load / paces[at])
    return own_w, book_w


def creeps(before: Creep, sigmas: float) -> tuple[Creep, float]:
    """Page's sum after a surprise, and by how many deviations power has risen where the sum says that it has, else 0.

    What rises by less than a deviation from look to look is no jump, and the belief, once it is sure, follows within half a
    minute only. Source: E. S. Page 1954, doi 10.1093/biomet/41.1-2.100.
    """
    looks = before.looks + 1
    total = before.sum_pct + int(max(-3.0, min(3.0, sigmas)) * 100.0) - CREEP_SLACK_PCT
    if total <= 0:
        return NO_CREEP, 0.0
    if total < CREEP_PCT:
        return Creep(total, looks), 0.0
    return NO_CREEP, (total / looks + CREEP_SLACK_PCT) / 100.0


def climb(before: Ramp | None, power_mw: int | None, own_w: float, book_w: float, noise_w: float) -> tuple[Ramp | None, float]:
    """The ramp after a reading, and by how much power will rise on by the next: the lesser of its last two rises.

    ``own_w``, ``book_w``: what the frames of the interval drew at the pace of now and at the book's. Less than
    RAMP_SIGMAS deviations of a reading are no rise.
    """
    if power_mw is None:
        return None, 0.0
    book_mw = int(book_w * 1000)
    if before is None:
        return Ramp(power_mw, book_mw), 0.0
    pace = own_w / book_w if book_w > 0.0 else 1.0
    rose_mw = int(power_mw - before.seen_mw - pace * (book_mw - before.book_mw))
    if rose_mw < RAMP_SIGMAS * noise_w * 1000.0:
        rose_mw = 0
    return Ramp(power_mw, book_mw, rose_mw), min(rose_mw, before.rose_mw) / 1000.0


def resume(before: Split, gap_s: float) -> Split:
    """The belief after a restart: what frames cost was learned, what else runs on the board by now is open."""
    mean, cov = fetch(before.mean), fetch(before.cov)
    size = len(mean)
    for at in range(1, size):
        cov[at] = 0.0
    widen(cov, size, _base_variance(mean[0]), SCALE_DRIFT * SCALE_DRIFT * gap_s, _base_variance(mean[0]))
    return before._replace(cov=store(cov), lean=0, doubt=0, fresh_mw=0, fresh_looks=0, ramp=None, creep=NO_CREEP)


def moved(split: Split, base_mw: int) -> Split:
    """The belief after the board has come to draw ``base_mw`` more without a frame, as is known of another power mode."""
    if not base_mw:
        return split
    base = store([base_mw / 1000.0])[0]
    return split._replace(mean=(split.mean[0] + base, *split.mean[1:]))
