"""One reading per quantity out of several judged sources, held against the others.

    temperature  the hottest zone that is believed; a junction 5 K below another zone is named
    power        the first source that is believed; while frames are delivered not below half of the
                 idle power, and for a minute not below half of what the operating point takes at least
    light        the first source that is believed; 0 lux needs a dark picture, and a sensor may differ from a calibrated camera
                 by a factor of 16 and no more

Where sensor and picture contradict each other neither is taken: the reading is Missing, and light unknown means the reference.
"""

from functools import lru_cache
from typing import NamedTuple

from adaptd.brain.judge.source import Heard
from adaptd.vocabulary import CAMERA, Doubt, Judged, MissingReason, Picture, RawReading

ZONE_MARGIN_MC = 5_000
CONTRADICTION_FACTOR = 16
DARKEST_MLX = 100  # below it sensor and picture may differ by any factor
BLACK_LINEAR_PPM = 1_000  # some three levels of 255: what a camera sees that sees nothing
NEVER_BLACK_MLX = 50_000  # and the light in which no picture is black, unless sensor or lens is covered
BRIGHT_LINEAR_PPM = 40_000  # a mean signal from which a picture cannot have been taken in the dark
HOLD_US = 900_000
LET_GO_US = 60_000_000
SETTLE_US = 3_000_000  # a point just chosen is not yet in the chip's average
TRILLION = 10**12


class Held(NamedTuple):
    """The last value that was believed of a quantity, when it was true, and whose it was."""

    value: int
    at_us: int
    source: str


class Expected(NamedTuple):
    """What power the operating points of the last seconds should take, and whether the sensor has agreed for a while.

    ``recent`` holds when, the whole, and what the frames take of it. ``rest_mw`` is the least without frames on which sensor and
    expectation have agreed (None: not yet), ``silent_since_us`` since when the expectation alone has refused every source.
    """

    recent: tuple[tuple[int, int, int], ...] = ()
    agrees_since_us: int | None = None
    rest_mw: int | None = None
    silent_since_us: int | None = None


def hottest(heard: list[Heard]) -> list[Heard]:
    """The hottest zone that is believed comes first: a sensor that drifts down cannot make the device look cool.

    The first source is the junction, the maximum of all; when it is 5 K below another one it is named.
    """
    best, most_mc = -1, 0
    for at, (raw, refused, _) in enumerate(heard):
        if refused is None and isinstance(raw, RawReading) and (best < 0 or raw.value > most_mc):
            best, most_mc = at, raw.value
    if best <= 0:
        return heard
    raw, refused, doubt = heard[0]
    if refused is None and isinstance(raw, RawReading) and raw.value < most_mc - ZONE_MARGIN_MC:
        doubt = MissingReason.COOLER
    return [heard[best], (raw, refused, doubt), *heard[1:best], *heard[best + 1 :]]


def first(heard: list[Heard]) -> int | None:
    """The value of the first source that is believed."""
    for raw, refused, _ in heard:
        if refused is None and isinstance(raw, RawReading):
            return raw.value
    return None


def above_floor(heard: list[Heard], floor_mw: int) -> list[Heard]:
    """Refuse what a serving machine cannot take so little of; ``heard`` itself where there is none."""
    found = heard
    for at, (raw, refused, _) in enumerate(heard):
        if refused is None and isinstance(raw, RawReading) and raw.value < floor_mw:
            found = [*found[:at], (raw, MissingReason.TOO_LOW, None), *found[at + 1 :]]
    return found


def expect(
    expected: Expected, now_us: int, power_mw: int | None, predicted_mw: int | None, frames_mw: int
) -> tuple[Expected, int]:
    """Sensor against expectation, and the least power that can be believed, from the expectation alone.

    It is half of what the frames take and of the least that the machine took without them. Other programs' power is no part of
    it: they may end at any moment. It counts only once sensor and expectation have agreed for a while: until then it may be the
    expectation that is wrong.
    """
    recent = expected.recent
    while recent and now_us - recent[0][0] > SETTLE_US:
        recent = recent[1:]
    if predicted_mw is not None:
        recent = (*recent, (now_us, predicted_mw, min(frames_mw, predicted_mw)))
    if not recent:
        return expected._replace(recent=()), 0
    _, least, least_frames = recent[0]
    least_rest = least - least_frames
    for _, whole_mw, of_frames_mw in recent:
        least, least_frames = min(least, whole_mw), min(least_frames, of_frames_mw)
        least_rest = min(least_rest, whole_mw - of_frames_mw)
    since_us, rest_mw = expected.agrees_since_us, expected.rest_mw
    if power_mw is None or not 7 * least <= 10 * power_mw <= 13 * least:  # within 30 %
        since_us = None
    elif since_us is None:
        since_us = now_us
    if since_us is not None and now_us - since_us >= SETTLE_US:
        rest_mw = least_rest if rest_mw is None else min(rest_mw, least_rest)
    half_mw = 0 if rest_mw is None else (rest_mw + least_frames) // 2
    return Expected(recent, since_us, rest_mw, expected.silent_since_us), min(half_mw, least // 2)


def let_go(expected: Expected, now_us: int, *, silenced: bool) -> Expected:
    """An expectation that has refused all there is for a minute may itself be what is wrong: sensor and it must agree anew."""
    if not silenced:
        return expected if expected.silent_since_us is None else expected._replace(silent_since_us=None)
    since_us = now_us if expected.silent_since_us is None else expected.silent_since_us
    if now_us - since_us >= LET_GO_US:
        return Expected(expected.recent)
    return expected._replace(silent_since_us=since_us)


def against_picture(heard: list[Heard], picture: Picture | None) -> tuple[list[Heard], bool]:
    """The light sensor that would speak, refused where the picture says that it cannot be right; then nobody else speaks."""
    for at, (raw, refused, _) in enumerate(heard):
        if refused is None:
            if raw.source == CAMERA or raw.simulated or not isinstance(raw, RawReading):
                return heard, False
            why = _contradiction(raw.value, heard, picture)
            if why is None:
                return heard, False
            return [(raw, why, None), *heard[:at], *heard[at + 1 :]], True
    return heard, False


def _contradiction(value: int, heard: list[Heard], picture: Picture | None) -> MissingReason | None:
    if value == 0 and (picture is None or picture.linear_ppm >= BRIGHT_LINEAR_PPM):
        return MissingReason.ZERO
    if picture is not None and picture.linear_ppm < BLACK_LINEAR_PPM and value >= NEVER_BLACK_MLX:
        return MissingReason.CONTRADICTED  # needs no calibration: a sensor that hangs at daylight is seen from the start
    for raw, refused, doubt in heard:
        if raw.source == CAMERA and refused is None and doubt is not MissingReason.BOUND and isinstance(raw, RawReading):
            low, high = sorted((max(value, DARKEST_MLX), max(raw.value, DARKEST_MLX)))
            return MissingReason.CONTRADICTED if high > low * CONTRADICTION_FACTOR else None
    return None


def doublings(picture: Picture) -> int:
    """Doublings of the scene's light as the picture shows it, up to a constant: halved exposure and doubled mean cancel out."""
    index = picture.linear_ppm + 1
    if picture.exposure_us and picture.gain_ppm:
        index = index * TRILLION // (picture.exposure_us * picture.gain_ppm) + 1
    return index.bit_length()


def settle(
    now_us: int, heard: list[Heard], held: Held | None, *, overruled: bool = False
) -> tuple[Judged, Held | None, int | None]:
    """Who speaks for a quantity, what is held of it, and the value. A source that fails for one moment is bridged for less than
    a second, with its true age. ``overruled``: the first source was refused, and with it all others."""
    doubts: tuple[Doubt, ...] = ()
    speaks: RawReading | None = None
    for raw, refused, doubt in heard:
        why = refused or doubt
        if why is not None:
            doubts = (*doubts, Doubt(raw.source, why, refused is not None))
        if refused is None and speaks is None and not overruled and isinstance(raw, RawReading):
            speaks = raw
    if speaks is not None:
        kept = Held(speaks.value, now_us - speaks.age_us, speaks.source)
        return Judged(speaks.source, None, doubts) if doubts else _undoubted(speaks.source), kept, speaks.value
    reason = heard[0][1] if heard else MissingReason.NO_SENSOR
    if reason is MissingReason.MOMENTARY and held is not None and now_us - held.at_us < HOLD_US:
        doubts = (*[one for one in doubts if one.source != held.source], Doubt(held.source, MissingReason.BRIDGED, False))
        return Judged(held.source, None, doubts, held.value, now_us - held.at_us), held, held.value
    return Judged("", reason, doubts), held, None


@lru_cache(maxsize=64)
def _undoubted(source: str) -> Judged:
    """What is said of a source that is simply good: the same words at almost every tick."""
    return Judged(source)
