"""Whether the machine was its own while figures were taken."""

import os
from pathlib import Path

import pytest

from adaptd.bundle_build.qualify.measure import MILLION, Load, load
from adaptd.bundle_build.qualify.qualify import QUIET_PPM, _busy


def test_what_others_took_is_what_was_busy_without_this_process() -> None:
    """Two cores for ten seconds, this process kept one busy and others half a one: a quarter of the machine was theirs."""
    before = Load(100, 1000, 7)
    assert Load(100 + 15 * MILLION, 1000 + 20 * MILLION, 7 + 10 * MILLION).others_ppm(before) == 250_000
    assert Load(100 + 5 * MILLION, 1000 + 20 * MILLION, 7 + 6 * MILLION).others_ppm(before) == 0


def test_the_kernels_line_is_read_and_waiting_counts_as_idle(tmp_path: Path) -> None:
    """User, system and steal are busy; idle and waiting for the disk are not."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "stat").write_text("cpu  10 0 20 300 40 0 0 30 5 0\ncpu0 1 1 1 1\n")
    tick_us = MILLION // os.sysconf("SC_CLK_TCK")
    found = load(tmp_path)
    assert (found.busy_us, found.all_us) == (60 * tick_us, 400 * tick_us)


@pytest.mark.parametrize("text", [None, "cpu x y"])
def test_a_machine_that_does_not_say_is_taken_as_idle(tmp_path: Path, text: str | None) -> None:
    """No figure is refused for want of the kernel's word."""
    if text is not None:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc" / "stat").write_text(text)
    before = load(tmp_path)
    assert load(tmp_path).others_ppm(before) == 0


def test_a_busy_machine_is_a_warning_and_a_quiet_one_none() -> None:
    """Up to a tenth is noise; above it the line says what is wrong and what to do."""
    assert _busy(QUIET_PPM) == []
    assert "30 % of its cores" in _busy(300_000)[0]
    assert "qualify again" in _busy(300_000)[0]
