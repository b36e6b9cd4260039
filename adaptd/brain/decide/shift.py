"""The board's power mode as a third knob: seldom, from figures of that very mode, and never again after one that did not take.

A mode caps clocks, so a frame takes longer in a low one and less energy. What a mode would be worth is what the planner would
earn in it with the beliefs of now, energies and latencies taken from the figures of that mode and its memory clock in proportion
to those of the mode in force. A switch is asked for when the better mode would have earned COST_J beyond a margin since it began
to be better, and the mode in force has been held for DWELL_US. Nothing that must hold leans on a switch: heat, budget and the
account are kept by rate and variant in whatever mode the board is in.

Somebody else may switch the board, and the board may not obey. Both end switching until a person has looked and reloads the
policy.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from adaptd.brain.decide.planner import Caps, Option, Plan
from adaptd.vocabulary import ModeFault, PowerMode

DWELL_US = 600_000_000  # a mode is held so long: clocks, heat and estimates settle, and nobody notices six switches an hour
COST_J = 10.0  # what a switch must have earned beforehand: a tenth of a watt for two minutes
GAIN_SHARE = 0.01  # of the power drawn without a frame: figures of two modes were not measured in the same minute
TAKES_US = 30_000_000  # by then the mode that was asked for is in force, or it never will be


Best = Callable[[Option, Caps], Plan | None]  # the best plan of an option under these caps


class Shift(NamedTuple):
    """The mode in force, since when, and the idle power that its figures say; the better one, and what it has earned so far.

    ``asked`` is the mode that is on its way, empty where none is; ``off`` says why nothing is asked for any more.
    """

    here: str
    since_us: int
    idle_mw: int = 0
    better: str = ""
    earned_uj: int = 0
    asked: str = ""
    asked_at_us: int = 0
    off: ModeFault | None = None


@dataclass(slots=True)
class OtherMode:
    """A mode that may be entered: of each variant energy and latency over those here, and the idle power beyond (W)."""

    name: str
    ratios: dict[str, tuple[float, float]]
    idle_w: float


@dataclass(slots=True)
class Modes:
    """What is known of power modes this tick. ``wanted``: the policy lists modes, so one of them may be asked for."""

    memory: Shift
    others: list[OtherMode]
    wanted: bool
    reference: str = ""


def follow(memory: Shift | None, seen: PowerMode, idle_mw: int, now_us: int) -> Shift:
    """The memory after the mode in force was read back."""
    if memory is None:
        return Shift(seen.name, now_us, idle_mw, off=seen.fault)
    off = memory.off or seen.fault
    memory = memory._replace(idle_mw=idle_mw or memory.idle_mw, off=off)
    if seen.name != memory.here:
        if seen.name != memory.asked:
            off = off or ModeFault.CHANGED_ELSEWHERE
        return memory._replace(here=seen.name, since_us=now_us, better="", earned_uj=0, asked="", off=off)
    if memory.asked and (off is not None or now_us - memory.asked_at_us >= TAKES_US):
        return memory._replace(asked="", off=off or ModeFault.NOT_TAKEN)
    return memory


def choose(
    modes: Modes,
    options: list[Option],
    caps: Caps,
    best: Best,
    on_time: Callable[[Option], bool],
    now_us: int,
    dt_s: float,
) -> Shift:
    """The memory after this tick's comparison; ``asked`` says which mode the board is to be in.

    A mode must be right for the reference too, since it serves whenever the others may not: of what the best variant gains and
    what the reference gains, the larger counts, whichever way it points. A variant that is late too often is worth nothing.
    """
    memory = modes.memory
    if memory.off is not None or memory.asked or not modes.others:
        return memory._replace(better="", earned_uj=0)
    safe = [option for option in options if option.name == modes.reference]

    def worth(those: list[Option], left: Caps) -> float:
        return _worth([one for one in those if on_time(one)], left, best)

    here = worth(options, caps), worth(safe, caps)
    found = []
    for other in modes.others:
        left = _shifted(caps, other)
        gain_w = worth(_in_mode(options, other), left) - here[0]
        safe_w = worth(_in_mode(safe, other), left) - here[1]
        found.append((safe_w if abs(safe_w) > abs(gain_w) else gain_w, other.name))
    gain_w, name = max(found)
    gain_w -= GAIN_SHARE * caps.base_w
    so_far = memory.earned_uj if name == memory.better else 0
    earned = max(0, min(int(COST_J * 1e6), so_far + int(gain_w * dt_s * 1e6)))
    if earned < int(COST_J * 1e6) or now_us - memory.since_us < DWELL_US:
        return memory._replace(better=name, earned_uj=earned)
    return memory._replace(better="", earned_uj=0, asked=name, asked_at_us=now_us)


def _worth(options: list[Option], caps: Caps, best: Best) -> float:
    """What the best plan earns; a pause where nothing keeps the limits."""
    worth = -caps.base_w
    for option in options:
        plan = None if option.forbidden else best(option, caps)
        if plan is not None:
            worth = max(worth, plan.worth_w)
    return worth


def _in_mode(options: list[Option], other: OtherMode) -> list[Option]:
    """The options as the figures of the other mode have them; a variant that was not measured there is none."""
    found = []
    for option in options:
        ratio = other.ratios.get(option.name)
        if ratio is not None:
            energy, latency = ratio
            a, b, c = option.doubt
            doubt = (a, b * energy, c * energy * energy)
            found.append(replace(option, joules=option.joules * energy, latency_us=option.latency_us * latency, doubt=doubt))
    return found


def _shifted(caps: Caps, other: OtherMode) -> Caps:
    return replace(caps, base_w=caps.base_w + other.idle_w)
