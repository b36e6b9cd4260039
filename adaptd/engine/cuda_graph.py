"""CUDA graphs on a stream and a context that somebody else made: pycuda has no graph calls.

NVIDIA's cuda-bindings makes them where it is installed, the driver itself elsewhere. It is the driver API either way, so that no
second CUDA runtime enters the process.
"""

import functools
from collections.abc import Callable
from typing import Any

from adaptd.engine.cuda_driver import Driver
from adaptd.engine.errors import BackendMissing, EngineFault


class CudaGraph:
    """A captured piece of work on one stream; one call replays it. Belongs to the addresses and engine of its capture."""

    def __init__(self, driver: Any, graph: Any, executable: Any, stream: Any) -> None:
        self._driver = driver
        self._graph = graph
        self._executable = executable
        self._stream = stream
        self._launch = driver.cuGraphLaunch
        self._success = driver.CUresult.CUDA_SUCCESS

    def launch(self) -> None:
        """Enqueue the whole graph on its stream."""
        error = self._launch(self._executable, self._stream)[0]
        if error != self._success:
            raise EngineFault(f"CUDA graph launch failed: {_words(self._driver, error)}; engine set aside")

    def free(self) -> None:
        if self._executable is not None:
            self._driver.cuGraphExecDestroy(self._executable)
            self._driver.cuGraphDestroy(self._graph)
            self._executable = self._graph = None


def capture(stream_handle: int, work: Callable[[], None]) -> CudaGraph:
    """``work``, which enqueues on the stream of that handle, recorded instead of run.

    Raises:
        BackendMissing: neither cuda-bindings nor a driver that can capture.
        EngineFault: something in ``work`` cannot be recorded. The stream is usable again either way.
    """
    driver = import_driver()
    stream = driver.CUstream(stream_handle)
    mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
    _need(driver, driver.cuStreamBeginCapture(stream, mode), "begin capture")
    try:
        work()
    finally:
        ended = driver.cuStreamEndCapture(stream)
    _need(driver, ended, "end capture")
    graph = ended[1]
    try:
        instantiated = driver.cuGraphInstantiate(graph, 0)
    except TypeError as error:
        driver.cuGraphDestroy(graph)
        raise EngineFault(f"CUDA graph: these cuda-bindings are for CUDA 11 ({error}); pip install 'cuda-bindings>=12'") from None
    if not _good(driver, instantiated[0]):
        driver.cuGraphDestroy(graph)
    _need(driver, instantiated, "instantiate")
    return CudaGraph(driver, graph, instantiated[1], stream)


def import_driver() -> Any:
    """The driver module of cuda-bindings, at the place where its version keeps it; without it the same calls over ctypes."""
    try:
        from cuda.bindings import driver
    except ImportError:
        try:
            from cuda import cuda as driver
        except ImportError:
            return plain_driver()
    return driver


@functools.cache
def plain_driver() -> Driver:
    """The driver's own calls."""
    try:
        return Driver()
    except (OSError, AttributeError) as error:
        raise BackendMissing(f"no CUDA graphs: {error}; pip install cuda-bindings") from None


def _need(driver: Any, answer: tuple[Any, ...], what: str) -> None:
    if not _good(driver, answer[0]):
        raise EngineFault(f"CUDA graph: {what} failed: {_words(driver, answer[0])}")


def _good(driver: Any, error: Any) -> bool:
    return bool(error == driver.CUresult.CUDA_SUCCESS)


def _words(driver: Any, error: Any) -> str:
    named = driver.cuGetErrorName(error)
    name = named[1] if _good(driver, named[0]) else None
    return name.decode() if isinstance(name, bytes) else str(error)
