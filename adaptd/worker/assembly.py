"""From the first message to a running worker: lock, bundle, engines, source, loop, in the order that fails cheapest first."""

import os
import threading
from contextlib import ExitStack
from pathlib import Path

from adaptd.base.clock import SystemClock
from adaptd.base.redact import redact
from adaptd.base.unix_socket import SocketError
from adaptd.config.engine_answers import packed
from adaptd.config.errors import ConfigError
from adaptd.config.manifest import Manifest, facts
from adaptd.engine.backends import EngineOptions, open_pool
from adaptd.engine.base import answers_of, probe_batch
from adaptd.engine.bundle import Bundle
from adaptd.engine.errors import EngineError
from adaptd.engine.pool import WarmPool
from adaptd.protocol.messages import Begin, EngineInfo, Fault, Hello, ToDaemon
from adaptd.protocol.source_spec import SourceError
from adaptd.protocol.wire import Channel
from adaptd.vision.answers import head_of
from adaptd.vision.preprocess import Preprocessor
from adaptd.worker import lease as leases
from adaptd.worker.grabbers import Grabbers
from adaptd.worker.health import spin_wanted
from adaptd.worker.link import Link, Speaker
from adaptd.worker.loop import FrameLoop
from adaptd.worker.loop_parts import LoopParts
from adaptd.worker.move_over import PoolMaker, Stage
from adaptd.worker.preview import NAME as PREVIEW_NAME
from adaptd.worker.preview import Preview
from adaptd.worker.results import Results
from adaptd.worker.serving_lock import LockError, ServingLock

LATENCY_RUNS = 5
JOIN_S = 0.5
MOST_THREADS = 4  # of an engine, where nobody asked for another number


class StartError(Exception):
    """The worker cannot serve what it was asked to; one line with the remedy."""


def default_pool(begin: Begin, bundle: Bundle, spinning: bool) -> WarmPool:
    """The inactive warm pool of ``begin``, without the variants that were set aside before."""
    wanted = tuple(name for name in begin.variants if name not in begin.quarantined)
    threads = begin.threads or min(len(os.sched_getaffinity(0)), MOST_THREADS)
    options = EngineOptions(threads=threads, spinning=spinning, cameras=len(begin.streams))
    return open_pool(bundle, begin.backend, wanted, options=options, budget_mb=begin.memory_limit_mb)


def serve(begin: Begin, channel: Channel, clock: SystemClock, make_pool: PoolMaker = default_pool) -> int:
    """Start, serve until stopped, take everything down again; the exit code.

    Raises:
        StartError: nothing is served, nothing is left behind.
    """
    began_us = clock.now_us()
    speaker = Speaker(channel)
    with ExitStack() as undo:
        undo.callback(clock.stopping.set)
        try:
            lock = _lock(begin, undo)
            grabbers = Grabbers(begin, clock, speaker)
            for grabber in grabbers.all:
                _start(grabber, clock, undo)
            bundle = Bundle.open(Path(begin.bundle), backend=begin.backend, digest=begin.digest, isolate=True)
            manifest, spinning = bundle.manifest, _spinning(begin, bundle.manifest)
            pool = make_pool(begin, bundle, spinning)
            undo.callback(pool.close)
            pool.activate()
            normal_us = _normal_latencies(pool, clock)
            results = Results(begin.results, manifest.classes, (manifest.input_shape[-2], manifest.input_shape[-1]))
            undo.callback(results.close)
            parts = LoopParts(
                pool,
                Preprocessor(manifest.preprocessing),
                head_of(manifest, begin.miss_weight_ppm / 1_000_000),
                grabbers.slot,
                results,
                clock,
                speaker.tell,
                grabbers.set_rate,
                grabbers.next_us,
                grabbers.names,
            )
        except (EngineError, SourceError, SocketError, LockError, ValueError) as error:
            raise StartError(str(error)) from None
        lease = leases.resume(begin.variants[0], begin.safe_mfps, begin.start_mfps, clock.now_us())
        loop = FrameLoop(parts, lease, begin.deadline_us, normal_us, begin.touch_us)
        if begin.preview and begin.results:
            _preview(begin, loop, clock, undo)
        link = Link(begin, channel, speaker, clock, loop, grabbers, results, lock)

        def greeting(begin: Begin, pool: WarmPool, normal_us: dict[str, int], start_us: int) -> list[ToDaemon]:
            now_us = clock.now_us()
            hello = _hello(begin, pool, grabbers, spinning=spinning, normal_us=normal_us, start_us=start_us, now_us=now_us)
            return [hello, *(Fault("engine", why, now_us, name) for name, why in pool.faults.items())]

        for message in greeting(begin, pool, normal_us, clock.now_us() - began_us):
            speaker.tell(message)
        stage = Stage(begin, pool, loop, clock, speaker, make_pool, lambda own: _normal_latencies(own, clock), greeting)
        stage.link, link.move_over = link, stage.ask
        undo.callback(stage.stop)
        _start(link, clock, undo)
        grabbers.set_rate(lease.point.fps_mfps)  # until now no frame was wanted, so none was decoded or dropped
        return stage.run()


def _lock(begin: Begin, undo: ExitStack) -> ServingLock | None:
    if not begin.results:
        return None
    lock = ServingLock(begin.results)
    lock.acquire()
    undo.callback(lock.release)
    return lock


def _preview(begin: Begin, loop: FrameLoop, clock: SystemClock, undo: ExitStack) -> None:
    """Let who may read results see the newest picture; a socket that cannot be made is no reason not to serve."""
    try:
        preview = Preview(str(Path(begin.results).with_name(PREVIEW_NAME)), lambda: loop.seen.images[0], clock)
    except SocketError:
        return
    undo.callback(preview.close)
    _start(preview, clock, undo)


def _spinning(begin: Begin, manifest: Manifest) -> bool:
    """What was asked for, else whether the reference's qualified latency leaves no idle time at the safe rate."""
    if begin.variants[:1] != (manifest.reference,):
        raise ValueError(f"{begin.bundle}: its reference is {manifest.reference}; name the same one in the policy")
    if begin.spinning is not None:
        return begin.spinning
    try:
        return spin_wanted(facts(manifest, begin.backend)[0].latency_us, begin.safe_mfps * len(begin.streams))
    except ConfigError:
        return False


def _normal_latencies(pool: WarmPool, clock: SystemClock) -> dict[str, int]:
    """The quickest of a few runs of each warm engine, in microseconds: other work on the machine stretches, nothing shortens."""
    normal = {}
    for name in pool.warm:
        engine = pool.engine(name)
        batch = probe_batch(engine.input_shape)
        taken = []
        for _ in range(LATENCY_RUNS):
            began_us = clock.now_us()
            engine.infer(batch)
            taken.append(clock.now_us() - began_us)
        normal[name] = min(taken)
    return normal


def _hello(
    begin: Begin, pool: WarmPool, grabbers: Grabbers, *, spinning: bool, normal_us: dict[str, int], start_us: int, now_us: int
) -> Hello:
    engines = [
        EngineInfo(
            name,
            pool.engine(name).precision,
            pool.engine(name).memory_mb,
            warm=True,
            latency_us=normal_us[name],
            fingerprint=pool.fingerprint(name),
            answers=packed(answers_of(pool.engine(name))) if name == begin.variants[0] else "",
        )
        for name in pool.warm
    ]
    engines += [EngineInfo(name, "", 0, warm=False, latency_us=0) for name in pool.quarantined]
    return Hello(
        pid=os.getpid(),
        backend=begin.backend,
        engines=tuple(engines),
        source=", ".join(f"{one.name}={redact(one.source)}" if one.name else redact(one.source) for one in begin.streams),
        source_mfps=grabbers.mfps,
        spinning=spinning,
        start_us=start_us,
        at_us=now_us,
    )


def _start(thread: threading.Thread, clock: SystemClock, undo: ExitStack) -> None:
    """At the end a thread is given time to notice the stop; one that is stuck in a driver is left to the end of the process."""
    thread.start()
    undo.callback(thread.join, JOIN_S)
    undo.callback(clock.stopping.set)
