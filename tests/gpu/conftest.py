"""What the GPU tests need of the machine, and why they are skipped where it is not there."""

import functools
import sys
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


@functools.cache
def no_cuda() -> str:
    """Why pycuda cannot be used here; empty where it can."""
    from adaptd.engine.cuda import PycudaGpu
    from adaptd.engine.errors import EngineError

    class Visitor:
        def deactivate(self) -> None:
            """Nothing to give back."""

    visitor, gpu = Visitor(), PycudaGpu()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gpu.acquire(visitor)
        gpu.release(visitor)
    except EngineError as error:
        return str(error)
    return ""


@functools.cache
def no_tensorrt() -> str:
    """Why TensorRT cannot be used here; empty where it can."""
    from adaptd.engine.errors import EngineError
    from adaptd.engine.trt_api import import_tensorrt

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import_tensorrt(builder=True)
    except EngineError as error:
        return str(error)
    return ""


@functools.cache
def no_graphs() -> str:
    """Why CUDA graphs cannot be captured here; empty where they can."""
    from adaptd.engine.cuda_graph import import_driver
    from adaptd.engine.errors import EngineError

    try:
        import_driver()
    except EngineError as error:
        return str(error)
    return ""


@pytest.fixture
def cuda() -> None:
    """A GPU through pycuda."""
    if no_cuda():
        pytest.skip(no_cuda())


@pytest.fixture
def tensorrt(cuda: None) -> None:
    """TensorRT with its builder, on a GPU."""
    del cuda
    if no_tensorrt():
        pytest.skip(no_tensorrt())
