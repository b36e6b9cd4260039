"""A gateway that dies, hangs or is flooded cannot move a tick: the daemon's own log says when it decided."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from adaptd.gateway.web.tokens import REQUESTS_BURST, REQUESTS_PER_S
from tests.conftest import ROOT
from tests.faults.service import Service, decision_times_us, verified
from tests.gateway.rig import Gateway

TICK_S = 0.2
PHASE_S = 3.0
MEMORY_MB = 80


def ticks_between(times_us: list[int], began_us: int, ended_us: int) -> int:
    """Decisions on record in this time."""
    return sum(began_us <= at_us < ended_us for at_us in times_us)


def test_no_gateway_however_it_behaves_moves_a_tick(tmp_path: Path, start: Callable[..., Gateway]) -> None:
    """Hung with its request open, killed, or with 50 pages and 1,000 requests a second: every tick is on record and valid."""
    service = Service(tmp_path, tick="200ms")
    phases: dict[str, tuple[int, int]] = {}

    def phase(name: str, act: Callable[[], object]) -> None:
        began_us = time.monotonic_ns() // 1000
        act()
        phases[name] = (began_us, time.monotonic_ns() // 1000)

    try:
        service.serving()
        gateway = start(service.socket)
        gateway.serving()
        phase("quiet", lambda: time.sleep(PHASE_S))
        words = [sys.executable, "-m", "tests.gateway.crowd", str(gateway.port), "50", "1000", str(PHASE_S)]
        found: list[dict[str, int]] = []
        phase("flood", lambda: found.append(json.loads(subprocess.run(words, capture_output=True, cwd=ROOT, check=True).stdout)))
        assert found[0]["events"] >= 50, found
        took_s = (phases["flood"][1] - phases["flood"][0]) / 1e6
        assert found[0]["200"] <= REQUESTS_BURST + REQUESTS_PER_S * took_s, (
            "what a busy machine still sends of the flood is turned away"
        )
        assert gateway.rss_mb() < MEMORY_MB
        os.kill(gateway.process.pid, signal.SIGSTOP)
        phase("hung", lambda: time.sleep(PHASE_S))
        os.kill(gateway.process.pid, signal.SIGKILL)
        gateway.process.wait()
        phase("dead", lambda: time.sleep(PHASE_S))
        assert service.end()[0] == 0
        times_us = decision_times_us(service.audit)
        for name, (began_us, ended_us) in phases.items():
            due = (ended_us - began_us) / 1e6 / TICK_S
            assert ticks_between(times_us, began_us, ended_us) >= due - 2, (name, phases)
        assert verified(service.audit)["verdict"] == "valid"
    finally:
        service.kill()


def test_a_log_pruned_while_the_page_reads_it_is_no_trouble(tmp_path: Path, start: Callable[..., Gateway]) -> None:
    """Segments vanish under history, size and verifier: the page shows what is left, and nothing falls over."""
    service = Service(tmp_path, tick="200ms")
    try:
        service.serving()
        gateway = start(service.socket)
        gateway.serving()
        asked = {"X_Adaptd_Ask": "1"}
        for _ in range(3):
            for segment in sorted(service.audit.glob("*"))[:1]:
                segment.unlink(missing_ok=True) if segment.is_file() else None
            assert gateway.ask("/api/history")[0] == 200
            status, text, _ = gateway.ask("/api/verify", "POST", b"{}", **asked)
            assert status == 200, text
            assert json.loads(text)["verdict"] in ("damaged", "gap", "torn_tail", "forged", "valid", None)
        assert gateway.ask("/health")[0] == 200
        assert gateway.process.poll() is None
    finally:
        service.kill()
