"""TensorRT on the GPU of this process: FP16 or INT8 with the dearest layers in FP16, by builder level and tactic sources."""

from collections.abc import Sequence
from typing import Any

from adaptd.bundle_build import Progress, engine_refusals, silent
from adaptd.bundle_build.explore.prepared import Loaded, Prepared, SizedSpace
from adaptd.bundle_build.explore.space import USUAL, Candidate, Form, Runner, Wanted, kept_sets, why_unserved
from adaptd.bundle_build.model.fp16 import to_fp16
from adaptd.bundle_build.model.int8 import symmetric_int8, trt_int8
from adaptd.bundle_build.model.make import Order
from adaptd.bundle_build.model.onnx_io import to_bytes
from adaptd.bundle_build.model.plans import weak_graph
from adaptd.bundle_build.qualify.judge import Distance
from adaptd.config.manifest import PlanFact
from adaptd.engine.base import EngineSpec
from adaptd.engine.cuda import Gpu
from adaptd.engine.trt import TrtEngine
from adaptd.engine.trt_build import TACTICS, BuildOptions, BuiltPlan, build_plan

COMMAND = "adaptd engine search --backend tensorrt"
USUAL_LEVEL = 3


class TrtSpace(SizedSpace):
    """Every builder level of every build; tactic sources and the other forms at TensorRT's own level.

    Plans stay in memory, so that a candidate that goes on to the next rung is not built again. The GPU is the caller's.

    Raises:
        BuildError: model or pictures cannot be used.
    """

    kind = "int8.trt"

    def __init__(
        self, order: Order, levels: Sequence[int], trt: Any, gpu: Gpu, wanted: Wanted | None = None, progress: Progress = silent
    ) -> None:
        super().__init__(order, wanted, progress)
        self._trt, self._gpu, self._levels = trt, gpu, tuple(levels)
        self._plans: dict[Candidate, BuiltPlan] = {}
        self._times = b""
        self.runtime = f"TensorRT {trt.__version__} on {gpu.name}"

    def candidates(self) -> list[Candidate]:
        """FP16, and INT8 with none, one, two and four of the layers in FP16 to which the TensorRT file is most sensitive."""
        builds = [("fp16", ()), *(("int8", one) for one in kept_sets(self._dearest))]
        usual = USUAL_LEVEL if USUAL_LEVEL in self._levels else self._levels[-1]
        found = [self._candidate(*build, level, TACTICS[0], USUAL) for build in builds for level in self._levels]
        if hasattr(self._trt, "TacticSource"):
            found += [self._candidate(name, (), usual, tactics, USUAL) for name in ("fp16", "int8") for tactics in TACTICS[1:]]
        found += [self._candidate(name, (), usual, TACTICS[0], form) for form in self._forms for name in ("fp16", "int8")]
        return found

    def _candidate(self, precision: str, keep: tuple[str, ...], level: int, tactics: str, form: Form) -> Candidate:
        return Candidate(precision, keep, (("level", str(level)), ("tactics", tactics)), form, why_unserved(form))

    def _make(self, candidate: Candidate, at: Prepared) -> bytes:
        int8 = candidate.precision == "int8"
        return to_bytes(trt_int8(at.graph, at.ranges, candidate.kept) if int8 else to_fp16(at.graph, at.ranges))

    def _judge(self, candidate: Candidate, at: Prepared) -> Distance:
        """Of the file that the plan is built from, in exact arithmetic; what the plan itself answers, qualification measures."""
        int8 = candidate.precision == "int8"
        graph = symmetric_int8(at.graph, at.ranges, candidate.kept) if int8 else to_fp16(at.graph, at.ranges)
        return at.judge.distance(graph, exact=int8)

    def load(self, candidate: Candidate) -> Runner:
        """Built once, loaded anew."""
        form, at = candidate.form, self._at(candidate)
        pictures = at.pictures(form)
        with engine_refusals():
            if candidate not in self._plans:
                self._plans[candidate] = self._build(candidate, pictures[0].shape)
            output = (form.cameras, *at.source.output_shape[1:])
            spec = EngineSpec(candidate.words, candidate.precision, pictures[0].shape, output)
            plan = self._plans[candidate]
            trt = str(self._trt.__version__)
            fact = PlanFact(
                gpu=self._gpu.name, compute_capability=self._gpu.compute_capability, tensorrt=trt, built_with=plan.built_with,
                source="searched.onnx",
            )  # fmt: skip
            engine = TrtEngine(spec, plan.plan, fact, self._gpu, command=COMMAND, api=self._trt)
            engine.activate()
        return Loaded(engine_refusals()(engine.infer), pictures, engine.deactivate)

    def _build(self, candidate: Candidate, shape: tuple[int, ...]) -> BuiltPlan:
        data, knobs = self._formed(candidate), dict(candidate.knobs)
        options = BuildOptions(int(knobs["level"]), timing_cache=self._times, tactics=knobs["tactics"])
        built = build_plan(self._trt, candidate.words, data, shape, options, weak_model=weak_graph(data))
        if not str(self._trt.__version__).startswith("8."):  # 8.6 cannot read the cache that it wrote a minute ago
            self._times = built.timing_cache or self._times
        return built
