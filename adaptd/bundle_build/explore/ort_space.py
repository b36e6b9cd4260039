"""ONNX Runtime on the CPU: FP32 or INT8, with the dearest layers in float, on some threads, at some graph level."""

from collections.abc import Sequence
from importlib import metadata

from adaptd.bundle_build import BuildError, Progress, silent
from adaptd.bundle_build.explore.prepared import Loaded, Prepared, SizedSpace
from adaptd.bundle_build.explore.space import USUAL, Candidate, Form, Runner, Wanted, kept_sets, why_unserved
from adaptd.bundle_build.model.floats import session
from adaptd.bundle_build.model.int8 import ort_int8
from adaptd.bundle_build.model.make import Order
from adaptd.bundle_build.model.onnx_io import from_bytes, to_bytes
from adaptd.bundle_build.qualify.judge import Distance
from adaptd.engine.ort import failures, import_onnxruntime

SERVED_LEVEL = "ENABLE_ALL"
LEVELS = ("DISABLE_ALL", "ENABLE_BASIC", SERVED_LEVEL)


class OrtSpace(SizedSpace):
    """Every thread count and graph level of the usual form; the other forms with the most threads at the highest level.

    Raises:
        BuildError: model or pictures cannot be used.
    """

    runtime = f"onnxruntime {metadata.version('onnxruntime')}"
    kind = "int8.ort"

    def __init__(self, order: Order, threads: Sequence[int], wanted: Wanted | None = None, progress: Progress = silent) -> None:
        super().__init__(order, wanted, progress)
        self._threads = tuple(threads)

    def candidates(self) -> list[Candidate]:
        """FP32 and INT8 with none, one, two and four of the dearest layers in float."""
        builds = [("fp32", ()), *(("int8", one) for one in kept_sets(self._dearest))]
        found = [
            self._candidate(precision, keep, threads, level, USUAL)
            for precision, keep in builds
            for threads in self._threads
            for level in LEVELS
        ]
        for form in self._forms:
            found += [self._candidate(precision, (), self._threads[-1], SERVED_LEVEL, form) for precision in ("fp32", "int8")]
        return found

    def _candidate(self, precision: str, keep: tuple[str, ...], threads: int, level: str, form: Form) -> Candidate:
        unserved = why_unserved(form) or ("" if level == SERVED_LEVEL else f"the service runs graph level {SERVED_LEVEL}")
        return Candidate(precision, keep, (("threads", str(threads)), ("level", level)), form, unserved)

    def _make(self, candidate: Candidate, at: Prepared) -> bytes:
        return to_bytes(ort_int8(at.graph, at.ranges, candidate.kept)) if candidate.precision == "int8" else at.source.data

    def _judge(self, candidate: Candidate, at: Prepared) -> Distance:
        if candidate.precision == "fp32" and candidate.form.size is None:
            return Distance(0, 0, 0, len(at.batches))
        return at.judge.distance(from_bytes(self._bytes(candidate)))

    def load(self, candidate: Candidate) -> Runner:
        """A session of its own."""
        knobs, form = dict(candidate.knobs), candidate.form
        made = session(self._formed(candidate), threads=int(knobs["threads"]), level=f"ORT_{knobs['level']}")
        name = made.get_inputs()[0].name
        runner = Loaded(lambda batch: made.run(None, {name: batch}), self._at(candidate).pictures(form))
        try:
            runner.infer(0)
        except failures(import_onnxruntime()) as error:
            raise BuildError(f"{candidate.words}: does not run ({str(error)[:120]})") from None
        return runner
