"""The hand on the board: a switch is on record, read back, and the last one where it did not take effect."""

import sys
from pathlib import Path
from typing import Any

import pytest

from adaptd.config.profile import load_profile
from adaptd.config.shipped import profiles_dir
from adaptd.daemon.power_modes import PowerModes, not_there
from adaptd.sense.nvpmodel import Nvpmodel
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import ModeFault, ModeFigures
from tests.board_modes import CONF, board

FIGURES = (ModeFigures("40W", 3_199_000, "fp16", 36_200, 4430, 5970), ModeFigures("25W", 3_199_000, "fp16", 26_000, 6130, 5970))


class Book:
    """What was put on record, and what was told."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []
        self.told: list[tuple[str, str]] = []

    def note(self, kind: str, fields: dict[str, Any]) -> None:
        """One durable record."""
        self.notes.append({"kind": kind, **fields})

    def happened(self, kind: str, words: str) -> None:
        """One line."""
        self.told.append((kind, words))


def hand(root: Path, *flags: str) -> PowerModes:
    """The hand with the shipped stand-in for nvpmodel, on the test's own thread."""
    command = (sys.executable, "-m", "adaptd.twin.nvpmodel", "--root", str(root), *flags)
    return PowerModes(Nvpmodel(Sysfs(root)), command, threaded=False)


def name_of(modes: PowerModes) -> str:
    """The mode that the newest look shows."""
    seen = modes.seen()
    assert seen is not None
    return seen.name


def test_a_mode_is_asked_for_on_record_switched_and_read_back_and_put_back_at_the_end(tmp_path: Path) -> None:
    """The record comes first; at the end the board is as it was found."""
    modes, book = hand(board(tmp_path)), Book()
    modes.ask("40W", book.note)
    modes.ask(None, book.note)
    assert book.notes == []
    modes.ask("25W", book.note)
    modes.ask("25W", book.note)
    modes.poll(book.happened)
    assert book.notes == [{"kind": "power_mode", "event": "asked", "mode": "25W", "before": "40W"}]
    assert book.told == [("power_mode", "power mode 25W in force, read back")]
    assert name_of(modes) == "25W"
    modes.stop()
    assert name_of(hand(tmp_path)) == "40W"


def test_a_mode_that_somebody_else_has_set_since_is_left_as_it_is(tmp_path: Path) -> None:
    """At the end only a switch of our own is taken back."""
    modes = hand(board(tmp_path))
    modes.ask("25W", Book().note)
    board(tmp_path, number=0, cpu_khz=2201600, emc_hz=0)
    modes.work_once(0.0)
    modes.stop()
    assert name_of(hand(tmp_path)) == "MAXN"


@pytest.mark.parametrize(
    ("flags", "wanted", "fault"),
    [
        (("--deaf",), "25W", ModeFault.NOT_TAKEN),
        ((), "15W", ModeFault.NOT_TAKEN),  # it asks for a reboot, and nobody answers
        (("--fail",), "25W", ModeFault.COMMAND_FAILED),
    ],
)
def test_a_switch_that_does_not_take_effect_is_the_last_until_a_person_has_looked(
    tmp_path: Path, flags: tuple[str, ...], wanted: str, fault: ModeFault
) -> None:
    """The reason is typed and told, nothing is tried again, and a reload of the policy lifts it."""
    modes, book = hand(board(tmp_path), *flags), Book()
    modes.ask(wanted, book.note)
    modes.poll(book.happened)
    seen = modes.seen()
    assert seen is not None
    assert (seen.name, seen.fault, seen.open) == ("40W", fault, ())
    assert [kind for kind, _ in book.told] == [f"power_mode_{fault.value}"]
    modes.ask("MAXN", book.note)
    assert len(book.notes) == 1
    modes.lift()
    modes.ask("MAXN", book.note)
    assert len(book.notes) == 2


def test_a_command_that_does_not_end_or_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """Neither holds the daemon up."""
    slow = PowerModes(
        Nvpmodel(Sysfs(board(tmp_path))), (sys.executable, "-c", "import time; time.sleep(60)"), threaded=False, limit_s=0.05
    )
    slow.ask("25W", Book().note)
    assert getattr(slow.seen(), "fault", None) is ModeFault.NO_ANSWER
    none = PowerModes(Nvpmodel(Sysfs(tmp_path)), (str(tmp_path / "no-such-command"),), threaded=False)
    none.ask("25W", Book().note)
    assert getattr(none.seen(), "fault", None) is ModeFault.COMMAND_FAILED


def test_where_nobody_may_switch_the_mode_is_read_and_stale_figures_are_named_in_one_line(tmp_path: Path) -> None:
    """The line that the start, the status and the doctor print."""
    modes = hand(board(tmp_path))
    assert modes.words(FIGURES, ()) == (
        "40W, memory clock at most 3199 MHz; the engines were qualified in it; adaptd does not switch it (no modes in the policy)"
    )
    assert "adaptd may switch to 25W" in modes.words(FIGURES, ("25W", "40W"))
    stale = modes.words(FIGURES[1:], ())
    assert "qualified in 25W, so the reference serves alone" in stale
    assert "adaptd engine qualify" in stale
    assert PowerModes().words(FIGURES, ()) == ""


def test_a_run_is_refused_where_the_board_lacks_a_mode_its_file_is_broken_or_the_profile_knows_none(tmp_path: Path) -> None:
    """File, line and remedy, before anything starts."""
    text, profile = "modes: [25W, 7W]\n", load_profile(profiles_dir() / "orin-nx-16gb.yaml")
    assert not_there(board(tmp_path), ("25W",), text, "p.yaml", profile) == ""
    assert not_there(tmp_path, ("25W", "7W"), text, "p.yaml", profile).startswith("p.yaml:1:14: modes.1: 7W is no power mode")
    broken = board(tmp_path / "broken", conf=CONF.replace("ID=3", "ID=x"))
    assert not_there(broken, ("25W",), text, "p.yaml", profile).startswith("/etc/nvpmodel.conf:")
    assert not_there(tmp_path / "none", ("25W", "40W"), text, "p.yaml", profile) == ""
    plain = load_profile(profiles_dir() / "generic-x86.yaml")
    assert "generic-x86 (it has none)" in not_there(tmp_path / "none", ("25W",), text, "p.yaml", plain)
