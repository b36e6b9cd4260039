"""The ONNX Runtime backend: a session made from verified bytes, on the CPU."""

import os
from typing import Any

import numpy as np

from adaptd.engine.base import Array, Engine, EngineSpec, Meanwhile, nothing, resident_bytes
from adaptd.engine.errors import BackendMissing, BundleError, EngineFault, EngineMemoryError, reason_of
from adaptd.engine.onnx_scan import refuse_external, scan
from adaptd.engine.saturation import reencoded, saturates

QUIET = 4  # its errors come as exceptions; below that it talks to stderr about graphs it rewrites by itself


class OrtEngine(Engine):
    """One ONNX model with one float32 input and one float32 output.

    ``threads`` 0 lets the runtime take all cores. ``spinning`` keeps idle threads awake between frames: faster, and it
    burns a core; off by default in a power-saving daemon.
    """

    backend = "ort"

    def __init__(self, spec: EngineSpec, model: bytes, *, threads: int = 0, spinning: bool = False) -> None:
        super().__init__(spec)
        self._model = model
        self._threads = threads
        self._spinning = spinning
        self._session: Any = None
        self._failures: tuple[type[Exception], ...] = ()
        self._input = self._output = ""
        self._bound: Array | None = None
        self._kept: Array | None = None
        self._binding: Any = None
        self._answer = np.empty(spec.output_shape, np.float32)
        self._taken = 0
        self._quantized = False

    def _activate_impl(self) -> None:
        found = scan(self._model, self.name)
        refuse_external(found, self.name)
        self._quantized = found.quantized
        ort = import_onnxruntime()
        self._failures = (MemoryError, *failures(ort))
        options = session_options(ort, self._threads, spinning=self._spinning)
        self._taken = resident_bytes()
        try:
            self._session = ort.InferenceSession(self._exact(), options, providers=["CPUExecutionProvider"])
        except self._failures as error:
            if _no_memory(error):
                raise EngineMemoryError(f"engine {self.name}: out of memory while loading; serve fewer variants") from None
            raise BundleError(
                f"engine {self.name}: ONNX Runtime refuses the model: {reason_of(error)}; build the bundle again"
            ) from None
        self._bind()

    def _exact(self) -> bytes:
        """The model's bytes; where this processor would saturate on its 8-bit weights, the same integers in another encoding."""
        if not self._quantized or not saturates():
            return self._model
        try:
            return reencoded(self._model)
        except (ValueError, IndexError):
            return self._model

    def _bind(self) -> None:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise BundleError(f"engine {self.name}: {len(inputs)} inputs and {len(outputs)} outputs, one of each is served")
        for tensor, shape in ((inputs[0], self.input_shape), (outputs[0], self.output_shape)):
            if tensor.type != "tensor(float)" or not _fits(tensor.shape, shape):
                raise BundleError(
                    f"engine {self.name}: tensor {tensor.name} is {tensor.type} {tensor.shape}, the manifest says float32 {shape}"
                )
        self._input, self._output = inputs[0].name, outputs[0].name

    def _infer_impl(self, batch: Array, camera: int, meanwhile: Meanwhile = nothing) -> Array:
        """Runs from and into bound memory: 30 to 60 us a frame less than ``session.run``, while the caller reuses its batch."""
        del camera  # a session keeps no state between runs, so one serves every camera
        meanwhile()
        try:
            if batch is not self._bound:
                self._bind_batch(batch)
            self._session.run_with_iobinding(self._binding)
        except self._failures as error:
            why = "out of memory while running" if _no_memory(error) else f"ONNX Runtime failed: {reason_of(error)}"
            raise EngineFault(f"engine {self.name}: {why}; engine set aside") from None
        answer: Array = self._answer.copy()
        return answer

    def _bind_batch(self, batch: Array) -> None:
        """A strided batch is bound as a copy, so it must not count as bound: the next one may look different."""
        whole = np.ascontiguousarray(batch)
        binding = self._session.io_binding()
        binding.bind_input(self._input, "cpu", 0, np.float32, whole.shape, whole.ctypes.data)
        binding.bind_output(self._output, "cpu", 0, np.float32, self._answer.shape, self._answer.ctypes.data)
        self._binding, self._bound, self._kept = binding, batch if whole is batch else None, whole

    def _deactivate_impl(self) -> None:
        self._binding = self._bound = self._kept = None
        self._session = None

    def _memory_impl(self) -> int:
        return max(resident_bytes() - self._taken, len(self._model))


def import_onnxruntime() -> Any:
    """The module, with its telemetry off: from 1.29 on it starts at import and writes into the user's cache."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendMissing(f"ONNX Runtime cannot be imported ({error}); pip install 'onnxruntime>=1.23'") from None
    return onnxruntime


def session_options(ort: Any, threads: int, *, spinning: bool = False) -> Any:
    """Options of a quiet session that runs one node after another."""
    options = ort.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    return options


def _no_memory(error: Exception) -> bool:
    """The runtime has no exception of its own for this: the arena and the C++ library say it in words."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in ("Failed to allocate memory", "bad_alloc"))


def failures(ort: Any) -> tuple[type[Exception], ...]:
    """The runtime's exceptions have no common base below Exception: collect them by looking."""
    state = ort.capi.onnxruntime_pybind11_state
    own = (getattr(state, name) for name in dir(state))
    return (RuntimeError, ValueError, *(kind for kind in own if isinstance(kind, type) and issubclass(kind, Exception)))


def _fits(found: list[int | str | None], wanted: tuple[int, ...]) -> bool:
    """Whether a model's shape, whose free axes are names or None, can be ``wanted``."""
    if not found:
        return True
    return len(found) == len(wanted) and all(not isinstance(a, int) or a == b for a, b in zip(found, wanted, strict=True))
