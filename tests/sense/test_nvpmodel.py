"""The mode in force is what the kernel's files say, not what nvpmodel says; rights and reboots say what can be entered."""

from pathlib import Path

import pytest

from adaptd.sense.nvpmodel import Nvpmodel
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import UNREAD_MODE, ModeFault, PowerMode
from tests.board_modes import CPU, board
from tests.sense.conftest import tree


def test_the_mode_in_force_is_read_with_its_memory_clock_and_what_may_be_entered(tmp_path: Path) -> None:
    """Name, cap of the memory clock, and the modes that are free of a reboot."""
    seen = Nvpmodel(Sysfs(board(tmp_path))).read()
    assert seen == PowerMode("40W", 3_199_000, (("MAXN", 0), ("25W", 3_199_000)))


def test_a_machine_without_nvpmodel_has_no_power_mode(tmp_path: Path) -> None:
    """Nothing is invented on a plain PC."""
    assert Nvpmodel(Sysfs(tmp_path)).read() is None
    assert Nvpmodel(Sysfs(tree("orin-nx-16gb"))).read() is None


def test_a_mode_that_nvpmodel_only_claims_is_not_in_force(tmp_path: Path) -> None:
    """The status says 25W and the processor still runs at 40W's clock: that is no mode that anything was measured in."""
    seen = Nvpmodel(Sysfs(board(tmp_path, number=3))).read()
    assert seen == PowerMode(UNREAD_MODE, 0, fault=ModeFault.UNREADABLE)
    (tmp_path / CPU).write_text("1510400\n")  # the next step of the kernel's table
    rounded = Nvpmodel(Sysfs(tmp_path)).read()
    assert rounded is not None
    assert rounded.name == "25W"


def test_another_memory_clock_in_the_same_mode_is_another_key(tmp_path: Path) -> None:
    """Somebody has capped the memory beside the mode: figures of the mode's own clock do not hold."""
    seen = Nvpmodel(Sysfs(board(tmp_path, emc_hz=2133000000))).read()
    assert seen is not None
    assert (seen.name, seen.memory_khz) == ("40W", 2_133_000)


@pytest.mark.parametrize("text", ["", "pmode:", "pmode:0009", "pmode:x", "0004"])
def test_a_status_that_says_nothing_is_unreadable(tmp_path: Path, text: str) -> None:
    """No number, or one that the file does not declare: the mode is not known, and nothing may be entered."""
    (board(tmp_path) / "var/lib/nvpmodel/status").write_text(text)
    seen = Nvpmodel(Sysfs(tmp_path)).read()
    assert seen is not None
    assert (seen.fault, seen.open) == (ModeFault.UNREADABLE, ())


def test_without_the_right_to_write_nothing_may_be_entered(tmp_path: Path) -> None:
    """The mode is read all the same; one file that may not be written is enough."""
    held = Nvpmodel(Sysfs(board(tmp_path)), may_write=lambda path: not path.endswith(CPU)).read()
    assert held is not None
    assert (held.name, held.open) == ("40W", ())
