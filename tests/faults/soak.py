"""A long life in short: a million ticks of brain and log on an accelerated clock, or a real daemon for a real hour.

python -m tests.faults.soak --ticks 1000000 --control 50000
python -m tests.faults.soak --hours 1

An hour does not tell 1 MB a day (42 kB an hour) from nothing by itself: the estimate comes with its 95 % range, beside it stand
the blocks that the interpreter has handed out, and the million ticks show the growth with every decision far more sharply.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.growth import growth
from tests.faults.service import Service, verified
from tests.readings import sensed

DAY_S = 86_400
MOST_KB_A_DAY = 1024.0
SAMPLES = 100
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


def open_files(pid: int | str = "self") -> int:
    """Open file descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))


@dataclass
class Life:
    """What was sampled over an accelerated life: days, private memory in kB, blocks of the interpreter, open files."""

    memory: list[tuple[float, float]] = field(default_factory=list)
    blocks: list[tuple[float, float]] = field(default_factory=list)
    files: set[int] = field(default_factory=set)

    def sample(self, days: float) -> None:
        """Look at this process now."""
        gc.collect()
        self.memory.append((days, memory_kb("self")[1]))
        self.blocks.append((days, sys.getallocatedblocks()))
        self.files.add(open_files())

    def good(self) -> bool:
        """Whether memory surely grows by less than 1 MB a day, and nothing stays open."""
        return growth(self.memory).most < MOST_KB_A_DAY and len(self.files) == 1


def accelerated(ticks: int, leak: Callable[[], object] | None = None) -> Life:
    """``ticks`` seconds of a day-night device through ``tick.step`` and the log, as fast as they go.

    ``leak`` is called once a tick and what it gives is kept: the negative control.
    """
    from adaptd.brain import tick
    from adaptd.config.policy import load_policy
    from adaptd.config.profile import load_profile
    from adaptd.log.format.binding import Binding, code_hash
    from adaptd.log.write.opening import open_ledger
    from adaptd.log.write.recorder import Recorder, Settings
    from adaptd.vocabulary import OperatingPoint, Prior, Served, Shadow, Telemetry, VariantFacts
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
        life, kept = Life(), []
        for index in range(ticks):
            clock[0] += 1_000_000
            day = abs((index % DAY_S) / DAY_S * 2 - 1)
            frames = point.fps_mfps // 1000
            shadows = (Shadow("bright", "int8", 0),) if index % 3 == 0 else ()
            worker = Telemetry(
                True, point, frames, served=(Served(point.variant, frames, frames * 4_500, 6_000),), shadows=shadows
            )
            heat_mc, watts_mw = 48_000 + int(9_000 * day) + index % 7 * 30, 6_500 + (index * 7919) % 90
            snapshot = sensed(clock[0], heat_mc, watts_mw, int(1_000_000 * day) + 500, worker)
            state, verdict = tick.step(state, snapshot, policy, profile)
            recorder.decision(snapshot, verdict, state)
            point = verdict.point
            if leak is not None:
                kept.append(leak())
            if index % (ticks // SAMPLES) == 0:
                print(f"\r{index * 100 // ticks} %", end="", file=sys.stderr)
                if index > ticks // 10:
                    life.sample(index / DAY_S)
        recorder.close()
        size_mb = sum(path.stat().st_size for path in (Path(folder) / "log").rglob("*") if path.is_file()) / 1e6
    days = ticks / DAY_S
    print(f"\n{ticks} ticks ({days:.1f} days at 1 Hz): open files {sorted(life.files)}, log {size_mb / days:.1f} MB a day")
    print(f"private memory {growth(life.memory).words('MB a day', 1 / 1024)}, blocks {growth(life.blocks).words('a day')} (95 %)")
    return life


def control(ticks: int) -> bool:
    """Whether a leak of one small number a tick (32 bytes, 2.6 MB a day) and one of a file an hour are noticed."""
    number, files = iter(range(ticks + 1)), []

    def hourly() -> None:
        if next(number) % 3600 == 0:
            files.append(open(os.devnull))  # noqa: SIM115 - it is to stay open

    leaks = accelerated(ticks, lambda: float(next(number)))
    number = iter(range(ticks + 1))
    stays = accelerated(ticks, hourly)
    for file in files:
        file.close()
    noticed = not leaks.good(), len(stays.files) > 1
    for what, found in zip(("memory", "files"), noticed, strict=True):
        print(f"control: a leak of {what} is {'noticed' if found else 'NOT NOTICED'}")
    return all(noticed)


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
    return told(samples) | (report["verdict"] != "valid")


def told(samples: Path) -> int:
    """What the samples of a real daemon say, after half of the time as warm-up."""
    lines = [line.split(",") for line in samples.read_text().splitlines()]
    rows = [dict(zip(lines[0], map(float, line), strict=True)) for line in lines[1:]]
    rows = rows[len(rows) // 2 :]
    files = {row["files"] for row in rows}
    found = {name: growth([(row["t_s"] / DAY_S, row[name]) for row in rows]) for name in ("dirty_kb", "blocks")}
    print(f"{len(rows)} samples over {(rows[-1]['t_s'] - rows[0]['t_s']) / 60:.0f} min after warm-up, files {sorted(files)}:")
    for name, unit, factor in (("dirty_kb", "MB a day", 1 / 1024), ("blocks", "blocks a day", 1.0)):
        least, most = min(row[name] for row in rows), max(row[name] for row in rows)
        print(f"  control process {name}: {found[name].words(unit, factor)} (95 %), between {least:.0f} and {most:.0f}")
    lives = [[row for row in rows if row["worker"] == worker] for worker in {row["worker"] for row in rows}]
    life = max(lives, key=len)
    worker = growth([(row["t_s"] / DAY_S, row["worker_dirty_kb"]) for row in life])
    print(
        f"  worker dirty_kb: {worker.words('MB a day', 1 / 1024)} (95 %) over {len(life)} samples of one process of {len(lives)}"
    )
    return 0 if found["dirty_kb"].least < MOST_KB_A_DAY and len(files) == 1 else 1


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


def memory_kb(pid: int | str) -> tuple[int, int]:
    """Resident and private dirty memory of a process."""
    found = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return int(found["Rss"].split()[0]), int(found["Private_Dirty"].split()[0])


def threads(pid: int) -> int:
    """Threads of a process."""
    return len(os.listdir(f"/proc/{pid}/task"))


def main(argv: list[str] | None = None) -> int:
    """One of the two soaks, or what the samples of an earlier one say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ticks", type=int, default=0)
    parser.add_argument("--hours", type=float, default=0)
    parser.add_argument("--tick", default="1s", help="of the real daemon; at 100ms an hour holds ten hours' decisions")
    parser.add_argument("--samples", type=Path, default=Path("soak.csv"), help="where the samples of the real daemon go")
    parser.add_argument("--read", type=Path, help="say again what these samples say")
    parser.add_argument("--control", type=int, default=0, metavar="TICKS", help="leaks that must be noticed, over so many ticks")
    arguments = parser.parse_args(argv)
    bad = arguments.ticks > 0 and not accelerated(arguments.ticks).good()
    bad |= arguments.control > 0 and not control(arguments.control)
    bad |= arguments.hours > 0 and bool(real(arguments.hours, arguments.tick, arguments.samples))
    bad |= arguments.read is not None and bool(told(arguments.read))
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
