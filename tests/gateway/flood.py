"""Tick jitter with a crowd at the gateway against none, in one run: `python -m tests.gateway.flood [ROUNDS]`.

Quiet and crowded phases take turns, so that whatever else the machine does falls on both. Prints both and their ratio.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from tests.conftest import ROOT
from tests.faults.service import Service, decision_times_us
from tests.gateway.rig import Gateway

TICK_US = 100_000
PHASE_S = 10.0


def main() -> int:
    """Run the phases and print what was found."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        service = Service(folder, tick="100ms")
        service.serving()
        gateway = Gateway(folder, service.socket)
        gateway.serving()
        phases: list[tuple[str, int, int]] = []
        answers = []
        cpu_s = []
        for _ in range(rounds):
            for name in ("quiet", "crowd"):
                began_us, began_cpu = time.monotonic_ns() // 1000, _cpu_s(gateway.process.pid)
                if name == "crowd":
                    words = [sys.executable, "-m", "tests.gateway.crowd", str(gateway.port), "50", "1000", str(PHASE_S)]
                    answers.append(json.loads(subprocess.run(words, capture_output=True, cwd=ROOT, check=True).stdout))
                    cpu_s.append(_cpu_s(gateway.process.pid) - began_cpu)
                else:
                    time.sleep(PHASE_S)
                phases.append((name, began_us, time.monotonic_ns() // 1000))
        rss_mb = gateway.rss_mb()
        gateway.end()
        service.end()
        times_us = decision_times_us(service.audit)
    found = {name: _jitter(times_us, [(b, e) for kind, b, e in phases if kind == name]) for name in ("quiet", "crowd")}
    for name, (median_us, p99_us, count) in found.items():
        print(f"{name:<6} jitter median {median_us:7.0f} us, 99 % {p99_us:7.0f} us, {count} ticks")
    print(f"ratio  median {found['crowd'][0] / found['quiet'][0]:.2f}, 99 % {found['crowd'][1] / found['quiet'][1]:.2f}")
    print(f"gateway {rss_mb:.1f} MB, {statistics.mean(cpu_s) / PHASE_S:.2f} of a core in the crowd; answers {answers[-1]}")
    return 0


def _jitter(times_us: list[int], spans: list[tuple[int, int]]) -> tuple[float, float, int]:
    late = []
    for began_us, ended_us in spans:
        inside = [at_us for at_us in times_us if began_us <= at_us < ended_us]
        late += [abs(after - before - TICK_US) for before, after in pairwise(inside)]
    late.sort()
    return statistics.median(late), late[int(0.99 * len(late))], len(late)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    sys.exit(main())
