"""Words of a battery: what it says, what it must last, and how long it lasts."""

from dataclasses import dataclass
from enum import Enum

BATTERY = "battery"  # no quantity that safety leans on: its charge is read beside them


class Supply(str, Enum):
    """What feeds the board, as far as its battery knows."""

    DISCHARGING = "discharging"
    CHARGING = "charging"
    RESTING = "resting"  # full, or not charging: something else feeds the board

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class BatteryReading:
    """What a battery says of itself: its charge of a full one, true at ``at_us`` (monotonic), in steps of ``step_ppm``.

    ``full_uj`` is what a full one holds, None where it does not say so.
    """

    charge_ppm: int
    supply: Supply
    at_us: int
    full_uj: int | None
    step_ppm: int
    source: str
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """The battery must last ``lasts_us`` from the last charge on, or to ``until_us`` (monotonic), with ``reserve_ppm`` left."""

    reserve_ppm: int
    lasts_us: int | None = None
    until_us: int | None = None


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long the battery lasts, as judged at ``at_us``: by ``lasts_us`` from then it is down to the reserve, as planned now.

    The goal is at ``ends_us``. ``floor_us`` is how long it would last at the floor rate, ``rate_mfps`` the mean rate planned,
    ``price_ppm`` what energy costs now over what the policy says (1,000,000: it is plentiful).
    """

    at_us: int
    ends_us: int
    reserve_ppm: int
    charge_ppm: int
    lasts_us: int
    floor_us: int
    rate_mfps: int
    price_ppm: int
    reachable: bool
