"""Loops over one engine, from bare calls to the warm pool, timed in turns within one run so that drift hits all alike."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from adaptd.engine.base import Engine, probe_batch
from adaptd.engine.cuda import PycudaGpu
from adaptd.engine.pool import WarmPool
from adaptd.engine.trt import TrtEngine
from benchmarks.rig_gpu import Served

Once = Callable[[], object]
BLOCK = 100


def bare_loop(engine: TrtEngine, gpu: PycudaGpu, *, graph: bool) -> Once:
    """The shortest Python that does the same work on the same context, stream and buffers, and names the top class."""
    channel: Any = engine._channels[0]
    cuda: Any = gpu._cuda
    batch = probe_batch(engine.input_shape)
    stream, handle = channel._stream.held, channel._stream.handle
    host_in, host_out = channel._host_in.held, channel._host_out.held
    device_in, device_out = channel._device_in.address, channel._device_out.address
    execute, synchronize, copy_in, copy_out = (
        channel._context.execute_async_v3,
        stream.synchronize,
        cuda.memcpy_htod_async,
        cuda.memcpy_dtoh_async,
    )

    def enqueue() -> int:
        host_in[...] = batch
        copy_in(device_in, host_in, stream)
        execute(handle)
        copy_out(host_out, device_out, stream)
        synchronize()
        return int(host_out.copy().argmax())

    if not graph:
        return enqueue
    held = channel._graph
    launch, executable, on = held._driver.cuGraphLaunch, held._executable, held._stream

    def replay() -> int:
        host_in[...] = batch
        launch(executable, on)
        synchronize()
        return int(host_out.copy().argmax())

    return replay


def in_turns(loops: dict[str, Once], frames: int) -> dict[str, dict[str, float]]:
    """Microseconds of each loop, measured in blocks that take turns."""
    taken: dict[str, list[int]] = {name: [] for name in loops}
    for once in loops.values():
        for _ in range(BLOCK):
            once()
    while len(next(iter(taken.values()))) < frames:
        for name, once in loops.items():
            taken[name] += [_timed(once) for _ in range(BLOCK)]
    return {name: quantiles(times) for name, times in taken.items()}


def quantiles(times_ns: list[int]) -> dict[str, float]:
    """p50, p90 and p99 in microseconds."""
    found = np.percentile(times_ns, [50, 90, 99]) / 1e3
    return {name: round(float(value), 1) for name, value in zip(("p50_us", "p90_us", "p99_us"), found, strict=True)}


def swaps(served: Served, pool: WarmPool, names: tuple[str, str], count: int) -> dict[str, object]:
    """The first frame after each of ``count`` alternating swaps, against frames of the same engines in rows without swaps.

    Rows and swaps take turns within one run, so that both meet the same clocks and the same neighbours; both are as many.
    """
    steady: dict[str, list[int]] = {name: [] for name in names}
    after: dict[str, list[int]] = {name: [] for name in names}
    pool_swap, wrong, frames = [], 0, 0
    served.counted  # noqa: B018 - what was served before does not count
    while len(after[names[0]]) + len(after[names[1]]) < count:
        for name in names:
            served.order(name)
            served.once()
            steady[name] += [_timed(served.once) for _ in range(BLOCK // 2)]
            frames += 1 + BLOCK // 2
        for turn in range(BLOCK):
            name = names[turn % 2]
            began = time.perf_counter_ns()
            served.order(name)
            pool_swap.append(time.perf_counter_ns() - began)
            after[name].append(_timed(served.once))
            wrong += pool.served_by != name
            frames += 1
    return {
        "swaps": sum(map(len, after.values())),
        "frames": frames,
        "lost": frames - served.counted,
        "on_the_wrong_engine": wrong,
        "swap_itself": quantiles(pool_swap),
        "steady": {name: quantiles(times) for name, times in steady.items()},
        "first_after_swap": {name: quantiles(times) for name, times in after.items()},
        "p99_ratio": round(max(quantiles(after[name])["p99_us"] / quantiles(steady[name])["p99_us"] for name in names), 3),
        "p50_ratio": round(max(quantiles(after[name])["p50_us"] / quantiles(steady[name])["p50_us"] for name in names), 3),
    }


def after_idle(engine: Engine, idle_s: float, rounds: int) -> dict[str, float]:
    """The first frame after a pause, left alone and touched a moment before, against the hundredth in a row."""
    batch = probe_batch(engine.input_shape)
    alone, touched, hundredth = [], [], []
    for _ in range(rounds):
        time.sleep(idle_s)
        alone.append(_timed(lambda: engine.infer(batch)))
        time.sleep(idle_s)
        for _ in range(10):
            engine.infer(batch)
        touched.append(_timed(lambda: engine.infer(batch)))
        for _ in range(99):
            engine.infer(batch)
        hundredth.append(_timed(lambda: engine.infer(batch)))
    middle = {"left_alone_us": alone, "touched_us": touched, "hundredth_us": hundredth}
    return {"idle_s": idle_s} | {name: round(float(np.median(times)) / 1e3, 1) for name, times in middle.items()}


def _timed(once: Once) -> int:
    began = time.perf_counter_ns()
    once()
    return time.perf_counter_ns() - began
