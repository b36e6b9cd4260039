"""The legal moves between modes, as a table: (mode, event) -> mode. What is not in it raises and changes nothing.

Protection is left through the reference or a reduced rate, never straight into an efficient variant; a stop is left through the
reference; a fault is left only when a person resets it (a restart or a policy reload).
"""

from enum import Enum

from adaptd.vocabulary import Mode


class Event(str, Enum):
    """What the controller wants this tick."""

    SERVE_REFERENCE = "serve_reference"
    SERVE_EFFICIENT = "serve_efficient"
    REDUCE = "reduce"
    PROTECT = "protect"
    STOP = "stop"
    FAULT = "fault"
    RESET = "reset"

    __hash__ = str.__hash__


class IllegalMoveError(Exception):
    """A move that the table does not hold."""


_SERVING = {
    Event.SERVE_REFERENCE: Mode.REFERENCE,
    Event.SERVE_EFFICIENT: Mode.EFFICIENT,
    Event.REDUCE: Mode.REDUCED,
    Event.PROTECT: Mode.PROTECT,
    Event.STOP: Mode.STOPPED,
    Event.FAULT: Mode.FAULT,
}

TABLE: dict[tuple[Mode, Event], Mode] = {
    **{(mode, event): to for mode in (Mode.REFERENCE, Mode.EFFICIENT, Mode.REDUCED) for event, to in _SERVING.items()},
    **{(Mode.PROTECT, event): to for event, to in _SERVING.items() if event is not Event.SERVE_EFFICIENT},
    (Mode.STOPPED, Event.STOP): Mode.STOPPED,
    (Mode.STOPPED, Event.SERVE_REFERENCE): Mode.REFERENCE,
    (Mode.STOPPED, Event.FAULT): Mode.FAULT,
    (Mode.FAULT, Event.FAULT): Mode.FAULT,
    (Mode.FAULT, Event.RESET): Mode.REFERENCE,
}


def move(mode: Mode, event: Event) -> Mode:
    """The mode after ``event``.

    Raises:
        IllegalMoveError: the table holds no such move.
    """
    to = TABLE.get((mode, event))
    if to is None:
        raise IllegalMoveError(f"{mode.value}: {event.value} is no legal move from here")
    return to


def legal(mode: Mode, event: Event) -> bool:
    """Whether the table holds the move."""
    return (mode, event) in TABLE


def diagram() -> str:
    """The table as a Mermaid state diagram; moves of one pair of modes share an arrow, staying is left out."""
    arrows: dict[tuple[Mode, Mode], list[str]] = {}
    for (start, event), to in TABLE.items():
        if start is not to:
            arrows.setdefault((start, to), []).append(event.value)
    lines = ["stateDiagram-v2", f"    [*] --> {Mode.REFERENCE.value}"]
    lines += [f"    {start.value} --> {to.value}: {', '.join(sorted(events))}" for (start, to), events in sorted(arrows.items())]
    return "\n".join(lines) + "\n"
