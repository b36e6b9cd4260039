"""The few driver calls that CUDA graphs need, over ctypes: for where cuda-bindings is not installed. The driver is loaded anyway.

Same names and same answers as ``cuda.bindings.driver``: a tuple, the error first. Signatures are those of ``cuda.h``.
"""

import ctypes
from typing import Any

LIBRARY = "libcuda.so.1"


class CUresult:
    """Error codes; the driver itself names the others."""

    CUDA_SUCCESS = 0


class CUstreamCaptureMode:
    """``CUstreamCaptureMode`` of ``cuda.h``."""

    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1


class Driver:
    """``libcuda`` with the calls of a captured stream."""

    CUresult = CUresult
    CUstreamCaptureMode = CUstreamCaptureMode
    CUstream = ctypes.c_void_p

    def __init__(self, library: str = LIBRARY) -> None:
        """Raises OSError without a driver, AttributeError where it is too old to capture (before CUDA 11.4)."""
        held = ctypes.CDLL(library)
        pointer, number = ctypes.c_void_p, ctypes.c_int
        self._begin = _typed(held.cuStreamBeginCapture_v2, pointer, number)
        self._end = _typed(held.cuStreamEndCapture, pointer, ctypes.POINTER(pointer))
        self._instantiate = _typed(held.cuGraphInstantiateWithFlags, ctypes.POINTER(pointer), pointer, ctypes.c_ulonglong)
        self._launch = _typed(held.cuGraphLaunch, pointer, pointer)
        self._destroy_executable = _typed(held.cuGraphExecDestroy, pointer)
        self._destroy = _typed(held.cuGraphDestroy, pointer)
        self._name = _typed(held.cuGetErrorName, number, ctypes.POINTER(ctypes.c_char_p))

    def cuStreamBeginCapture(self, stream: Any, mode: int) -> tuple[int]:  # noqa: N802 - the driver's name
        return (self._begin(stream, mode),)

    def cuStreamEndCapture(self, stream: Any) -> tuple[int, Any]:  # noqa: N802
        graph = ctypes.c_void_p()
        return self._end(stream, ctypes.byref(graph)), graph

    def cuGraphInstantiate(self, graph: Any, flags: int) -> tuple[int, Any]:  # noqa: N802
        executable = ctypes.c_void_p()
        return self._instantiate(ctypes.byref(executable), graph, flags), executable

    def cuGraphLaunch(self, executable: Any, stream: Any) -> tuple[int]:  # noqa: N802
        return (self._launch(executable, stream),)

    def cuGraphExecDestroy(self, executable: Any) -> tuple[int]:  # noqa: N802
        return (self._destroy_executable(executable),)

    def cuGraphDestroy(self, graph: Any) -> tuple[int]:  # noqa: N802
        return (self._destroy(graph),)

    def cuGetErrorName(self, error: int) -> tuple[int, bytes | None]:  # noqa: N802
        name = ctypes.c_char_p()
        return self._name(error, ctypes.byref(name)), name.value


def _typed(call: Any, *kinds: Any) -> Any:
    call.argtypes, call.restype = kinds, ctypes.c_int
    return call
