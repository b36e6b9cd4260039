"""What the worker benchmarks share: the shipped bundle and clip, and the worker's own loop without its threads."""

import gc
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adaptd.base.clock import SystemClock
from adaptd.config.shipped import engines_dir
from adaptd.engine.backends import EngineOptions, open_pool
from adaptd.engine.bundle import Bundle
from adaptd.engine.pool import WarmPool
from adaptd.vision.answers import head_of
from adaptd.vision.preprocess import Preprocessor
from adaptd.vocabulary import Setpoint
from adaptd.worker import lease as leases
from adaptd.worker.latest_frame import Frame, LatestFrame
from adaptd.worker.loop import FrameLoop
from adaptd.worker.loop_parts import LoopParts
from adaptd.worker.results import Results

BUNDLE = engines_dir() / "pet-bowl"
CLIP = BUNDLE / "clip" / "day-to-night.mp4"
NEVER_US = 10**13


class Rig:
    """A warm pool and the worker's frame loop around it; frames are handed in one by one."""

    def __init__(self, bundle: Bundle, pool: WarmPool, results: str = "") -> None:
        self.bundle = bundle
        self.pool = pool
        self.clock = SystemClock()
        self.slot = LatestFrame()
        self.said: list[Any] = []
        manifest = bundle.manifest
        self.results = Results(results, manifest.classes, (manifest.input_shape[-2], manifest.input_shape[-1]))
        parts = LoopParts(
            pool,
            Preprocessor(manifest.preprocessing),
            head_of(manifest),
            self.slot,
            self.results,
            self.clock,
            self.said.append,
            lambda rate: None,
            lambda: None,
        )
        normal = dict.fromkeys(pool.warm, NEVER_US)  # a noisy machine must not set engines aside in a benchmark
        self.loop = FrameLoop(parts, leases.start(manifest.reference, 15_000), NEVER_US, normal)
        self.seq = 0

    def order(self, variant: str) -> None:
        """Ask for a variant, as the daemon would."""
        self.seq += 1
        self.loop.offer(Setpoint(self.seq, variant, 15_000, NEVER_US, 0, "", "bench"))

    def offer(self, image: Any, index: int) -> None:
        """Put a frame into the slot: the source thread's work."""
        self.slot.put(Frame(image, index, self.clock.now_us()))


@contextmanager
def rig(bundle_dir: Path, threads: int, results: str = "") -> Iterator[Rig]:
    """An activated rig, taken down at the end."""
    bundle = Bundle.open(bundle_dir, backend="ort")
    pool = open_pool(bundle, "ort", options=EngineOptions(threads=threads))
    pool.activate()
    made = Rig(bundle, pool, results)
    gc.collect()
    gc.freeze()
    try:
        yield made
    finally:
        gc.unfreeze()
        made.results.close()
        pool.close()


def frames(count: int, path: Path = CLIP) -> list[Any]:
    """``count`` frames spread over the clip, decoded."""
    import cv2

    capture = cv2.VideoCapture(str(path))
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    wanted = {index * total // count for index in range(count)}
    found = []
    for index in range(total):
        done, image = capture.read()
        if done and index in wanted:
            found.append(image)
    capture.release()
    return found


def quantile(values: list[float], share: float) -> float:
    """Nearest-rank quantile."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def median(values: list[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def now_us() -> float:
    """Microseconds with a fraction."""
    return time.perf_counter_ns() / 1000


def cpu_us() -> float:
    """Processor time of this process, all threads, in microseconds."""
    return time.process_time_ns() / 1000
