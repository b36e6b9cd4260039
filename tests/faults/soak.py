"""A long life in short: a million ticks of brain and log on an accelerated clock, or a real daemon for a real hour.

python -m tests.faults.soak --ticks 1000000
python -m tests.faults.soak --hours 1
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.service import Service, verified

DAY_S = 86_400
COLUMNS = (
    "t_s",
    "rss_kb",
    "dirty_kb",
    "files",
    "threads",
    "blocks",
    "worker",
    "worker_rss_kb",
    "worker_dirty_kb",
    "worker_files",
)


def resident_kb(pid: int | str = "self") -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def open_files(pid: int | str = "self") -> int:
    """Open file descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def slope_kb(points: list[tuple[float, int]]) -> float:
    """Least-squares slope of memory over time, in kB a unit of time."""
    n = len(points)
    mean_t, mean_m = sum(t for t, _ in points) / n, sum(m for _, m in points) / n
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    return sum((t - mean_t) * (m - mean_m) for t, m in points) / spread if spread else 0.0


def accelerated(ticks: int) -> int:
    """``ticks`` seconds of a day-night device through ``tick.step`` and the log, as fast as they go."""
    from adaptd import tick
    from adaptd.config.policy import load_policy
    from adaptd.config.profile import load_profile
    from adaptd.record.binding import Binding, code_hash
    from adaptd.record.opening import open_ledger
    from adaptd.record.recorder import Recorder, Settings
    from adaptd.vocabulary import Measured, OperatingPoint, Prior, Served, Shadow, Snapshot, Telemetry, VariantFacts
    from tests.conftest import ROOT

    policy_path, profile_path = ROOT / "policies" / "feeder.yaml", ROOT / "hw_profiles" / "orin-nano-super.yaml"
    policy, profile = load_policy(policy_path), load_profile(profile_path)
    facts = (VariantFacts("fp16", 36_200, 4_430), VariantFacts("int8", 22_800, 3_490, False, (Prior("bright", 5000, 2),)))
    clock = [1_000_000]
    with tempfile.TemporaryDirectory() as folder:
        ledger, _ = open_ledger(Path(folder) / "log", boot="soak", mono_us=lambda: clock[0], utc_ms=lambda: clock[0] // 1000)
        recorder = Recorder(ledger)
        binding = Binding("soak", "0" * 64, code_hash(), (), policy.sha256, profile.sha256)
        texts = (policy_path.read_text(), profile_path.read_text())
        settings = Settings("feeder", texts[0], "orin-nano-super", texts[1], facts, 7, clock[0], binding)
        state = tick.start(policy, profile, facts, 7, clock[0])
        recorder.config(settings, state)
        point = OperatingPoint("fp16", 15_000)
        memory: list[tuple[float, int]] = []
        files: set[int] = set()
        for index in range(ticks):
            clock[0] += 1_000_000
            day = abs((index % DAY_S) / DAY_S * 2 - 1)
            frames = point.fps_mfps // 1000
            shadows = (Shadow("bright", "int8", 0),) if index % 3 == 0 else ()
            worker = Telemetry(
                True, point, frames, served=(Served(point.variant, frames, frames * 4_500, 6_000),), shadows=shadows
            )
            heat = Measured(48_000 + int(9_000 * day) + index % 7 * 30, 0, "tj")
            watts = Measured(6_500 + (index * 7919) % 90, 0, "VDD_IN")
            light = Measured(int(1_000_000 * day) + 500, 0, "iio")
            snapshot = Snapshot(clock[0], heat, watts, light, worker)
            state, verdict = tick.step(state, snapshot, policy, profile)
            recorder.decision(snapshot, verdict, state)
            point = verdict.point
            if index % (ticks // 100) == 0:
                print(f"\r{index * 100 // ticks} %", end="", file=sys.stderr)
                if index > ticks // 10:
                    memory.append((index / DAY_S, resident_kb()))
                    files.add(open_files())
        recorder.close()
        size_mb = sum(path.stat().st_size for path in (Path(folder) / "log").rglob("*") if path.is_file()) / 1e6
    slope_mb = slope_kb(memory) / 1024
    days = ticks / DAY_S
    growth = f"memory {slope_mb:+.3f} MB a day, open files {sorted(files)}"
    print(f"\n{ticks} ticks ({days:.1f} days at 1 Hz): {growth}, log {size_mb / days:.1f} MB a day")
    return 0 if slope_mb < 1 and len(files) == 1 else 1


def real(hours: float, tick: str, samples: Path) -> int:
    """A real daemon with the shipped main job for ``hours``, sampled every ten seconds into ``samples``."""
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts.csv"
        service = Service(Path(folder), tick=tick, counts=counts)
        try:
            service.serving()
            sampled(service, counts, hours * 3600, samples)
            document = service.status()
            service.end()
        finally:
            service.kill()
        report = verified(service.audit)
    print(f"frames {document['frames']}, log {report['verdict']} with {report['decisions']} decisions in {hours} h")
    return 0 if report["verdict"] == "valid" else 1


def sampled(service: Service, counts: Path, seconds: float, samples: Path) -> None:
    """One line every ten seconds about the control process and its worker."""
    began = time.monotonic()
    with samples.open("w", buffering=1) as out:
        out.write(",".join(COLUMNS) + "\n")
        while time.monotonic() - began < seconds:
            assert service.process.poll() is None, "the daemon ended"
            pid, worker = service.process.pid, service.workers()[0]
            lines = counts.read_text().splitlines() if counts.exists() else []
            blocks = int(lines[-1].split(",")[1]) if lines else 0
            row = (time.monotonic() - began, *memory_kb(pid), open_files(pid), threads(pid), blocks)
            row += (worker, *memory_kb(worker), open_files(worker))
            out.write(",".join(f"{value:.1f}" if isinstance(value, float) else str(value) for value in row) + "\n")
            time.sleep(10)


def memory_kb(pid: int) -> tuple[int, int]:
    """Resident and private dirty memory of a process."""
    found = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return int(found["Rss"].split()[0]), int(found["Private_Dirty"].split()[0])


def threads(pid: int) -> int:
    """Threads of a process."""
    return len(os.listdir(f"/proc/{pid}/task"))


def main(argv: list[str] | None = None) -> int:
    """One of the two soaks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ticks", type=int, default=0)
    parser.add_argument("--hours", type=float, default=0)
    parser.add_argument("--tick", default="1s", help="of the real daemon; at 100ms an hour holds ten hours' decisions")
    parser.add_argument("--samples", type=Path, default=Path("soak.csv"), help="where the samples of the real daemon go")
    arguments = parser.parse_args(argv)
    code = accelerated(arguments.ticks) if arguments.ticks else 0
    return code | (real(arguments.hours, arguments.tick, arguments.samples) if arguments.hours else 0)


if __name__ == "__main__":
    sys.exit(main())
