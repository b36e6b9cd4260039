"""Words of what is served and what the worker reports of it."""

from dataclasses import dataclass


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
    """What the worker did since the last snapshot. ``point`` is read back from it, not what it was asked for.

    ``tested``: what frames of the reference would have taken on engines at rest, where the coin fell on them.
    """

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
    tested: tuple[Served, ...] = ()
