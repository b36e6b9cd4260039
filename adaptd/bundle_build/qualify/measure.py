"""Back-to-back runs: how long an inference takes when nothing waits, how many cores that keeps busy, and who else was at work."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adaptd.engine.base import Engine, probe_batch

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """``frames`` inferences in ``wall_us``, during which this process used ``cpu_us`` of processor time."""

    frames: int
    wall_us: int
    cpu_us: int

    @property
    def mean_us(self) -> int:
        return self.wall_us // max(self.frames, 1)

    @property
    def busy_ppm(self) -> int:
        """Busy cores in millionths: processor time over wall time."""
        return self.cpu_us * MILLION // max(self.wall_us, 1)

    def plus(self, other: "Run") -> "Run":
        """Both runs as one."""
        return Run(self.frames + other.frames, self.wall_us + other.wall_us, self.cpu_us + other.cpu_us)


@dataclass(frozen=True, slots=True)
class Load:
    """Processor time so far, in microseconds: of the whole machine, busy and in all, and of this process."""

    busy_us: int
    all_us: int
    own_us: int

    def others_ppm(self, before: "Load") -> int:
        """The share of the machine's cores that other work took since ``before``."""
        busy_us = (self.busy_us - before.busy_us) - (self.own_us - before.own_us)
        return max(0, busy_us) * MILLION // max(1, self.all_us - before.all_us)


def load(root: Path) -> Load:
    """Now. A machine that does not say counts as idle (Linux /proc/stat, first line, ticks; the fourth and fifth are idle)."""
    try:
        line = (root / "proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
        ticks = [int(word) for word in line.split()[1:9]]
    except (OSError, ValueError):
        ticks = []
    tick_us = MILLION // os.sysconf("SC_CLK_TCK")
    idle = sum(ticks[3:5])
    return Load((sum(ticks) - idle) * tick_us, sum(ticks) * tick_us, time.process_time_ns() // 1000)


def saturate(engine: Engine, seconds: float) -> Run:
    """Run the fixed probe back to back for ``seconds``, at least once."""
    batch = probe_batch(engine.input_shape)
    frames, start, cpu = 0, time.perf_counter_ns(), time.process_time_ns()
    end = start + int(seconds * 1e9)
    while frames == 0 or time.perf_counter_ns() < end:
        engine.infer(batch)
        frames += 1
    return Run(frames, (time.perf_counter_ns() - start) // 1000, (time.process_time_ns() - cpu) // 1000)


def saturate_all(engines: Mapping[str, Engine], seconds: float, rounds: int = 4) -> dict[str, Run]:
    """Each engine for ``seconds`` in ``rounds`` pieces, every other round in reverse order, so that drift hits all alike."""
    total = dict.fromkeys(engines, Run(0, 0, 0))
    for turn in range(rounds):
        for name in sorted(engines, reverse=turn % 2 == 1):
            total[name] = total[name].plus(saturate(engines[name], seconds / rounds))
    return total
