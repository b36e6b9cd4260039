"""Every mode under every event: what is legal is in the table, what is not raises and changes nothing."""

import pytest

from adaptd.brain.decide.transitions import TABLE, Event, IllegalMoveError, diagram, legal, move
from adaptd.vocabulary import Mode

SERVING = (Mode.REFERENCE, Mode.EFFICIENT, Mode.REDUCED)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("event", list(Event))
def test_every_mode_under_every_event_moves_by_the_table_or_raises(mode: Mode, event: Event) -> None:
    """There is no third way: a move that the table does not hold is an error."""
    if (mode, event) in TABLE:
        assert legal(mode, event)
        assert move(mode, event) is TABLE[mode, event]
    else:
        assert not legal(mode, event)
        with pytest.raises(IllegalMoveError, match=f"{mode.value}: {event.value}"):
            move(mode, event)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_fault_can_be_latched_from_everywhere_and_left_only_by_a_person(mode: Mode) -> None:
    """Every mode may fault; from a fault only a reset leads out, and it leads to the reference."""
    assert move(mode, Event.FAULT) is Mode.FAULT
    assert {event for event in Event if legal(Mode.FAULT, event)} == {Event.FAULT, Event.RESET}
    assert move(Mode.FAULT, Event.RESET) is Mode.REFERENCE


@pytest.mark.parametrize("mode", [Mode.PROTECT, Mode.STOPPED])
def test_protection_is_never_left_straight_into_an_efficient_variant(mode: Mode) -> None:
    """From protection or a stop the way back leads over the reference or a reduced rate."""
    assert not legal(mode, Event.SERVE_EFFICIENT)
    assert legal(mode, Event.SERVE_REFERENCE)


@pytest.mark.parametrize("mode", SERVING)
@pytest.mark.parametrize("event", [event for event in Event if event is not Event.RESET])
def test_while_serving_every_wish_is_legal(mode: Mode, event: Event) -> None:
    """A serving controller may go anywhere but through a reset."""
    assert legal(mode, event)


def test_from_every_mode_the_reference_can_be_reached() -> None:
    """No mode is a trap: some chain of legal moves leads to the reference."""
    home = {Mode.REFERENCE}
    for _ in Mode:
        home |= {mode for (mode, _event), to in TABLE.items() if to in home}
    assert home == set(Mode)


def test_the_diagram_shows_every_move_of_the_table_and_no_other() -> None:
    """The picture in the documentation is the table that the code runs."""
    text = diagram()
    for (mode, event), to in TABLE.items():
        if mode is not to:
            line = next(line for line in text.splitlines() if line.startswith(f"    {mode.value} --> {to.value}: "))
            assert event.value in line
    arrows = [line for line in text.splitlines() if "-->" in line and "[*]" not in line]
    assert len(arrows) == len({(mode, to) for (mode, _), to in TABLE.items() if mode is not to})
