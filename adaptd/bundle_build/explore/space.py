"""What can be tried of a model: precision, layers kept in float, threads, graph level. A runtime is one class of this form."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from typing import Any, Protocol

from adaptd.bundle_build.data.images import scan
from adaptd.bundle_build.data.pictures import Pictures
from adaptd.bundle_build.data.preset import PRESETS, class_names
from adaptd.bundle_build.model.calibrate import calibrate, look
from adaptd.bundle_build.model.choose import choose
from adaptd.bundle_build.model.floats import folded, session
from adaptd.bundle_build.model.int8 import ort_int8, weighted_nodes
from adaptd.bundle_build.model.intake import take_in
from adaptd.bundle_build.model.make import Order
from adaptd.bundle_build.model.onnx_io import to_bytes
from adaptd.bundle_build.progress import Progress, silent
from adaptd.bundle_build.qualify.judge import Distance, Judge
from adaptd.vision.answers import reader

LEVELS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_ALL")
MOST_KEPT = 4  # how many of the dearest layers are kept in float at most


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run the model. ``kept`` are layers that stay in float where the rest is INT8; ``knobs`` are the runtime's."""

    precision: str
    kept: tuple[str, ...]
    knobs: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """For people."""
        kept = f", {len(self.kept)} layers in float" if self.kept else ""
        return f"{self.precision}{kept}, " + ", ".join(f"{name} {value}" for name, value in self.knobs)


class Runner(Protocol):
    """A candidate that was built and loaded."""

    def infer(self, at: int) -> None:
        """Run picture number ``at`` (taken round and round)."""


class Space(Protocol):
    """All candidates of a model on a runtime."""

    @property
    def runtime(self) -> str: ...
    def candidates(self) -> list[Candidate]: ...
    def key(self, candidate: Candidate) -> str:
        """A digest of everything that a measurement of it rests on but this machine."""

    def distance(self, candidate: Candidate) -> Distance: ...
    def load(self, candidate: Candidate) -> Runner: ...


class OrtSpace:
    """ONNX Runtime on the CPU: FP32 or INT8, with the dearest layers in float, on some threads, at some graph level.

    Raises:
        BuildError: model or pictures cannot be used.
    """

    def __init__(self, order: Order, threads: Sequence[int], progress: Progress = silent) -> None:
        source = take_in(order.model, order.wishes)
        dataset = scan(order.calibration, order.bands, order.band)
        preset = order.preset or PRESETS["imagenet" if source.head.task == "classification" else "yolo"]
        words = preset.words((source.input_shape[2], source.input_shape[3]))
        choice = choose(dataset, order.count)
        names = class_names(order.labels, dataset.labels, source.head.classes)
        held_out = Pictures(choice.held_out, words)
        with tempfile.TemporaryDirectory() as folder:
            self._graph = folded(source.data, folder)
        classes = source.head.form == "classification"
        self._judge = Judge(source.data, held_out, reader(source.head, names, words.size), classes=classes)
        spreads = look(self._graph, Pictures(choice.calibration, words), progress)
        method = "minmax" if order.method == "auto" else order.method
        self._ranges = calibrate(self._graph, spreads, method, self._judge).ranges
        self._batches = [batch for _, batch in held_out]
        self._threads = tuple(threads)
        self._float = source.data
        self._made: dict[tuple[str, tuple[str, ...]], bytes] = {("fp32", ()): source.data}
        self._seen: dict[tuple[str, tuple[str, ...]], Distance] = {}
        self._dearest = self._rank(progress)

    runtime = f"onnxruntime {metadata.version('onnxruntime')}"

    def _rank(self, progress: Progress) -> list[str]:
        """The layers by what setting each of them free brings, the dearest first."""
        layers = weighted_nodes(self._graph)
        left = []
        for done, name in enumerate(layers, 1):
            left.append((self._judge.distance(ort_int8(self._graph, self._ranges, [name])), name))
            progress("measuring the layers' sensitivity", done, len(layers))
        return [name for _, name in sorted(left)]

    def candidates(self) -> list[Candidate]:
        """Every combination: FP32 and INT8 with none, one, two and four of the dearest layers in float."""
        kept = [tuple(self._dearest[:count]) for count in (0, 1, 2, MOST_KEPT) if count <= len(self._dearest)]
        builds = [("fp32", ()), *(("int8", one) for one in dict.fromkeys(kept))]
        return [
            Candidate(precision, keep, (("threads", str(threads)), ("level", level.removeprefix("ORT_"))))
            for precision, keep in builds
            for threads in self._threads
            for level in LEVELS
        ]

    def _bytes(self, candidate: Candidate) -> bytes:
        build = (candidate.precision, candidate.kept)
        if build not in self._made:
            self._made[build] = to_bytes(ort_int8(self._graph, self._ranges, candidate.kept))
        return self._made[build]

    def key(self, candidate: Candidate) -> str:
        """Model bytes, knobs, runtime and pictures."""
        total = sha256(self._bytes(candidate))
        total.update(repr((candidate.knobs, self.runtime, len(self._batches))).encode())
        return total.hexdigest()[:24]

    def distance(self, candidate: Candidate) -> Distance:
        """From the float model on the held-out pictures; threads and level do not change it by more than rounding."""
        build = (candidate.precision, candidate.kept)
        if build not in self._seen:
            exact = Distance(0, 0, 0, len(self._batches))
            made = exact if build[0] == "fp32" else self._judge.distance(ort_int8(self._graph, self._ranges, candidate.kept))
            self._seen[build] = made
        return self._seen[build]

    def load(self, candidate: Candidate) -> Runner:
        """A session of its own."""
        knobs = dict(candidate.knobs)
        made = session(self._bytes(candidate), threads=int(knobs["threads"]), level=f"ORT_{knobs['level']}")
        return _OrtRunner(made, self._batches)


class _OrtRunner:
    def __init__(self, made: Any, batches: list[Any]) -> None:
        self._session, self._batches = made, batches
        self._input = made.get_inputs()[0].name

    def infer(self, at: int) -> None:
        self._session.run(None, {self._input: self._batches[at % len(self._batches)]})


def clock_us() -> tuple[int, int]:
    """Wall and processor time in microseconds."""
    return time.perf_counter_ns() // 1000, time.process_time_ns() // 1000
