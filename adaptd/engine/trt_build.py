"""ONNX bytes to a TensorRT plan, on any TensorRT from 8.6 to 11.x, on the device that will run it.

Two ways, chosen by what the installed version has and tried in this order: a strongly typed network, where the graph itself says
every precision, and a weakly typed one with the FP16 and INT8 flags. Which one built a plan is recorded with it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adaptd.engine.errors import BundleError, EngineError, one_line
from adaptd.engine.onnx_scan import OnnxScan, refuse_external, scan
from adaptd.engine.trt import deserialize
from adaptd.engine.trt_api import logger_of

LOG = logging.getLogger("adaptd.engine")
STRONG, FLAGS = "strong", "flags"
TACTICS = ("usual", "all", "none")  # which outside libraries (cuBLAS, cuDNN, ...) a build may take kernels from
OLDEST_OPSET = 13  # per-axis QuantizeLinear; older graphs mean other things by the same names

Progress = Callable[[str, int, int], bool]


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """``optimization_level`` 0 to 5 (None: TensorRT's own 3; plans of level 0 must not be qualified, they run far slower).

    ``timing_cache`` is what an earlier build returned. ``progress(phase, step, steps)`` is called where TensorRT can
    (10.x on); it returns False to cancel. ``layer_report`` asks for fusion and precision of every layer as JSON. ``tactics`` is
    one of TACTICS: TensorRT's own choice of sources, every one, or none; a version without them builds as usual.
    """

    optimization_level: int | None = None
    workspace_mb: int = 1024
    timing_cache: bytes = b""
    progress: Progress | None = None
    layer_report: bool = False
    tactics: str = TACTICS[0]


@dataclass(frozen=True, slots=True)
class BuiltPlan:
    """A plan, how it was built (``strong`` or ``flags``), the timing cache to keep, the layer report, and what failed before."""

    plan: bytes
    built_with: str
    quantized: bool
    timing_cache: bytes
    layer_report: str | None
    notes: tuple[str, ...]


class BuildFailed(EngineError):  # noqa: N818 - says what happened
    """No way of building worked. For an INT8 model: serve FP16 only on this device, and record the reason."""


def build_plan(
    trt: Any, name: str, model: bytes, shape: tuple[int, ...], options: BuildOptions, *, weak_model: bytes | None = None
) -> BuiltPlan:
    """Build ``model`` for the GPU of this process, input fixed to ``shape``.

    ``weak_model`` is the graph for the weakly typed way where it must be another one: before 10.x the parser takes quantisation
    only in a float32 graph.

    Raises:
        BundleError: the model is refused (external data, uint8 zero points, too old an opset).
        BuildFailed: every way failed; the line holds each one's reason.
    """
    notes: list[str] = []
    for way, graph in _ways(trt, model, weak_model or model):
        found = check_model(graph, name)
        try:
            built, cache = _Attempt(trt, name, options, strong=way == STRONG, found=found).run(graph, shape)
        except BuildFailed as error:
            notes.append(f"{way}: {one_line(str(error), 200)}")
            LOG.warning("building %s: %s", name, notes[-1])
            continue
        report = _layer_report(trt, built, name) if options.layer_report else None
        LOG.info("building %s: built by the %s way on TensorRT %s", name, way, trt.__version__)
        return BuiltPlan(built, way, found.quantized, cache, report, tuple(notes))
    raise BuildFailed(f"{name}: TensorRT {trt.__version__} cannot build it: {'; '.join(notes) or 'no way to build'}")


def check_model(model: bytes, name: str) -> OnnxScan:
    """What a parser in native code may be given. Raises BundleError with what to do otherwise."""
    found = scan(model, name)
    refuse_external(found, name)
    if found.unsigned:
        raise BundleError(
            f"{name}: quantised with uint8 zero points, which TensorRT would read as int8; "
            "use the symmetric file (MODEL.int8.trt.onnx)"
        )
    if found.opset < OLDEST_OPSET:
        raise BundleError(f"{name}: opset {found.opset}, at least {OLDEST_OPSET} is needed; export it again")
    return found


def _ways(trt: Any, model: bytes, weak_model: bytes) -> list[tuple[str, bytes]]:
    strong = [(STRONG, model)] if hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED") else []
    return strong + ([(FLAGS, weak_model)] if hasattr(trt.BuilderFlag, "FP16") else [])


class _Attempt:
    """One build from scratch: a failed network cannot be used again."""

    def __init__(self, trt: Any, name: str, options: BuildOptions, *, strong: bool, found: OnnxScan) -> None:
        self._trt = trt
        self._name = name
        self._options = options
        self._strong = strong
        self._found = found
        self._logger = logger_of(trt)
        self._logger.last_error = ""
        self._kept: list[Any] = []  # what native code may still point to: parser (weights), timing cache, monitor

    def run(self, model: bytes, shape: tuple[int, ...]) -> tuple[bytes, bytes]:
        """The plan and the timing cache. Raises BuildFailed."""
        trt = self._trt
        try:
            builder = trt.Builder(self._logger)
        except (RuntimeError, TypeError) as error:
            raise BuildFailed(f"no builder, most likely no GPU ({error})") from None
        network = builder.create_network(self._network_flags())
        self._parse(network, model)
        self._fix_shape(network, shape)
        config = builder.create_builder_config()
        self._configure(config)
        memory = builder.build_serialized_network(network, config)
        if memory is None:
            raise BuildFailed(self._logger.last_error or "the builder gave no plan and no reason")
        return bytes(memory), self._timing_cache(config)

    def _network_flags(self) -> int:
        kinds = self._trt.NetworkDefinitionCreationFlag
        flags = 1 << int(kinds.STRONGLY_TYPED) if self._strong else 0
        if hasattr(kinds, "EXPLICIT_BATCH"):
            flags |= 1 << int(kinds.EXPLICIT_BATCH)
        return flags

    def _parse(self, network: Any, model: bytes) -> None:
        if hasattr(self._trt, "init_libnvinfer_plugins"):
            self._trt.init_libnvinfer_plugins(self._logger, "")
        parser = self._trt.OnnxParser(network, self._logger)
        self._kept.append(parser)
        if not parser.parse(model):
            reasons = [_parser_error(parser.get_error(index)) for index in range(parser.num_errors)]
            for reason in reasons:
                LOG.error("building %s: parser: %s", self._name, one_line(reason))
            raise BuildFailed(
                f"the parser refuses the model: {' | '.join(reasons) or self._logger.last_error or 'no reason given'}"
            )

    def _fix_shape(self, network: Any, shape: tuple[int, ...]) -> None:
        if network.num_inputs != 1:
            raise BuildFailed(f"{network.num_inputs} inputs, one is served")
        tensor = network.get_input(0)
        found = tuple(tensor.shape)
        if -1 in found:
            tensor.shape = shape
        elif found != shape:
            raise BuildFailed(f"the model takes {found}, the manifest says {shape}")

    def _configure(self, config: Any) -> None:
        trt, options = self._trt, self._options
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mb << 20)
        if options.optimization_level is not None:
            config.builder_optimization_level = options.optimization_level
        if options.tactics != TACTICS[0] and hasattr(trt, "TacticSource"):
            every = sum(1 << int(source) for source in trt.TacticSource.__members__.values())
            config.set_tactic_sources(every if options.tactics == "all" else 0)
        if not self._strong:
            config.set_flag(trt.BuilderFlag.FP16)
            if self._found.quantized and hasattr(trt.BuilderFlag, "INT8"):
                config.set_flag(trt.BuilderFlag.INT8)
        if options.layer_report:
            config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        if options.progress is not None and hasattr(trt, "IProgressMonitor"):
            self._kept.append(_monitor(trt, options.progress))
            config.progress_monitor = self._kept[-1]
        self._use_timing_cache(config)

    def _use_timing_cache(self, config: Any) -> None:
        """An earlier build's cache, or an empty one where there is none or TensorRT does not want that one."""
        cache = config.create_timing_cache(self._options.timing_cache)
        if cache is None or not config.set_timing_cache(cache, False):
            cache = config.create_timing_cache(b"")
            config.set_timing_cache(cache, False)
        self._kept.append(cache)

    def _timing_cache(self, config: Any) -> bytes:
        cache = config.get_timing_cache()
        memory = None if cache is None else cache.serialize()
        return b"" if memory is None else bytes(memory)


def _parser_error(error: Any) -> str:
    """Which node and why; only 10.x on says the node's name and operator, before that it is a number in the graph."""
    named = f" {error.node_name()} ({error.node_operator()})" if hasattr(error, "node_operator") else ""
    return f"node {error.node()}{named}: {error.desc()}"


def _monitor(trt: Any, progress: Progress) -> Any:
    """TensorRT's progress monitor around ``progress``; phases nest, each with its own number of steps."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str, num_steps: int) -> None:
            del parent_phase
            self._steps[phase_name] = num_steps
            progress(phase_name, 0, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            return progress(phase_name, step + 1, self._steps.get(phase_name, 0))

        def phase_finish(self, phase_name: str) -> None:
            steps = self._steps.pop(phase_name, 0)
            progress(phase_name, steps, steps)

    return Monitor()


def _layer_report(trt: Any, plan: bytes, name: str) -> str:
    """Fusion, format and precision of every layer, as TensorRT's JSON."""
    _, engine = deserialize(trt, plan, name, "the build")
    return str(engine.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON))
