"""TensorRT itself: imported late, looked at for every name that this project uses, and logging into Python's logging.

The same names serve 8.6 to 11.x. What not every version has is looked for with ``hasattr`` where it is used and listed in
``OPTIONAL``; the rest is in ``RUNTIME`` and ``BUILDER`` with its parameters, and a TensorRT without one is refused in one line.
"""

import functools
import logging
from typing import Any

from adaptd.engine.errors import BackendMissing, one_line

LOG = logging.getLogger("adaptd.engine.tensorrt")

RUNTIME = {
    "Runtime.deserialize_cuda_engine": ("serialized_engine",),
    "ICudaEngine.num_io_tensors": (),
    "ICudaEngine.get_tensor_name": ("index",),
    "ICudaEngine.get_tensor_mode": ("name",),
    "ICudaEngine.get_tensor_shape": ("name",),
    "ICudaEngine.get_tensor_dtype": ("name",),
    "ICudaEngine.get_tensor_location": ("name",),
    "ICudaEngine.create_execution_context": (),
    "IExecutionContext.set_input_shape": ("name", "shape"),
    "IExecutionContext.set_tensor_address": ("name", "memory"),
    "IExecutionContext.get_tensor_shape": ("name",),
    "IExecutionContext.execute_async_v3": ("stream_handle",),
    "ILogger.log": ("severity", "msg"),
    "ILogger.ERROR": (),
    "ILogger.WARNING": (),
    "TensorIOMode.INPUT": (),
    "TensorLocation.DEVICE": (),
    "DataType.FLOAT": (),
}
BUILDER = {
    "Builder.create_network": ("flags",),
    "Builder.create_builder_config": (),
    "Builder.build_serialized_network": ("network", "config"),
    "IBuilderConfig.set_memory_pool_limit": ("pool", "pool_size"),
    "IBuilderConfig.create_timing_cache": ("serialized_timing_cache",),
    "IBuilderConfig.set_timing_cache": ("cache", "ignore_mismatch"),
    "IBuilderConfig.get_timing_cache": (),
    "IBuilderConfig.builder_optimization_level": (),
    "IBuilderConfig.profiling_verbosity": (),
    "IBuilderConfig.set_flag": ("flag",),
    "ITimingCache.serialize": (),
    "OnnxParser.parse": ("model",),
    "OnnxParser.num_errors": (),
    "OnnxParser.get_error": ("index",),
    "ParserError.desc": (),
    "ParserError.node": (),
    "INetworkDefinition.num_inputs": (),
    "INetworkDefinition.get_input": ("index",),
    "ITensor.shape": (),
    "MemoryPoolType.WORKSPACE": (),
    "NetworkDefinitionCreationFlag": (),
    "BuilderFlag": (),
    "ProfilingVerbosity.DETAILED": (),
    "ICudaEngine.create_engine_inspector": (),
    "LayerInformationFormat.JSON": (),
    "EngineInspector.get_engine_information": ("format",),
}
OPTIONAL = {
    "ILogger.INTERNAL_ERROR": (),
    "ICudaEngine.device_memory_size": (),
    "ICudaEngine.device_memory_size_v2": (),
    "ICudaEngine.get_engine_stat": ("stat",),
    "EngineStat.TOTAL_WEIGHTS_SIZE": (),
    "ExecutionContextAllocationStrategy.USER_MANAGED": (),
    "IExecutionContext.set_device_memory": ("memory", "size"),
    "NetworkDefinitionCreationFlag.STRONGLY_TYPED": (),
    "NetworkDefinitionCreationFlag.EXPLICIT_BATCH": (),
    "BuilderFlag.FP16": (),
    "BuilderFlag.INT8": (),
    "IBuilderConfig.progress_monitor": (),
    "IBuilderConfig.set_tactic_sources": ("tactic_sources",),
    "ParserError.node_name": (),
    "ParserError.node_operator": (),
    "IProgressMonitor.phase_start": ("phase_name", "parent_phase", "num_steps"),
    "IProgressMonitor.step_complete": ("phase_name", "step"),
    "IProgressMonitor.phase_finish": ("phase_name",),
}


def import_tensorrt(*, builder: bool = False) -> Any:
    """The ``tensorrt`` module. Raises BackendMissing when it is not there or lacks a name that is used."""
    try:
        import tensorrt as trt
    except ImportError as error:
        raise BackendMissing(
            f"TensorRT cannot be imported ({error}); on a Jetson: apt install python3-libnvinfer and a venv with "
            "--system-site-packages, elsewhere: pip install 'adaptd[cuda]'"
        ) from None
    lacking = missing_names(trt, RUNTIME | BUILDER if builder else RUNTIME)
    if lacking:
        raise BackendMissing(f"TensorRT {trt.__version__} has no {lacking[0]}; versions 8.6 to 11.x are served")
    return trt


def missing_names(trt: Any, names: dict[str, tuple[str, ...]]) -> list[str]:
    """Those of ``names`` that the module does not have."""
    return [name for name in names if not _has(trt, name)]


def _has(trt: Any, name: str) -> bool:
    found = trt
    for part in name.split("."):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


@functools.lru_cache(maxsize=4)
def logger_of(trt: Any) -> Any:
    """The one logger of this process: TensorRT keeps the first that it is given. ``last_error`` is its last error line."""

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last_error = ""

        def log(self, severity: Any, msg: str) -> None:
            line = one_line(msg)
            if severity in (trt.ILogger.ERROR, getattr(trt.ILogger, "INTERNAL_ERROR", trt.ILogger.ERROR)):
                self.last_error = line
                LOG.error("%s", line)
            elif severity == trt.ILogger.WARNING:
                LOG.warning("%s", line)
            else:
                LOG.debug("%s", line)

    return Logger()
