"""One source's answers: is this a number of today, of this machine, and did the sensor move when it had to?

What cannot be believed becomes absent; it never becomes a number. A stamp advances only on an accepted value, so a stream of
refused values goes stale like silence does. An answer is judged once, when it is new; afterwards it only grows old. Frozen is a
sensor whose noise made it turn up and down all the time, over several of its steps, and that repeats one value thirty times.
(A coarse sensor does that in the middle of a step: that is no fault.) Stuck is one that stands still although its cause moved.
"""

from typing import NamedTuple

from adaptd.brain.judge.rules import FACTOR_FROM, Limits
from adaptd.vocabulary import CAMERA, MissingReason, Raw, RawReading

FUTURE_US = 100_000
FORGOTTEN_US = 60_000_000  # after this silence nothing is known of what the sensor said before
EFFECT_US = 1_000_000
SLOW_SHARE = 10  # after the first second without a value the slew counts to this part: a wrong level must not be believed soon
FROZEN_AFTER = 30  # equal answers in a row; at LIVELY_PPM a healthy sensor does that with a chance of 2^-30
LIVELY_PPM = 500_000  # share of answers at which the sensor turned round; white noise has 2/3
LIVELY_MEMORY = 64
REPEATS_COUNTED = 3  # of a run of equal answers; more would make a frozen sensor look calm
STEPS = 4  # a sensor is fine-grained when its usual change is this many times its smallest
PPM = 1_000_000
_NONE = -1


class Life(NamedTuple):
    """How a sensor moves: last value, last direction (+1, 0, -1), repeats, how often it turns round.

    ``rustle`` is the usual change between answers, ``least`` the smallest change seen.
    """

    last: int
    direction: int = 0
    repeats: int = 0
    lively_ppm: int = 0
    rustle: int = 0
    least: int = 0


class Still(NamedTuple):
    """A value that repeats, the level of its cause when it began and now, and since when that has moved far enough to show."""

    value: int
    level: int
    cause: int
    at_us: int
    moved_us: int | None = None
    stuck: bool = False


class Trace(NamedTuple):
    """What is remembered of one source: the newest answer's number and fault, the last accepted value, a jump that waits."""

    source: str
    quantity: str
    seq: int = _NONE
    fault: MissingReason | None = None
    value: int | None = None
    at_us: int = 0
    waiting: int | None = None
    life: Life | None = None
    still: Still | None = None


Heard = tuple[Raw, MissingReason | None, MissingReason | None]
"""One source at one tick: its raw answer, why it is refused (None: believed), the doubt it is believed with (None: good)."""
Look = tuple[MissingReason | None, int | None, int, int | None, Life | None]
"""What an answer's first look leaves of a trace: fault, value, at_us, waiting, life."""


def hear(
    raws: tuple[Raw, ...], traces: list[Trace], now_us: int, limits: Limits, level: int | None, world: bool | None = None
) -> list[Heard]:
    """The sources of one quantity, each judged for itself. ``traces``, one for each of ``raws``, move on in place.

    ``level`` is that of what should move these sensors, where it is known. It moves only what is simulated or not as it is itself
    (``world``; None: all), and never the picture.
    """
    found: list[Heard] = []
    for at, raw in enumerate(raws):
        if raw.quantity != limits.quantity:
            continue
        trace = traces[at]
        if not isinstance(raw, RawReading):
            if trace.seq != _NONE:
                traces[at] = trace._replace(seq=_NONE, fault=None)
            found.append((raw, raw.reason, None))
            continue
        if raw.seq != trace.seq:
            fault, value, at_us, waiting, life = _first_look(trace, raw, now_us, limits)
        else:
            fault, value, at_us, waiting, life = trace.fault, trace.value, trace.at_us, trace.waiting, trace.life
        still, refused, doubt = trace.still, fault, raw.note
        follows = limits.effect_per_1000 and raw.source != CAMERA and (world is None or raw.simulated == world)
        if fault is None and raw.age_us > limits.own_us.get(raw.source, limits.stale_us):
            refused = MissingReason.STALE
        elif fault is None and (level is None or not follows):
            still = None
        elif fault is None and level is not None:
            still = _watch_still(still, life, raw, now_us, limits, level)
            if still.stuck:
                refused = MissingReason.STUCK
            elif doubt is None and still.moved_us is not None:
                doubt = MissingReason.MAYBE_STUCK
        traces[at] = Trace(trace.source, trace.quantity, raw.seq, fault, value, at_us, waiting, life, still)
        found.append((raw, refused, doubt if refused is None else None))
    return found


def _first_look(trace: Trace, raw: RawReading, now_us: int, limits: Limits) -> Look:
    """What is remembered after an answer that is new."""
    before, before_us, waiting, life = trace.value, trace.at_us, trace.waiting, trace.life
    value, at_us = raw.value, now_us - raw.age_us
    known = before is not None and now_us - before_us <= FORGOTTEN_US
    if raw.age_us < -FUTURE_US or (known and at_us <= before_us):
        return MissingReason.CLOCK, before, before_us, waiting, life
    if not limits.low <= value <= limits.high:
        return MissingReason.OUT_OF_RANGE, before, before_us, waiting, life
    frozen = life is not None and life.repeats + 1 >= FROZEN_AFTER and _frozen(life, value, limits)
    life = _moved(life, value)
    if frozen:
        return MissingReason.FROZEN, before, before_us, waiting, life
    last = before if before is not None and at_us - before_us <= FORGOTTEN_US else None
    if last is not None and value and at_us > before_us and abs(value - last) <= limits.step:
        return None, value, at_us, None, life
    fault, waiting = _change(limits, last, value, at_us - before_us, waiting)
    if fault is not None:
        return fault, before, before_us, waiting, life
    return None, value, at_us, waiting, life


def _change(
    limits: Limits, last: int | None, value: int, passed_us: int, waiting: int | None
) -> tuple[MissingReason | None, int | None]:
    """Whether a value can follow the last one, and the jump that waits for a second answer.

    A temperature may change by noise and one second's slew, then by a tenth of the slew for every second without a value: a
    level that stays is believed in the end. A temperature of exactly 0 is what dead sensors are given: it must come from near 0.
    """
    if value == 0 and limits.zero_from is not None and (last is None or abs(last) > limits.zero_from):
        return MissingReason.ZERO, waiting
    if last is None:
        return None, waiting
    if limits.slew_per_s is not None:
        prompt_us = min(EFFECT_US, passed_us)
        far = limits.step + limits.slew_per_s * (prompt_us * SLOW_SHARE + passed_us - prompt_us) // (EFFECT_US * SLOW_SHARE)
        return (MissingReason.TOO_FAST if abs(value - last) > far else None), None
    if not _is_jump(limits, last, value):
        return None, None
    if waiting is not None and not _is_jump(limits, waiting, value):
        return None, None
    return MissingReason.UNCONFIRMED, value


def _is_jump(limits: Limits, before: int, value: int) -> bool:
    """A jump is believed when two answers running agree on it: a single spike never is."""
    if limits.sure_step is not None:
        return abs(value - before) > limits.sure_step
    if limits.sure_factor is not None:
        return max(before, value) > max(min(value, before), FACTOR_FROM) * limits.sure_factor
    return False


def _frozen(life: Life, value: int, limits: Limits) -> bool:
    """Whether one more answer that equals the last is one too many."""
    if value != life.last:
        return False
    may = limits.may_freeze_below is not None and value < limits.may_freeze_below
    return not may and life.lively_ppm >= LIVELY_PPM and life.rustle >= STEPS * life.least


def _moved(life: Life | None, value: int) -> Life:
    """What is known of the sensor's movement after one more answer."""
    if life is None:
        return Life(value)
    direction, repeats, lively, rustle, least = life.direction, life.repeats, life.lively_ppm, life.rustle, life.least
    change = value - life.last
    turned = 0
    if change:
        turned = PPM if change * direction < 0 else 0
        direction, repeats = 1 if change > 0 else -1, 0
    else:
        repeats += 1
    if repeats <= REPEATS_COUNTED:
        change = abs(change)
        lively += (turned - lively) // LIVELY_MEMORY
        rustle += (change - rustle) // LIVELY_MEMORY if rustle else change
        if change and not 0 < least <= change:
            least = change
    return Life(value, direction, repeats, lively, rustle, least)


def _watch_still(still: Still | None, life: Life | None, raw: RawReading, now_us: int, limits: Limits, cause: int) -> Still:
    """Does the value stand still although its cause has moved? Once stuck, it stays so until the value changes.

    The cause is seen behind a first-order lag of a second, like the prompt part of what follows it: a burst is no step.
    """
    value = raw.value
    if still is None:
        return Still(value, cause, cause, now_us)
    passed_us = now_us - still.at_us if now_us > still.at_us else 0
    level = still.cause + (cause - still.cause) * passed_us // (passed_us + EFFECT_US)
    if still.value != value:
        return Still(value, level, level, now_us)
    stuck = still.stuck
    if not stuck:
        due = limits.smallest
        if limits.in_steps:
            least = life.least if life is not None else 0
            due = max(due, 2 * (min(raw.step, least) if least else raw.step))
        if abs(level - still.level) * limits.effect_per_1000 // 1000 < due:
            return Still(value, still.level, level, now_us)
    since_us = now_us if still.moved_us is None else still.moved_us
    return Still(value, still.level, level, now_us, since_us, stuck or now_us - since_us >= EFFECT_US)
