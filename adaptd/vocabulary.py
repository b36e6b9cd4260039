"""The frozen words that cross rooms.

Every quantity is an integer whose name ends in its unit: ``_mc`` millidegree Celsius, ``_mw`` milliwatt, ``_mlx`` millilux,
``_us`` microsecond, ``_uj`` microjoule, ``_ppm`` parts per million, ``_mfps`` frames per 1000 seconds.
Times are monotonic; a wall clock never enters this file. Every field is an int, a str, a bool, an enum, None, a tuple of these or
another word, so that one codec writes them all and a reader in any language can compare the bytes.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Union

from adaptd.battery_words import BatteryReading, Goal, Lasting

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


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What the worker is asked to do: which engine variant, at which rate. ``fps_mfps == 0`` serves no frame."""

    variant: str
    fps_mfps: int


@dataclass(frozen=True, slots=True)
class Prior:
    """What qualification found on this device for one band: ``disagreed`` of ``n`` frames differed from the reference."""

    band: str
    n: int
    disagreed: int


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """What the bundle says of one variant: marginal energy and median latency of one frame, and its priors."""

    name: str
    energy_uj: int
    latency_us: int
    no_gain: bool = False
    priors: tuple[Prior, ...] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """Frames one variant served since the last snapshot, with the summed and the longest latency."""

    variant: str
    frames: int
    latency_sum_us: int
    latency_max_us: int


@dataclass(frozen=True, slots=True)
class Shadow:
    """One frame run on both engines in ``band``: loss of ``variant`` against the reference, 0 to 1,000,000 ppm."""

    band: str
    variant: str
    loss_ppm: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames that one variant served in one band while the coin fell with ``share_ppm``, ``missed`` of them too late.

    ``shadowed`` ran on both engines, ``differed`` of these with a loss, ``loss_ppm`` in all. A shadowed frame delivers the
    reference's answer; ``late_ppm`` is the part of the loss that was delivered because that answer would have come too late.
    ``first`` and ``last`` number the frames; ``drawn`` are those that the coin chose.
    """

    band: str
    variant: str
    share_ppm: int
    frames: int
    missed: int = 0
    shadowed: int = 0
    differed: int = 0
    loss_ppm: int = 0
    late_ppm: int = 0
    first: int = 0
    last: int = 0
    drawn: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class BandStatement:
    """What a window's end says of one band: with the policy's confidence at most ``bound_ppm_frames`` of loss were delivered.

    Losses are in ppm of a frame: 1,000,000 is one frame that differs. ``allowed_ppm_frames`` is the limit times the frames
    delivered, or the loan. ``broken`` names counts that could not be; then nothing is promised.
    """

    band: str
    delivered: int
    efficient: int
    shadowed: int
    differed: int
    bound_ppm_frames: int
    allowed_ppm_frames: int
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What the worker did since the last snapshot. ``point`` is read back from it, not what it was asked for."""

    alive: bool
    point: OperatingPoint
    delivered: int = 0
    missed: int = 0
    dropped: int = 0
    shadow_frames: int = 0
    served: tuple[Served, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    quarantined: tuple[str, ...] = ()
    source_mfps: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one decision may look at: ``raw`` holds every source's newest answer, by quantity in the order of trust.
    ``budget_mw`` overrides the policy's budget while it is given, and ``goal`` its endurance; ``battery``: None is no battery.
    """

    now_us: int
    raw: tuple[Raw, ...]
    worker: Telemetry
    budget_mw: int | None = None
    log_ok: bool = True
    picture: Picture | None = None
    battery: Union[BatteryReading, Unread, None] = None
    goal: Goal | None = None


class Mode(str, Enum):
    """Where the controller is; the legal moves between modes are the table in ``decide/transitions.py``."""

    REFERENCE = "reference"
    EFFICIENT = "efficient"
    REDUCED = "reduced"
    PROTECT = "protect"
    STOPPED = "stopped"
    FAULT = "fault"

    __hash__ = str.__hash__  # Enum's own is written in Python, and modes are looked up at every decision


@dataclass(frozen=True, slots=True)
class BandEvidence:
    """One variant in one light band. ``admitted``: the scene at hand speaks for it.

    ``samples`` frames of the window were shadowed; at most ``bound_ppm`` of all differ (1,000,000 where there is none).
    """

    band: str
    variant: str
    admitted: bool
    samples: int
    bound_ppm: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A point that was worth more than the chosen one, and the named condition that forbade it."""

    point: OperatingPoint
    condition: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision: the point, until when it holds without renewal, the share of frames to shadow, and why.

    ``judged`` says what was believed of temperature, power and light, in this order. ``most_frames``: how many frames the loss
    account lets an efficient variant serve before the next decision; the worker stops there by itself. ``closed``: the statements
    of a window of the account that is over. ``lasting``: how long the battery lasts, None where there is no goal or no battery.
    """

    mode: Mode
    point: OperatingPoint
    lease_us: int
    shadow_ppm: int
    band: str
    rule: str
    conditions: tuple[tuple[str, bool], ...]
    evidence: tuple[BandEvidence, ...] = ()
    refused: tuple[Refusal, ...] = ()
    predicted_mc: int | None = None
    predicted_mw: int | None = None
    judged: tuple[Judged, ...] = ()
    most_frames: int = 0
    closed: tuple[BandStatement, ...] = ()
    lasting: Lasting | None = None


def believed(snapshot: Snapshot, verdict: Verdict, quantity: str) -> Reading:
    """The reading of a quantity that a decision believed, or why it believed none."""
    at = QUANTITIES.index(quantity)
    return of_judged(snapshot, verdict.judged[at], quantity) if verdict.judged else first(snapshot, quantity)


def of_judged(snapshot: Snapshot, judged: Judged, quantity: str) -> Reading:
    """The number that ``judged`` points at in the snapshot."""
    own = [one for one in snapshot.raw if one.quantity == quantity]
    if judged.reason is not None:
        texts = [one.text for one in own if isinstance(one, Unread) and one.reason is judged.reason]
        return Missing(judged.reason, texts[0] if texts else "")
    speaks = next((one for one in own if one.source == judged.source), None)
    simulated = speaks is not None and speaks.simulated
    if judged.held_value is not None:
        return Measured(judged.held_value, judged.held_age_us or 0, judged.source, simulated)
    assert isinstance(speaks, RawReading), "a verdict names a source that gave a number"
    return Measured(speaks.value, speaks.age_us, speaks.source, simulated)


def first(snapshot: Snapshot, quantity: str) -> Reading:
    """The first source's number as it is, unjudged."""
    for one in snapshot.raw:
        if one.quantity == quantity:
            if isinstance(one, RawReading):
                return Measured(one.value, one.age_us, one.source, one.simulated)
            return Missing(one.reason, one.text)
    return Missing(MissingReason.NO_SENSOR)
