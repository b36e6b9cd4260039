"""Negative controls of the fault drills: each drill must fail on a machine that does worse.

The drills that take minutes bring their own controls with them (`python -m tests.faults.api`, `.daemon`, `.sensors`, `.soak`).
"""

import math
import random
from pathlib import Path

import pytest

from adaptd.supervise import signs as supervision
from tests.daemon.test_loop_clock import Turned, begin, ticks
from tests.daemon.test_loop_clock import daemon as clockwork
from tests.engine.models import write_bundle
from tests.faults import daemon, policies
from tests.faults.growth import growth
from tests.worker import drill


def test_a_worker_that_is_restarted_late_is_too_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With three seconds of back-off the drill says TOO LATE."""
    monkeypatch.setattr(supervision, "BACK_OFF_US", (3_000_000,))
    write_bundle(tmp_path / "bundle")
    assert drill._row("SIGKILL", [drill.round_of("SIGKILL", tmp_path)])["verdict"] == "TOO LATE"


def test_a_swap_that_nobody_is_told_of_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose swaps are not heard of is found by its own count of them."""

    class Other:
        """No event is of this kind."""

    monkeypatch.setattr(drill, "Swapped", Other)
    write_bundle(tmp_path / "bundle")
    outcome = drill.round_of("NaN output", tmp_path)
    assert outcome.unlogged > 0
    assert drill._row("NaN output", [outcome])["verdict"] == "TOO LATE"


def test_a_log_with_a_hole_has_a_gap(tmp_path: Path) -> None:
    """One record taken out of the middle is counted."""
    clock = Turned()
    running, parts, _ = clockwork(tmp_path / "log", clock)
    begin(running, parts)
    ticks(running, clock, 10)
    running._end()
    assert daemon.gaps(tmp_path / "log") == 0
    (segment,) = (tmp_path / "log").glob("*.log")
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:5] + lines[6:]))
    assert daemon.gaps(tmp_path / "log") == 1


def test_a_loader_that_trusts_yaml_is_found_out() -> None:
    """PyYAML's own loader accepts bad policies of most classes: the judge counts them."""
    accepted, _ = policies.judged(policies.trusting)
    assert len(accepted) > 100


def test_growth_is_told_with_its_range() -> None:
    """A line is found to the last digit, noise widens the range, and a leak of 1 MB a day in noise of a page is outside of it."""
    exact = growth([(t / 100, 3 * t / 100) for t in range(100)])
    assert math.isclose(exact.slope, 3)
    assert exact.half_width < 1e-9
    rng = random.Random(1)
    noisy = growth([(t / 100, rng.choice((0, 4))) for t in range(1000)])
    assert noisy.least < 0 < noisy.most
    leaking = growth([(t / 100, 1024 * t / 100 + rng.choice((0, 4))) for t in range(1000)])
    assert leaking.least > 1000
