"""Words of what a sensor says, and of what is believed of it."""

from dataclasses import dataclass
from enum import Enum
from typing import Union

TEMPERATURE, POWER, LIGHT = "temperature", "power", "light"
QUANTITIES = (TEMPERATURE, POWER, LIGHT)
CAMERA = "camera"  # the light source that is the picture itself
UNITS = {TEMPERATURE: "mc", POWER: "mw", LIGHT: "mlx"}


class MissingReason(str, Enum):
    """Why there is no number: what a source says of a read, what the judge says of a number, and why one is used with doubt."""

    NO_SENSOR = "no_sensor"  # the machine has none for this quantity
    NOT_READ = "not_read"  # nothing has come yet
    GONE = "gone"  # the device or the file is not there any more, or another one is in its place
    NO_ACCESS = "no_access"
    MOMENTARY = "momentary"  # one transaction failed; the next may not
    DEVICE = "device"  # the driver, the bus or the helper process says no
    HUNG = "hung"
    UNREADABLE = "unreadable"  # bytes that are no number
    SATURATED = "saturated"  # beyond what the sensor can tell, either way
    UNSUPPORTED = "unsupported"  # this source cannot give this quantity as it is set up
    UNCALIBRATED = "uncalibrated"  # a camera of which nobody has said how light its picture is

    STALE = "stale"
    CLOCK = "clock"
    OUT_OF_RANGE = "out_of_range"
    ZERO = "zero"
    TOO_FAST = "too_fast"
    UNCONFIRMED = "unconfirmed"
    FROZEN = "frozen"
    STUCK = "stuck"
    TOO_LOW = "too_low"  # less than a machine that serves frames can take
    CONTRADICTED = "contradicted"  # sensor and picture cannot both be right
    DOUBTED = "doubted"  # the thermal model has seen the device warm up by more than this sensor says

    MAYBE_STUCK = "maybe_stuck"
    BOUND = "bound"
    ASSUMED = "assumed"
    COOLER = "cooler"  # below another zone by more than the zones of one chip differ
    BRIDGED = "bridged"
    BETWEEN = "between"  # no light band holds all of what the light may be

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class Missing:
    """A reading that does not exist, and why. It has no value, so no code can mistake it for one."""

    reason: MissingReason
    text: str = ""


@dataclass(frozen=True, slots=True)
class RawReading:
    """The ``seq``-th answer of one source: a number in the quantity's unit, true ``age_us`` before the snapshot, not judged yet.

    ``step`` is the smallest change the source can show. ``note`` is what the source itself says of the number: BOUND, ASSUMED.
    """

    value: int
    age_us: int
    seq: int
    source: str
    quantity: str
    simulated: bool = False
    step: int = 1
    note: MissingReason | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A source that gave no number, and why; ``text`` is what a person reads."""

    reason: MissingReason
    text: str
    source: str
    quantity: str
    simulated: bool = False


Raw = Union[RawReading, Unread]


@dataclass(frozen=True, slots=True)
class Picture:
    """What the newest frame says of light: its mean linear signal in ppm of full scale, exposure and gain where they are told."""

    linear_ppm: int
    exposure_us: int | None = None
    gain_ppm: int | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A source that is not simply good: refused, or (``refused`` false) believed with this reason named."""

    source: str
    reason: MissingReason
    refused: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What is believed of one quantity: which source speaks, or (``source`` empty) why none does.

    The number stands in the snapshot's raw reading of that source; where that one is bridged, in ``held_value``.
    """

    source: str
    reason: MissingReason | None = None
    doubts: tuple[Doubt, ...] = ()
    held_value: int | None = None
    held_age_us: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A reading that is believed: ``value`` in the quantity's unit, taken ``age_us`` before the snapshot, by ``source``."""

    value: int
    age_us: int
    source: str
    simulated: bool = False


Reading = Union[Measured, Missing]
NO_METER = "no meter: this machine has no sensor for it"  # a reading that never was, unlike one that is lost
