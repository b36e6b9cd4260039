"""Back-to-back runs: how long an inference takes when nothing waits, and how many cores that keeps busy."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

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
