"""One reading per quantity out of several sources, each checked by its guard and then against the others.

    temperature  the hottest zone that is believed; a junction 5 K below another zone is suspect
    power        the first source that is believed; while frames are delivered not below half of the
                 idle power and half of what the operating point should take
    light        the first source that is believed; 0 lux needs a dark picture, and a sensor may differ from a calibrated camera
                 by a factor of 16 and no more

Where sensor and picture contradict each other neither is taken: the reading is Missing, and light unknown means the reference.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adaptd.sense.camera_light import PictureStats, bright, linear_ppm
from adaptd.sense.guard import Cause, Guard, Judged, Limits, Quality
from adaptd.sense.source import LIGHT, POWER, TEMPERATURE, Feed
from adaptd.vocabulary import Measured, Missing, Reading

ZONE_MARGIN_MC = 5_000
CONTRADICTION_FACTOR = 16
HOLD_US = 900_000
SETTLE_US = 3_000_000
_TRANSIENT = ("EAGAIN", "EIO", "ETIMEDOUT", "EREMOTEIO", "gap")
_SMALLEST_MC, _SMALLEST_MW, _SMALLEST_DOUBLINGS = 500, 2_000, 2
_CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class Context:
    """What the other quantities and the worker say at this tick, as far as it is known."""

    power_mw: int | None = None
    expected_mw: int | None = None
    delivering: bool = False
    picture: PictureStats | None = None


@dataclass(frozen=True, slots=True)
class Fused:
    """The reading of a quantity, what every source of it said, and the cross-check that spoke, if one did."""

    reading: Reading
    sources: tuple[Judged, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits of one quantity, and how much its cause must change to be seen (``prompt_uk_per_mw`` for temperature)."""

    limits: Limits
    prompt_uk_per_mw: int = 0
    floor_mw: int = 0


class Fuser:
    """Sources of one quantity in their order of trust."""

    def __init__(self, quantity: str, feeds: Sequence[Feed], rules: Rules, hold_us: int = HOLD_US) -> None:
        self.quantity = quantity
        self.feeds = tuple(feeds)
        self._rules = rules
        self._guards = [Guard(feed.name, quantity, rules.limits, feed.step) for feed in feeds]
        self._hold_us = hold_us
        self._held: tuple[int, int, str] | None = None  # value, at_us, source
        self._expected: list[tuple[int, int]] = []
        self._agrees_since_us: int | None = None
        self._confirmed = False
        self._check: Callable[[list[Judged], Context], Fused] = _CHECKS[quantity]

    def add(self, feed: Feed, place: int) -> None:
        """A source that came later, at its place in the order of trust."""
        self.feeds = (*self.feeds[:place], feed, *self.feeds[place:])
        self._guards.insert(place, Guard(feed.name, self.quantity, self._rules.limits, feed.step))

    def fuse(self, now_us: int, context: Context) -> Fused:
        """The reading at ``now_us``. A source that fails for one moment is bridged for less than a second, with its true age."""
        if not self.feeds:
            return Fused(Missing(f"no {self.quantity} sensor"), ())
        judged = [
            guard.judge(now_us, feed.sample(now_us), self._cause(feed, context))
            for guard, feed in zip(self._guards, self.feeds, strict=True)
        ]
        if self.quantity == POWER and context.delivering:
            judged = self._above_floor(now_us, judged, context.expected_mw)
        return self._bridge(now_us, self._check(judged, context))

    def _cause(self, feed: Feed, context: Context) -> Cause | None:
        """What should have moved this source, as far as it is known."""
        if self.quantity == TEMPERATURE and context.power_mw is not None and self._rules.prompt_uk_per_mw > 0:
            return Cause(context.power_mw, self._rules.prompt_uk_per_mw, _SMALLEST_MC)
        if self.quantity == POWER and context.expected_mw is not None:
            return Cause(context.expected_mw, 1000, _SMALLEST_MW)
        if self.quantity == LIGHT and context.picture is not None and feed.name != _CAMERA:
            return Cause(1000 * _brightness_steps(context.picture), 1000, _SMALLEST_DOUBLINGS * 1000, in_steps=False)
        return None

    def _above_floor(self, now_us: int, judged: list[Judged], expected_mw: int | None) -> list[Judged]:
        """Refuse what a serving machine cannot take so little of.

        Half of what the operating point should take counts only once sensor and expectation have agreed for a while: until then
        it may be the expectation that is wrong.
        """
        floor_mw = self._rules.floor_mw
        expected_mw = self._settled(now_us, expected_mw)
        if expected_mw is not None:
            self._watch_agreement(now_us, _first(judged), expected_mw)
            if self._confirmed:
                floor_mw = max(floor_mw, expected_mw // 2)
        return [_at_least(item, floor_mw) for item in judged]

    def _settled(self, now_us: int, expected_mw: int | None) -> int | None:
        """The least power that was expected in the last seconds: a point just chosen is not yet in the chip's average."""
        self._expected = [(at_us, value) for at_us, value in self._expected if now_us - at_us <= SETTLE_US]
        if expected_mw is not None:
            self._expected.append((now_us, expected_mw))
        return min((value for _, value in self._expected), default=None)

    def _watch_agreement(self, now_us: int, reading: Reading, expected_mw: int) -> None:
        if not isinstance(reading, Measured) or not 7 * expected_mw <= 10 * reading.value <= 13 * expected_mw:
            self._agrees_since_us = None
            return
        if self._agrees_since_us is None:
            self._agrees_since_us = now_us
        self._confirmed = self._confirmed or now_us - self._agrees_since_us >= SETTLE_US

    def _bridge(self, now_us: int, fused: Fused) -> Fused:
        reading = fused.reading
        if isinstance(reading, Measured):
            self._held = (reading.value, now_us - reading.age_us, reading.source)
            return fused
        if self._held is None or not reading.reason.startswith(_TRANSIENT):
            return fused
        value, at_us, source = self._held
        if now_us - at_us >= self._hold_us:
            return fused
        return Fused(Measured(value, now_us - at_us, source), fused.sources, f"bridged: {reading.reason}")


def _brightness_steps(picture: PictureStats) -> int:
    """Doublings of the scene's light as the picture shows it, up to a constant: halved exposure and doubled mean cancel out."""
    index = linear_ppm(picture.mean_ppm) + 1
    if picture.exposure_us and picture.gain_ppm:
        index = index * 10**12 // (picture.exposure_us * picture.gain_ppm) + 1
    return index.bit_length()


def _at_least(item: Judged, floor_mw: int) -> Judged:
    if isinstance(item.reading, Measured) and item.reading.value < floor_mw:
        reason = f"implausible: {item.reading.value} mW, but {floor_mw} mW is the least while frames are delivered"
        return Judged(item.name, Missing(reason), Quality.FAILED, reason)
    return item


def _first(judged: Sequence[Judged]) -> Reading:
    """The first source that is believed, or the reason of the first one."""
    for item in judged:
        if isinstance(item.reading, Measured):
            return item.reading
    return judged[0].reading


def _check_temperature(judged: list[Judged], context: Context) -> Fused:
    """The hottest zone that is believed speaks: a sensor that drifts down or loses its place cannot make the device look cool.

    The first source is the junction, the maximum of all; when it is 5 K below another one it is named suspect.
    """
    readings = [item.reading for item in judged if isinstance(item.reading, Measured)]
    if not readings:
        return Fused(judged[0].reading, tuple(judged))
    hottest = max(readings, key=lambda reading: reading.value)
    first = judged[0].reading
    if not isinstance(first, Measured) or first.value >= hottest.value - ZONE_MARGIN_MC:
        return Fused(hottest, tuple(judged))
    note = f"{first.source} says {first.value} mc, {hottest.source} {hottest.value} mc: the hottest counts"
    suspect = Judged(judged[0].name, first, Quality.SUSPECT, note)
    return Fused(hottest, (suspect, *judged[1:]), note)


def _check_power(judged: list[Judged], context: Context) -> Fused:
    return Fused(_first(judged), tuple(judged))


def _check_light(judged: list[Judged], context: Context) -> Fused:
    """Sensor against picture."""
    first = _first(judged)
    if not isinstance(first, Measured) or first.source == _CAMERA:
        return Fused(first, tuple(judged))
    note = _contradiction(first, judged, context.picture)
    return Fused(Missing(note), _suspect(judged, first.source, note), note) if note else Fused(first, tuple(judged))


def _contradiction(first: Measured, judged: Sequence[Judged], picture: PictureStats | None) -> str:
    if first.value == 0 and picture is None:
        return "0 lux, and no picture that is dark too"
    if first.value == 0 and picture is not None and bright(picture):
        return "dead: 0 lux while the picture is bright"
    camera = next((item for item in judged if item.name == _CAMERA and not item.reason.startswith("bound")), None)
    if camera is None or not isinstance(camera.reading, Measured):
        return ""
    low, high = sorted((max(first.value, 100), max(camera.reading.value, 100)))
    if high <= low * CONTRADICTION_FACTOR:
        return ""
    return f"contradiction: {first.source} says {first.value} mlx, the picture {camera.reading.value} mlx"


def _suspect(judged: Sequence[Judged], name: str, reason: str) -> tuple[Judged, ...]:
    return tuple(Judged(item.name, Missing(reason), Quality.FAILED, reason) if item.name == name else item for item in judged)


_CHECKS: Mapping[str, Callable[[list[Judged], Context], Fused]] = {
    TEMPERATURE: _check_temperature,
    POWER: _check_power,
    LIGHT: _check_light,
}
