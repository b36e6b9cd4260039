"""The frozen words that cross rooms.

Every quantity is an integer whose name ends in its unit: ``_mc`` millidegree Celsius, ``_mw`` milliwatt, ``_mlx`` millilux,
``_us`` microsecond, ``_uj`` microjoule, ``_ppm`` parts per million, ``_mfps`` frames per 1000 seconds.
Times named ``now_us`` or ``*_at_us`` are monotonic; a wall clock never enters this file.
Every field is an int, a str, a bool, an enum, None, a tuple of these, or another word of this file,
so that one codec writes them all and a reader in any language can compare the bytes.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Union


@dataclass(frozen=True, slots=True)
class Measured:
    """A reading that exists: ``value`` in the quantity's unit, taken ``age_us`` before the snapshot, by ``source``."""

    value: int
    age_us: int
    source: str
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """A reading that does not exist, and why. It has no value, so no code can mistake it for one."""

    reason: str


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
    quarantined: tuple[str, ...] = ()
    source_mfps: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one decision may look at. ``budget_mw`` overrides the policy's budget while it is given, ``hold`` asks for
    the reference.
    """

    now_us: int
    temperature: Reading
    power: Reading
    light: Reading
    worker: Telemetry
    budget_mw: int | None = None
    log_ok: bool = True
    hold: bool = False


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
    """What is known of one variant in one light band: admitted or not, by how many samples, and the upper bound on its loss."""

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
    """One decision: the point, until when it holds without renewal, the share of frames to shadow, and why."""

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
