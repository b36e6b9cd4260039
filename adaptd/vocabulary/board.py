"""Words of the board's power modes: which one holds, which ones could, and what was measured in each."""

from dataclasses import dataclass
from enum import Enum

UNREAD_MODE = "unknown"  # the board has modes, and the one in force cannot be read


class ModeFault(str, Enum):
    """Why nobody switches power modes any more, until a person has looked."""

    NOT_TAKEN = "not_taken"  # the command ended well, and the board stayed as it was
    COMMAND_FAILED = "command_failed"
    NO_ANSWER = "no_answer"  # the command did not end in time
    CHANGED_ELSEWHERE = "changed_elsewhere"  # somebody else switches this board
    UNREADABLE = "unreadable"

    __hash__ = str.__hash__


MODE_FAULT_WORDS = {
    ModeFault.NOT_TAKEN: "the board did not take the mode that was asked for",
    ModeFault.COMMAND_FAILED: "nvpmodel failed",
    ModeFault.NO_ANSWER: "nvpmodel did not end in time",
    ModeFault.CHANGED_ELSEWHERE: "somebody else changed the mode",
    ModeFault.UNREADABLE: "the mode in force cannot be read",
}


@dataclass(frozen=True, slots=True)
class PowerMode:
    """The power mode in force, as read back: its name, and the cap of its memory clock (0: not capped).

    ``open`` are the modes (name, cap of the memory clock) that may be entered from here: free of a reboot, with the right to
    switch. ``fault``: why switching is over.
    """

    name: str
    memory_khz: int
    open: tuple[tuple[str, int], ...] = ()
    fault: ModeFault | None = None


@dataclass(frozen=True, slots=True)
class ModeFigures:
    """What was measured of one variant in one power mode, and of the board without a frame.

    The key is the mode and its memory clock: figures of another mode say nothing here (arXiv 2606.16106: up to 32 % off, and the
    memory clock alone moves the median latency by 11 to 48 %).
    """

    mode: str
    memory_khz: int
    variant: str
    energy_uj: int
    latency_us: int
    idle_mw: int
