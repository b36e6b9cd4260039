"""The GPU tests' own ONNX files are good: the onnx package accepts them, ONNX Runtime runs them, and the precisions agree."""

import numpy as np
import onnx
import pytest

from adaptd.engine.base import EngineSpec, probe_batch
from adaptd.engine.onnx_scan import scan
from adaptd.engine.ort import OrtEngine
from tests.gpu import zoo

KINDS = ("fp32", "fp16", "int8", "int8-fp16")


SHAPES = pytest.mark.parametrize("shape", [zoo.TINY, zoo.TINY_MOBILE], ids=["residual", "mobile"])


def answer(shape: zoo.Shape, kind: str) -> np.ndarray:
    """What ONNX Runtime says of the probe."""
    spec = EngineSpec(kind, kind, shape.input, shape.output)
    with OrtEngine(spec, zoo.build(shape, kind), threads=1) as engine:
        return engine.infer(probe_batch(shape.input))


@SHAPES
@pytest.mark.parametrize("kind", KINDS)
def test_the_onnx_package_accepts_the_file(kind: str, shape: zoo.Shape) -> None:
    """Full check: types and shapes of every tensor are inferred and agree."""
    onnx.checker.check_model(onnx.load_from_string(zoo.build(shape, kind)), full_check=True)


@SHAPES
@pytest.mark.parametrize("kind", KINDS[1:])
def test_every_precision_computes_the_same_network(kind: str, shape: zoo.Shape) -> None:
    """FP16 is within one percent of FP32, INT8 within a quarter: one network, not several."""
    exact, here = answer(shape, "fp32"), answer(shape, kind)
    error = float(np.linalg.norm(here - exact) / np.linalg.norm(exact))
    assert error < (0.01 if kind == "fp16" else 0.25)


@pytest.mark.parametrize("kind", KINDS)
def test_the_scan_sees_what_the_file_is(kind: str) -> None:
    """Quantised files are signed, and the float16 one has the opset that allows it."""
    found = scan(zoo.build(zoo.TINY, kind), kind)
    assert found.quantized == kind.startswith("int8")
    assert not found.unsigned
    assert found.opset == (19 if kind == "int8-fp16" else 17)


def test_equal_seeds_give_equal_files() -> None:
    """Two runs build the same bytes."""
    assert zoo.build(zoo.TINY, "int8") == zoo.build(zoo.TINY, "int8")
