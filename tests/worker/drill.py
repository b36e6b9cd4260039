"""Fault drills on real worker processes: bring one to serve INT8, break it, and time how long frames stay away.

``python -m tests.worker.drill --rounds 100`` runs every kind at full size and prints a table; test_faults.py runs each once.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adaptd.base.clock import monotonic_us
from adaptd.protocol.messages import Begin, Fault, Swapped, WorkerReport
from adaptd.supervise.signs import WorkerLimits
from adaptd.supervise.supervisor import Lost, Supervisor
from adaptd.vocabulary import OperatingPoint, Setpoint
from tests.engine.models import write_bundle

BY_SIGNAL = {"SIGKILL": signal.SIGKILL, "SIGSEGV": signal.SIGSEGV, "SIGSTOP": signal.SIGSTOP}
BY_ENGINE = {
    "NaN output": "nan",
    "wrong shape": "shape",
    "10x slow": "slow",
    "engine segfault": "segv",
    "engine exits": "die",
    "engine hang": "hang",
    "defect": "bug",
}
BY_DAEMON = {"daemon SIGKILL": signal.SIGKILL, "daemon SIGSTOP": signal.SIGSTOP}
KINDS = (*BY_SIGNAL, *BY_ENGINE, *BY_DAEMON)
DAEMON_LEASE_US = 500_000
LOOK_S = 0.01
POINT = OperatingPoint("int8", 30_000)
PATIENCE_S = 20.0


@dataclass
class Drill:
    """One supervised worker under a drill, and what was heard of it."""

    folder: Path
    fault: str = ""
    heard: list[Any] = field(default_factory=list)
    swaps: int = 0

    def __post_init__(self) -> None:
        begin = Begin(str(self.folder / "bundle"), "stub", ("fp16", "int8"), "pattern:64x64@30", 30_000, 66_000, report_us=20_000)
        command = (sys.executable, "-m", "tests.worker.faulty", "--fault", self.fault)
        self.supervisor = Supervisor(begin, command=command, limits=WorkerLimits(settle_us=0))
        self.supervisor.start()

    def until(self, happened: Callable[[], bool], what: str) -> None:
        """Look every LOOK_S, as a daemon would, until something has happened."""
        deadline = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < deadline, f"{what} did not happen; the last word was {self.heard[-3:]}"
            time.sleep(LOOK_S)
            for event in self.supervisor.poll():
                self.heard.append(event)
                self.swaps += isinstance(event, Swapped)

    def serve_int8(self) -> None:
        """Get the worker to the point where INT8 serves frames."""
        self.until(lambda: self.supervisor.client is not None and self.supervisor.client.hello is not None, "the start")
        self.until(lambda: self.supervisor.spare is not None and self.supervisor.spare.ready, "the spare")
        self.supervisor.set(Setpoint(1, POINT.variant, POINT.fps_mfps, 60_000_000, 0, "", "dim"))
        self.until(lambda: self.last("variant") == "int8", "a frame on int8")

    def last(self, name: str) -> Any:
        """A field of the newest result."""
        report = self.supervisor.report
        return None if report is None or report.result is None else getattr(report.result, name)

    def on_reference_since(self, at_us: int) -> int | None:
        """When the first result on the reference after ``at_us`` was there, in microseconds after it."""
        results = [event.result for event in self.heard if isinstance(event, WorkerReport) and event.result is not None]
        times = [result.at_us for result in results if result.variant == "fp16" and result.at_us > at_us]
        return min(times) - at_us if times else None


@dataclass(frozen=True)
class Outcome:
    """Microseconds from fault to detection, and from there to the first frame on the reference; swaps nobody was told of."""

    detected_us: int
    served_us: int
    unlogged: int


def round_of(kind: str, folder: Path) -> Outcome:
    """One drill of one kind, from start to stop."""
    return daemon_round(kind, folder) if kind in BY_DAEMON else worker_round(kind, folder)


def daemon_round(kind: str, folder: Path) -> Outcome:
    """Break the daemon; a subscriber sees when the worker falls back, counted from the end of the lease for a stopped one."""
    command = [sys.executable, "-m", "tests.worker.tiny_daemon", str(folder), str(DAEMON_LEASE_US)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon, socket.socket(socket.AF_UNIX) as subscriber:
        assert daemon.stdout is not None
        worker = int(daemon.stdout.readline())
        try:
            subscriber.connect(str(folder / "r.sock"))
            subscriber.settimeout(PATIENCE_S)
            with subscriber.makefile() as lines:
                _await_variant(lines, "int8")
                broken_us = monotonic_us()
                daemon.send_signal(BY_DAEMON[kind])
                back_us = _await_variant(lines, "fp16") - broken_us
        finally:
            daemon.kill()
            os.kill(worker, signal.SIGKILL)
    lease_us = DAEMON_LEASE_US if kind == "daemon SIGSTOP" else 0
    return Outcome(lease_us, max(back_us - lease_us, 0), 0)


def _await_variant(lines: Any, variant: str) -> int:
    """When the first result of ``variant`` was made."""
    for line in lines:
        result = json.loads(line)
        if result["variant"] == variant:
            return int(result["mono_us"])
    raise AssertionError(f"no frame on {variant} came")


def worker_round(kind: str, folder: Path) -> Outcome:
    """Break the worker or its engine; the supervisor tells when it saw, the newest results when the reference was back."""
    drill = Drill(folder, BY_ENGINE.get(kind, ""))
    try:
        drill.serve_int8()
        client = drill.supervisor.client
        assert client is not None
        assert client.pid is not None
        broken_us = monotonic_us()
        if kind in BY_SIGNAL:
            os.kill(client.pid, BY_SIGNAL[kind])
        drill.until(lambda: any(_tells(event, broken_us) for event in drill.heard), "the detection")
        found = next(event for event in drill.heard if _tells(event, broken_us))
        drill.until(lambda: drill.on_reference_since(found.at_us) is not None, "a frame on the reference")
        served_us = drill.on_reference_since(found.at_us)
        assert served_us is not None
        report = drill.supervisor.report
        same_life = drill.supervisor.client is client
        unlogged = report.swaps - drill.swaps if same_life and report is not None else 0
        return Outcome(found.at_us - broken_us, served_us, unlogged)
    finally:
        drill.supervisor.stop()


def _tells(event: object, since_us: int) -> bool:
    if isinstance(event, Lost):
        return True
    return isinstance(event, Fault) and event.kind in {"engine", "slow", "crash"} and event.at_us >= since_us


def main(argv: list[str] | None = None) -> int:
    """Run ``--rounds`` of each kind; 0 where every one was served again in time."""
    parser = argparse.ArgumentParser(description="Break workers on purpose and time the recovery.")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args(argv)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        write_bundle(Path(name) / "bundle")
        for kind in wanted.kind or KINDS:
            rows.append(_row(kind, [round_of(kind, Path(name)) for _ in range(wanted.rounds)]))
            if not wanted.json:
                print(
                    "{kind:16} {rounds:5} rounds  served again p50 {p50_ms:6} ms  max {max_ms:6} ms  limit {limit_ms} ms  "
                    "unlogged swaps {unlogged}  {verdict}".format(**rows[-1]),
                    flush=True,
                )
    if wanted.json:
        print(json.dumps(rows))
    return 0 if all(row["verdict"] == "ok" for row in rows) else 1


def _row(kind: str, outcomes: list[Outcome]) -> dict[str, Any]:
    served = [outcome.served_us for outcome in outcomes]
    limit_us = 3_000_000 if kind in BY_DAEMON else 2_000_000 if kind in {"SIGSTOP", "engine hang"} else 1_000_000
    unlogged = sum(outcome.unlogged for outcome in outcomes)
    return {
        "kind": kind,
        "rounds": len(outcomes),
        "detected_p50_ms": round(statistics.median(outcome.detected_us for outcome in outcomes) / 1000),
        "p50_ms": round(statistics.median(served) / 1000),
        "max_ms": round(max(served) / 1000),
        "limit_ms": limit_us // 1000,
        "unlogged": unlogged,
        "verdict": "ok" if max(served) <= limit_us and not unlogged else "TOO LATE",
    }


if __name__ == "__main__":
    raise SystemExit(main())
