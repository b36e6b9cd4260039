"""One reading per quantity out of several judged sources, held against the others.

    temperature  the hottest zone that is believed; a junction 5 K below another zone is named
    power        the first source that is believed; while frames are delivered not below half of the
                 idle power and half of what the operating point should take
    light        the first source that is believed; 0 lux needs a dark picture, and a sensor may differ from a calibrated camera
                 by a factor of 16 and no more

Where sensor and picture contradict each other neither is taken: the reading is Missing, and light unknown means the reference.
"""

from typing import NamedTuple

from adaptd.vocabulary import CAMERA, Doubt, Judged, MissingReason, Picture, Raw, RawReading

ZONE_MARGIN_MC = 5_000
CONTRADICTION_FACTOR = 16
DARKEST_MLX = 100  # below it sensor and picture may differ by any factor
BRIGHT_LINEAR_PPM = 40_000  # a mean signal from which a picture cannot have been taken in the dark
HOLD_US = 900_000
SETTLE_US = 3_000_000  # a point just chosen is not yet in the chip's average
TRILLION = 10**12


class Heard(NamedTuple):
    """One source at one tick: its raw answer, why it is refused (None: believed), the doubt it is believed with."""

    raw: Raw
    refused: MissingReason | None
    doubt: MissingReason | None


class Held(NamedTuple):
    """The last value that was believed of a quantity, when it was true, and whose it was."""

    value: int
    at_us: int
    source: str


class Expected(NamedTuple):
    """What power the operating points of the last seconds should take, and whether the sensor has agreed for a while."""

    recent: tuple[tuple[int, int], ...] = ()
    agrees_since_us: int | None = None
    confirmed: bool = False


def hottest(heard: list[Heard]) -> list[Heard]:
    """The hottest zone that is believed comes first: a sensor that drifts down cannot make the device look cool.

    The first source is the junction, the maximum of all; when it is 5 K below another one it is named.
    """
    best = None
    for one in heard:
        if one.refused is None and (best is None or _value(one) > _value(best)):
            best = one
    first = heard[0]
    if best is None or best is first:
        return heard
    if first.refused is None and _value(first) < _value(best) - ZONE_MARGIN_MC:
        first = Heard(first.raw, None, MissingReason.COOLER)
    return [best, first, *[one for one in heard[1:] if one is not best]]


def first(heard: list[Heard]) -> int | None:
    """The value of the first source that is believed."""
    return next((_value(one) for one in heard if one.refused is None), None)


def above_floor(heard: list[Heard], floor_mw: int) -> list[Heard]:
    """Refuse what a serving machine cannot take so little of."""
    return [
        Heard(one.raw, MissingReason.TOO_LOW, None) if one.refused is None and _value(one) < floor_mw else one for one in heard
    ]


def expect(expected: Expected, now_us: int, power_mw: int | None, predicted_mw: int | None) -> tuple[Expected, int]:
    """Sensor against expectation, and the least power that can be believed, from the expectation alone.

    Half of what the operating point should take counts only once the two have agreed for a while: until then it may be the
    expectation that is wrong.
    """
    recent = tuple([pair for pair in expected.recent if now_us - pair[0] <= SETTLE_US])
    if predicted_mw is not None:
        recent = (*recent, (now_us, predicted_mw))
    if not recent:
        return Expected(recent, expected.agrees_since_us, expected.confirmed), 0
    least = min([pair[1] for pair in recent])
    since_us, confirmed = expected.agrees_since_us, expected.confirmed
    if power_mw is None or not 7 * least <= 10 * power_mw <= 13 * least:  # within 30 %
        since_us = None
    elif since_us is None:
        since_us = now_us
    confirmed = confirmed or (since_us is not None and now_us - since_us >= SETTLE_US)
    return Expected(recent, since_us, confirmed), least // 2 if confirmed else 0


def against_picture(heard: list[Heard], picture: Picture | None) -> tuple[list[Heard], bool]:
    """The light sensor that would speak, refused where the picture says that it cannot be right; then nobody else speaks."""
    at = next((at for at, one in enumerate(heard) if one.refused is None), None)
    if at is None or heard[at].raw.source == CAMERA or heard[at].raw.simulated:
        return heard, False
    why = _contradiction(_value(heard[at]), heard, picture)
    if why is None:
        return heard, False
    found = list(heard)
    found[at] = Heard(heard[at].raw, why, None)
    return [found[at], *found[:at], *found[at + 1 :]], True


def _contradiction(value: int, heard: list[Heard], picture: Picture | None) -> MissingReason | None:
    if value == 0 and (picture is None or picture.linear_ppm >= BRIGHT_LINEAR_PPM):
        return MissingReason.ZERO
    camera = next((one for one in heard if one.raw.source == CAMERA and one.doubt is not MissingReason.BOUND), None)
    if camera is None or camera.refused is not None:
        return None
    low, high = sorted((max(value, DARKEST_MLX), max(_value(camera), DARKEST_MLX)))
    return MissingReason.CONTRADICTED if high > low * CONTRADICTION_FACTOR else None


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
    speaks = None if overruled else next((one for one in heard if one.refused is None), None)
    doubts = tuple([Doubt(one.raw.source, why, one.refused is not None) for one in heard if (why := one.refused or one.doubt)])
    if speaks is not None:
        raw = speaks.raw
        assert isinstance(raw, RawReading)
        return Judged(raw.source, None, doubts), Held(raw.value, now_us - raw.age_us, raw.source), raw.value
    reason = heard[0].refused if heard else MissingReason.NO_SENSOR
    if reason is MissingReason.MOMENTARY and held is not None and now_us - held.at_us < HOLD_US:
        doubts = (*[one for one in doubts if one.source != held.source], Doubt(held.source, MissingReason.BRIDGED, False))
        return Judged(held.source, None, doubts, held.value, now_us - held.at_us), held, held.value
    return Judged("", reason, doubts), held, None


def _value(one: Heard) -> int:
    assert isinstance(one.raw, RawReading)
    return one.raw.value
