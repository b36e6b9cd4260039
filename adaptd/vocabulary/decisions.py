"""Words of one decision: what it looks at, what it says, and the setpoint that follows."""

from dataclasses import dataclass
from enum import Enum
from typing import Union

from adaptd.vocabulary.battery import BatteryReading, Goal, Lasting
from adaptd.vocabulary.board import PowerMode
from adaptd.vocabulary.readings import (
    QUANTITIES,
    Judged,
    Measured,
    Missing,
    MissingReason,
    Picture,
    Raw,
    RawReading,
    Reading,
    Unread,
)
from adaptd.vocabulary.service import BandStatement, OperatingPoint, Telemetry


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one decision may look at: ``raw`` holds every source's newest answer, by quantity in the order of trust.
    ``budget_mw`` overrides the policy's budget while it is given, and ``goal`` its endurance; ``battery``: None is no battery.
    ``budget_by`` says who asked for that budget; empty where the supply gives it.
    ``power_mode``: None where the board has none, or nothing depends on it.
    """

    now_us: int
    raw: tuple[Raw, ...]
    worker: Telemetry
    budget_mw: int | None = None
    log_ok: bool = True
    picture: Picture | None = None
    battery: Union[BatteryReading, Unread, None] = None
    goal: Goal | None = None
    budget_by: str = ""
    power_mode: PowerMode | None = None


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


class Bound(str, Enum):
    """What a point runs into; ``decide/words.py`` has each in words, with its numbers."""

    BUDGET = "budget"
    WINDOW = "budget_window"
    PEAK = "peak"
    TEMPERATURE = "temperature"
    CRITICAL = "critical"
    LOSS = "loss"
    SCENE = "scene"
    DWELL = "dwell"
    GAIN = "gain"
    ENGINE = "engine"
    CAMERA = "camera"
    COOLING = "cooling"

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class Limit:
    """Why a point was not served, in numbers: it needs ``needed``, and ``available`` is what is left of ``limit``.

    All three are in ``unit`` (mw, mc, mfps, us or frames). ``condition`` is the one of the refusal, or the rule of the verdict.
    """

    point: OperatingPoint
    condition: str
    bound: Bound
    unit: str
    limit: int
    needed: int
    available: int


@dataclass(frozen=True, slots=True)
class Lowered:
    """Something outside the policy sets a lower power budget: to ``budget_mw``, from the policy's own (None: it has none), ``by``
    whom (empty: the supply), since which monotonic time."""

    budget_mw: int
    from_mw: int | None
    by: str
    since_us: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision: the point, until when it holds without renewal, the share of frames to shadow, and why.

    ``judged`` says what was believed of temperature, power and light, in this order. ``most_frames``: how many frames the loss
    account lets an efficient variant serve before the next decision; the worker stops there by itself. ``closed``: the statements
    of a window of the account that is over. ``lasting``: how long the battery lasts, None where there is no goal or no battery.
    ``limits``: in numbers what keeps the point from being more, and what each refusal lacks. ``lowered``: who sets the budget.
    ``power_mode`` is the mode that the board is to be in, None where the policy lists none.
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
    limits: tuple[Limit, ...] = ()
    lowered: Lowered | None = None
    power_mode: str | None = None


@dataclass(frozen=True, slots=True)
class Setpoint:
    """Daemon to worker: serve every camera at this point until ``lease_us`` from receipt, and shadow a share of frames drawn from
    ``seed``.

    ``lease_us`` 0 asks for no lease, which only the reference at the safe rate or above, or a pause, can have.
    ``safe_mfps`` and ``deadline_us`` change what ``Begin`` said, after a policy reload. ``until_frame``: the last frame that an
    efficient variant may serve under this setpoint; the loss account has credit for no more. None sets no end. ``power_mode`` is
    for the daemon's own hand on the board; the worker has none.
    """

    seq: int
    variant: str
    fps_mfps: int
    lease_us: int
    shadow_ppm: int
    seed: str
    band: str
    safe_mfps: int | None = None
    deadline_us: int | None = None
    until_frame: int | None = None
    power_mode: str | None = None

    @property
    def point(self) -> OperatingPoint:
        """Variant and rate."""
        return OperatingPoint(self.variant, self.fps_mfps)


def believed(snapshot: Snapshot, verdict: Verdict, quantity: str) -> Reading:
    """The reading of a quantity that a decision believed, or why it believed none."""
    at = QUANTITIES.index(quantity)
    return of_judged(snapshot, verdict.judged[at], quantity) if verdict.judged else first(snapshot, quantity)


def of_judged(snapshot: Snapshot, judged: Judged, quantity: str) -> Reading:
    """The number that ``judged`` points at in the snapshot."""
    if judged.reason is not None:
        own = [one for one in snapshot.raw if isinstance(one, Unread) and one.quantity == quantity]
        texts = [one.text for one in own if one.reason is judged.reason]
        return Missing(judged.reason, texts[0] if texts else "")
    speaks: Raw | None = None
    for one in snapshot.raw:
        if one.source == judged.source and one.quantity == quantity:
            speaks = one
            break
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
