"""Loops over one engine, from bare calls to the warm pool, timed in turns within one run so that drift hits all alike."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from adaptd.engine.base import Array, Engine, probe_batch
from adaptd.engine.cuda import PycudaGpu
from adaptd.engine.pool import WarmPool
from adaptd.engine.trt import TrtEngine

Once = Callable[[], object]
BLOCK = 100


def bare_loop(engine: TrtEngine, gpu: PycudaGpu, *, graph: bool) -> Once:
    """The shortest Python that does the same work on the same context, stream and buffers: what the library is compared with."""
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

    def enqueue() -> Array:
        host_in[...] = batch
        copy_in(device_in, host_in, stream)
        execute(handle)
        copy_out(host_out, device_out, stream)
        synchronize()
        return host_out.copy()  # type: ignore[no-any-return]

    if not graph:
        return enqueue
    held = channel._graph
    launch, executable, on = held._driver.cuGraphLaunch, held._executable, held._stream

    def replay() -> Array:
        host_in[...] = batch
        launch(executable, on)
        synchronize()
        return host_out.copy()  # type: ignore[no-any-return]

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


def swaps(pool: WarmPool, names: tuple[str, str], count: int) -> dict[str, object]:
    """The first frame after each of ``count`` alternating swaps, against frames of the same engines without swaps."""
    batch = probe_batch(pool.engine(names[0]).input_shape)
    steady: dict[str, list[int]] = {}
    for name in names:
        pool.swap(name)
        steady[name] = [_timed(lambda: pool.infer(batch)) for _ in range(count // 2)]
    after: dict[str, list[int]] = {name: [] for name in names}
    lost = 0
    for turn in range(count):
        name = names[turn % 2]
        began = time.perf_counter_ns()
        pool.swap(name)
        pool.infer(batch)
        after[name].append(time.perf_counter_ns() - began)
        lost += pool.served_by != name
    return {
        "swaps": count,
        "lost": lost,
        "steady": {name: quantiles(times) for name, times in steady.items()},
        "first_after_swap": {name: quantiles(times) for name, times in after.items()},
        "p99_ratio": round(max(quantiles(after[name])["p99_us"] / quantiles(steady[name])["p99_us"] for name in names), 3),
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
