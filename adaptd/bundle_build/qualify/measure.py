"""Back-to-back runs: how long an inference takes when nothing waits, how many cores that keeps busy, and who else was at work.

On which device that was is part of it: a certificate belongs to device, bundle and band, and is never carried over silently.
"""

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adaptd.engine.base import Engine, fingerprint_of, probe_batch

MILLION = 1_000_000
ISA = ("amx_int8", "avx512_vnni", "avx_vnni", "avx2", "i8mm", "asimddp")  # best first: INT8 rounds alike within one of these


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
        ticks = [int(word) for word in _text(root / "proc/stat").partition("\n")[0].split()[1:9]]
    except ValueError:
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


def device_words(backend: str, threads: int, root: Path) -> str:
    """Processor, instruction set, cores, board and runtime versions, in one line."""
    import onnxruntime

    cores = len(os.sched_getaffinity(0))
    board = _text(root / "proc/device-tree/model").strip("\0 \n") or platform.machine()
    processor = " ".join(_cpuinfo(root, "model name").split())
    runtime = f"onnxruntime {onnxruntime.__version__}" if backend == "ort" else backend
    words = [board, processor, instruction_set(root), f"{cores} cores", f"{threads or cores} threads", runtime]
    return ", ".join(word for word in words if word)


def instruction_set(root: Path) -> str:
    """The widest integer instruction set that the processor names; INT8 results differ between them."""
    flags = set(_cpuinfo(root, "flags", "Features").split())
    return next((name for name in ISA if name in flags), "")


def fingerprint(engine: Engine) -> str:
    """What the engine answers to the fixed probe, as the worker tells it of its own engines."""
    return fingerprint_of(engine.infer(probe_batch(engine.input_shape)))


def _cpuinfo(root: Path, *keys: str) -> str:
    lines = (line.partition(":") for line in _text(root / "proc/cpuinfo").splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() in keys), "")


def _text(path: Path) -> str:
    """What a file says, nothing where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
