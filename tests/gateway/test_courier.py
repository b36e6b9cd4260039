"""New checkpoints are sent by a helper process: each once, tried again where it was not taken, told of once."""

import asyncio
from pathlib import Path
from typing import Any

from adaptd.gateway.child import Done
from adaptd.gateway.courier import AT_MOST_EVERY_S, Courier
from adaptd.gateway.plugins import Arguments, plug_ins


def status(seq: int) -> dict[str, Any]:
    return {"audit": {"checkpoint_seq": seq, "folder": "/log"}}


def test_each_new_checkpoint_is_sent_once_and_again_where_it_was_not_taken() -> None:
    """No checkpoint, a known one or less than a minute: nothing; a failure is told once, and so is its end."""
    ran: list[tuple[str, ...]] = []
    told: list[str] = []
    clock = [0.0]
    codes = iter([0, 1, 1, 0])

    async def run(words: tuple[str, ...], deadline_s: float) -> Done:
        assert deadline_s > 0
        ran.append(words)
        code = next(codes)
        return Done(code, b"", "" if code == 0 else "no answer")

    arguments = Arguments(Path("/s"), checkpoint_to=("https://w.example", "/usb/note"), checkpoint_keep=Path("/keep"))
    courier = Courier(arguments, told.append, run, lambda: clock[0])

    def see(seq: int, at_s: float) -> int:
        clock[0] = at_s
        asyncio.run(courier.seen(status(seq)))
        return len(ran)

    assert see(-1, 0) == 0
    assert see(1023, 1) == 1
    assert ran[0] == ("audit", "send", "/log", "--to", "https://w.example", "--to", "/usb/note", "--keep", "/keep")
    assert see(1023, 500) == 1
    assert see(2047, 501) == 2
    assert see(2047, 501 + AT_MOST_EVERY_S - 1) == 2
    assert see(2047, 501 + AT_MOST_EVERY_S) == 3
    assert see(2047, 700) == 4
    assert see(2047, 900) == 4
    assert told == ["checkpoints: no answer", "checkpoints: taken again"]


def test_it_runs_where_a_target_is_given() -> None:
    """Without one there is no such plug-in."""
    assert plug_ins(Arguments(Path("/s")), print) == []
    (one,) = plug_ins(Arguments(Path("/s"), checkpoint_to=("x",)), print)
    assert one.name == "checkpoints"
