"""A summary and its place in the lake. The shape is a type: what does not fit it is refused before it is acknowledged.

msgspec reads and checks in one pass: whole numbers are whole (1.0 and true are none), and everything lies within 2^53.
"""

from datetime import datetime, timezone
from functools import lru_cache
from typing import Annotated, Any

from msgspec import Meta, MsgspecError, Struct
from msgspec.json import Decoder

from adaptd.fleet.wire import MAX_PAYLOAD, SCHEMA, Heard, Refused, WireError

DAY_MS = 86_400_000
MOST = 1 << 53
SUMS = ("engines_s", "modes_s", "bands_s", "conditions_broken_s", "gaps_s")
COUNTS = ("faults", "refusals", "engines_frames")
ACCOUNT = ("delivered", "efficient", "shadowed", "differed", "bound_ppm", "limit_ppm", "bound_frames", "allowed_frames")
VERSIONS = ("adaptd", "policy", "policy_sha256", "backend", "board", "model")

Number = Annotated[int, Meta(ge=1, lt=MOST)]
Natural = Annotated[int, Meta(ge=0, lt=MOST)]
Count = Annotated[int, Meta(gt=-MOST, lt=MOST)]
Real = Annotated[float, Meta(gt=-MOST, lt=MOST)]


class Energy(Struct, gc=False):
    """What the hour took, and for how long that was measured."""

    energy_j: Real | None = None
    measured_s: Real | None = None


class Heat(Struct, gc=False):
    """How warm it was, and for how long that was measured."""

    mean_c: Real | None = None
    max_c: Real | None = None
    measured_s: Real | None = None


class Frames(Struct, gc=False):
    """Frames by what became of them."""

    delivered_frames: Count | None = None
    missed_frames: Count | None = None
    dropped_frames: Count | None = None
    shadow_frames: Count | None = None


class Hour(Struct, gc=False):
    """One summary of a box: an hour, or several that its outbox made one."""

    v: int
    box: str
    stream: str
    first: Number
    last: Number
    from_utc_ms: Natural
    to_utc_ms: Natural
    merged: Number
    observed_s: Real
    swaps: Natural
    energy: Energy
    heat: Heat
    frames: Frames
    engines_s: dict[str, Real]
    modes_s: dict[str, Real]
    bands_s: dict[str, Real]
    conditions_broken_s: dict[str, Real]
    gaps_s: dict[str, Real]
    faults: dict[str, Count]
    refusals: dict[str, Count]
    engines_frames: dict[str, Count]
    account: dict[str, dict[str, Any]]
    versions: dict[str, Any]
    simulated: Any = False


_DECODER = Decoder(Hour)


def hour(body: bytes | str) -> Hour:
    """The hour that a message's JSON object says.

    Raises:
        WireError: it is none, or a field is missing or of another type.
    """
    try:
        found = _DECODER.decode(body)
    except (MsgspecError, RecursionError):
        raise WireError(Refused.SHAPE) from None
    if found.last < found.first:
        raise WireError(Refused.SHAPE)
    return found


def hour_of(heard: Heard) -> Hour | None:
    """The hour in a message of this schema and of this box; None where it is anything else."""
    try:
        found = hour(heard.payload) if len(heard.payload) <= MAX_PAYLOAD else None
    except WireError:
        return None
    return found if found is not None and found.v == SCHEMA and found.box == heard.box else None


def day_and_clock(from_ms: int, received_ms: int) -> tuple[str, str]:
    """The day (UTC) that an hour belongs to, and what is to be said of the box's clock.

    A box whose clock is more than a day ahead or five years behind is filed under the day of receipt.
    """
    clock = "ahead" if from_ms > received_ms + DAY_MS else "behind" if from_ms < received_ms - 5 * 365 * DAY_MS else "ok"
    at_ms = from_ms if clock == "ok" else received_ms
    return _day(at_ms // DAY_MS), clock


@lru_cache(maxsize=4096)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * DAY_MS / 1000, tz=timezone.utc).strftime("%Y-%m-%d")
