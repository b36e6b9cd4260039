"""A ``tensorrt`` module for machines without one, with the names of one version and no other.

``make(version, gpu)`` gives a module whose plans are JSON. Its engines compute a linear read-out of their input, in a fake GPU's
memory or with a kernel on a real one (``standin.py``). That it has no name which the real bindings lack is checked in
``tests/engine/test_conformance_trt.py``.
"""

import enum
import json
from math import prod
from types import ModuleType, SimpleNamespace
from typing import Any, Protocol


class Computer(Protocol):
    """A GPU, fake or real, that can do what the engines of this module compute."""

    def read_out(self, handle: int, source: int, target: int, sizes: tuple[int, int], shift: float) -> None:
        """``target[i] = shift + sum_j source[j] * ((31 i + 17 j) mod 13 - 6)``, enqueued; addresses and (inputs, outputs)."""

    def holds(self, address: int, size: int) -> bool:
        """Whether ``size`` bytes at ``address`` are memory of this GPU."""


def plan_bytes(**changes: Any) -> bytes:
    """A plan as the fake builder writes it; ``changes`` spoil it."""
    plan = {
        "input": [1, 3, 8, 8],
        "output": [1, 5],
        "names": ["picture", "logits"],
        "dtype": "FLOAT",
        "location": "DEVICE",
        "activation": 4096,
        "context": True,
        "runs": True,
        "shift": 0.0,
    } | changes
    return json.dumps(plan).encode()


def make(version: str, gpu: Computer, build: dict[str, Any] | None = None) -> Any:
    """The module. ``build`` steers its builder: ``refuse`` ways that fail, ``outputs``, ``parser_errors``, ``steps`` of it."""
    major = int(version.split(".", maxsplit=1)[0])
    kinds = _enums(major, version)
    module: Any = ModuleType("tensorrt")
    vars(module).update(kinds, __version__=version)
    module.complaint = "deserialize: Serialization assertion failed.\nMagic tag does not match"
    module.ILogger = _logger()
    module.ICudaEngine, module.IExecutionContext = _engine_classes(module, major, gpu)
    module.Runtime = _runtime(module)
    _add_builder(module, major, {} if build is None else build)
    return module


def _enums(major: int, version: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "TensorIOMode": enum.Enum("TensorIOMode", ["NONE", "INPUT", "OUTPUT"]),
        "TensorLocation": enum.Enum("TensorLocation", ["DEVICE", "HOST"]),
        "DataType": enum.Enum("DataType", ["FLOAT", "HALF", "INT8"]),
        "LayerInformationFormat": enum.Enum("LayerInformationFormat", ["ONELINE", "JSON"]),
        "MemoryPoolType": enum.Enum("MemoryPoolType", ["WORKSPACE"]),
        "ProfilingVerbosity": enum.Enum("ProfilingVerbosity", ["LAYER_NAMES_ONLY", "DETAILED"]),
    }
    network = {"EXPLICIT_BATCH": 0} if major < 11 else {}
    flags = {"FP16": 0, "INT8": 1} if major < 11 else {}
    if major >= 10:
        network["STRONGLY_TYPED"] = 1
        found["ExecutionContextAllocationStrategy"] = enum.Enum(
            "ExecutionContextAllocationStrategy", ["STATIC", "ON_PROFILE_CHANGE", "USER_MANAGED"]
        )
    if major >= 11 or version.startswith("10.16"):
        found["EngineStat"] = enum.Enum("EngineStat", ["TOTAL_WEIGHTS_SIZE"])
    if major < 11:
        sources = ["CUBLAS", "CUBLAS_LT", "CUDNN", "EDGE_MASK_CONVOLUTIONS", "JIT_CONVOLUTIONS"]
        found["TacticSource"] = enum.IntEnum("TacticSource", sources, start=0)
    found["NetworkDefinitionCreationFlag"] = enum.IntEnum("NetworkDefinitionCreationFlag", network)
    found["BuilderFlag"] = enum.Enum("BuilderFlag", flags | {"TF32": 7})
    return found


def _logger() -> type:
    class ILogger:
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

        def log(self, severity: int, msg: str) -> None:
            """Overridden by whoever wants to read the log."""

    return ILogger


def _engine_classes(module: Any, major: int, gpu: Computer) -> tuple[type, type]:  # noqa: C901 - two classes
    class IExecutionContext:
        def __init__(self, plan: dict[str, Any], managed: bool) -> None:
            self._plan = plan
            self._shape = tuple(plan["input"])
            self._addresses: dict[str, int] = {}
            self._placed = not managed

        def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
            assert name == self._plan["names"][0]
            self._shape = tuple(shape)
            return all(a in (-1, b) for a, b in zip(self._plan["input"], shape, strict=True))

        def set_tensor_address(self, name: str, memory: int) -> bool:
            self._addresses[name] = memory
            return name in self._plan["names"]

        def get_tensor_shape(self, name: str) -> tuple[int, ...]:
            return self._shape if name == self._plan["names"][0] else tuple(self._plan.get("real_output", self._plan["output"]))

        def execute_async_v3(self, stream_handle: int) -> bool:
            assert self._placed, "user-managed memory was never given"
            if -1 in self._shape or not self._plan["runs"]:
                return False
            source, target = (self._addresses[name] for name in self._plan["names"])
            sizes = prod(self._shape), prod(self.get_tensor_shape(self._plan["names"][1]))
            gpu.read_out(stream_handle, source, target, sizes, self._plan["shift"])
            return True

    if major >= 10:

        def set_device_memory(self: Any, memory: int, size: int) -> None:
            self._placed = gpu.holds(memory, size)

        IExecutionContext.set_device_memory = set_device_memory  # type: ignore[attr-defined]

    class ICudaEngine:
        def __init__(self, plan: dict[str, Any]) -> None:
            self._plan = plan

        @property
        def num_io_tensors(self) -> int:
            return len(self._plan["names"])

        def get_tensor_name(self, index: int) -> str:
            return str(self._plan["names"][index])

        def get_tensor_mode(self, name: str) -> Any:
            return module.TensorIOMode.INPUT if name == self._plan["names"][0] else module.TensorIOMode.OUTPUT

        def get_tensor_shape(self, name: str) -> tuple[int, ...]:
            return tuple(self._plan["input"] if name == self._plan["names"][0] else self._plan["output"])

        def get_tensor_dtype(self, name: str) -> Any:
            assert name
            return module.DataType[self._plan["dtype"]]

        def get_tensor_location(self, name: str) -> Any:
            assert name
            return module.TensorLocation[self._plan["location"]]

        def create_execution_context(self, strategy: Any = None) -> Any:
            managed = strategy is not None and strategy.name == "USER_MANAGED"
            return IExecutionContext(self._plan, managed) if self._plan["context"] else None

        def create_engine_inspector(self) -> Any:
            return SimpleNamespace(get_engine_information=lambda form: json.dumps({"Layers": ["fused"], "form": form.name}))

    size = property(lambda self: int(self._plan["activation"]))
    if major < 11:
        ICudaEngine.device_memory_size = size  # type: ignore[attr-defined]
    if major >= 10:
        ICudaEngine.device_memory_size_v2 = size  # type: ignore[attr-defined]
    if hasattr(module, "EngineStat"):
        ICudaEngine.get_engine_stat = lambda self, stat: 123_456  # type: ignore[attr-defined]
    return ICudaEngine, IExecutionContext


def _runtime(module: Any) -> type:
    class Runtime:
        def __init__(self, logger: Any) -> None:
            self._logger = logger

        def deserialize_cuda_engine(self, serialized_engine: bytes) -> Any:
            try:
                return module.ICudaEngine(json.loads(serialized_engine))
            except ValueError:
                self._logger.log(module.ILogger.ERROR, module.complaint)
                return None

    return Runtime


def _add_builder(module: Any, major: int, build: dict[str, Any]) -> None:  # noqa: C901 - five classes
    class INetworkDefinition:
        def __init__(self, flags: int) -> None:
            strong = getattr(module.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
            self.way = "strong" if strong is not None and flags & (1 << int(strong)) else "flags"
            self.tensor = SimpleNamespace(shape=tuple(build.get("input", (1, 3, 8, 8))))

        @property
        def num_inputs(self) -> int:
            return int(build.get("inputs", 1))

        def get_input(self, index: int) -> Any:
            assert index == 0
            return self.tensor

    class OnnxParser:
        def __init__(self, network: Any, logger: Any) -> None:
            self._errors = build.get("parser_errors", []) if network.way in build.get("parser_ways", ("strong", "flags")) else []
            self._logger = logger

        @property
        def num_errors(self) -> int:
            return len(self._errors)

        def get_error(self, index: int) -> Any:
            error = SimpleNamespace(desc=lambda: self._errors[index], node=lambda: index)
            if major >= 10:
                error.node_name, error.node_operator = (lambda: "/conv"), (lambda: "Odd")
            return error

        def parse(self, model: bytes) -> bool:
            assert model
            return not self._errors

    class IBuilderConfig:
        def __init__(self) -> None:
            self.limits: dict[str, int] = {}
            self.flags: list[str] = []
            self.builder_optimization_level = 3
            self.profiling_verbosity: Any = None
            self.cache: Any = None
            self.sources: int | None = None
            if major >= 10:
                self.progress_monitor: Any = None

        def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
            self.limits[pool.name] = pool_size

        def set_flag(self, flag: Any) -> None:
            self.flags.append(flag.name)

        if major < 11:

            def set_tactic_sources(self, tactic_sources: int) -> bool:
                self.sources = tactic_sources
                return True

        def create_timing_cache(self, serialized_timing_cache: bytes) -> Any:
            good = serialized_timing_cache == b"" or serialized_timing_cache.startswith(b"cache")
            return SimpleNamespace(serialize=lambda: serialized_timing_cache + b"cache") if good else None

        def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
            assert not ignore_mismatch
            self.cache = cache
            return cache is not None

        def get_timing_cache(self) -> Any:
            return self.cache

    class Builder:
        def __init__(self, logger: Any) -> None:
            self._logger = logger

        def create_network(self, flags: int = 0) -> Any:
            return INetworkDefinition(flags)

        def create_builder_config(self) -> Any:
            return IBuilderConfig()

        def build_serialized_network(self, network: Any, config: Any) -> bytes | None:
            build.setdefault("seen", []).append((network.way, tuple(config.flags), config))
            if network.way in build.get("refuse", ()):
                reason = f"no implementation for node /conv ({network.way})"
                self._logger.log(module.ILogger.ERROR, reason)
                return None
            monitor = getattr(config, "progress_monitor", None)
            if monitor is not None and not _report(monitor, build.get("steps", 3)):
                return None
            shape = [int(size) for size in network.tensor.shape]
            return plan_bytes(input=shape, output=[shape[0], build.get("outputs", 5)], way=network.way, size=prod(shape))

    module.Builder, module.OnnxParser = Builder, OnnxParser
    module.IBuilderConfig, module.INetworkDefinition = IBuilderConfig, INetworkDefinition
    if major >= 10:
        module.IProgressMonitor = type("IProgressMonitor", (), {})


def _report(monitor: Any, steps: int) -> bool:
    monitor.phase_start("Building Engine", "", steps)
    going = all(monitor.step_complete("Building Engine", step) for step in range(steps))
    monitor.phase_finish("Building Engine")
    return going
