"""INT8 files whose integers are the same everywhere: weights by pairs, sums without ties, float where weights have ended."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper

from adaptd.bundle_build.model.even_rounding import Sum, has_tie, settle
from adaptd.bundle_build.model.floats import folded, session
from adaptd.bundle_build.model.int8 import ort_int8, trt_int8
from adaptd.bundle_build.model.intake import take_in
from adaptd.bundle_build.model.onnx_io import to_bytes
from adaptd.bundle_build.model.pair_safe import pair_safe
from adaptd.bundle_build.model.ranges import Range
from adaptd.bundle_build.model.rewrites import products_in_full, tail, to_opset17, without_hardswish
from adaptd.engine.base import probe_batch
from adaptd.engine.pairs import LARGEST_PAIR, rows_of, worst_pair
from adaptd.engine.saturation import unsafe_layers
from tests.bundle_build.nets import classifier, detector, mobile, save
from tests.bundle_build.zoo import CASES


def graph_of(model: Any, folder: Path) -> Any:
    """The model, taken in and folded."""
    return folded(take_in(save(model, folder / "m.onnx")).data)


def wide(graph: Any) -> dict[str, Range]:
    """Wide ranges for every tensor."""
    return {
        name: Range(-8.0, 8.0) for name in [graph.graph.input[0].name, *[name for n in graph.graph.node for name in n.output]]
    }


@pytest.mark.parametrize(
    ("shape", "op", "transposed"),
    [
        ((16, 3, 3, 3), "Conv", False),
        ((16, 8, 3, 3), "Conv", False),
        ((16, 1, 5, 5), "Conv", False),
        ((10, 33), "Gemm", True),
        ((33, 10), "MatMul", False),
    ],
)
def test_no_pair_can_saturate_and_little_is_lost(shape: tuple[int, ...], op: str, transposed: bool) -> None:
    """Whatever the weights, no like-signed neighbours sum past 128; the error stays within twice that of plain 8 bits."""
    weights = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    weights.reshape(-1)[:3] = 6.0
    codes, scales = pair_safe(weights, op, transposed=transposed)
    rows, channels = rows_of(codes, op, transposed=transposed)
    assert worst_pair(rows.astype(np.int8), channels).max() <= LARGEST_PAIR
    values, _ = rows_of(weights, op, transposed=transposed)
    plain = np.abs(values).max(axis=1, keepdims=True) / 127
    usual = np.sqrt(((np.rint(values / plain) * plain - values) ** 2).mean())
    assert np.sqrt(((rows * scales[:, None] - values) ** 2).mean()) < 2 * usual + 0.05 * np.abs(values).max()


def test_sums_are_settled_without_a_tie_and_ranges_only_grow() -> None:
    """Two residual sums in a row: their ratios are exact in float32, no pair of bytes lands on a half, scales grow under 1 %."""
    scales = {"a": 0.031, "b": 0.027, "s": 0.043, "c": 0.022, "t": 0.051}
    sums = [Sum("a", "b", "s", (0, 12, 3)), Sum("s", "c", "t", (3, 0, 0))]
    found, loose = settle(sums, scales)
    assert loose == []
    for one in sums:
        ratios = [float(np.float32(found[name] / found[one.result])) for name in (one.first, one.second)]
        bits = next(bits for bits in range(17) if all((ratio * 2**bits).is_integer() for ratio in ratios))
        assert not has_tie(int(ratios[0] * 2**bits), int(ratios[1] * 2**bits), bits, one.zeros)
    assert all(scales[name] <= value * (1 + 1e-7) and value < 1.02 * scales[name] for name, value in found.items())


def test_a_tie_is_found() -> None:
    """One half and one half: odd sums lie on a half, with one third they do not."""
    assert has_tie(1, 1, 1, (0, 0, 0))
    assert not has_tie(1 << 16, 21_845, 16, (0, 0, 0))


@pytest.mark.parametrize("make", [classifier, lambda: mobile(size=64), detector])
def test_every_file_for_onnx_runtime_is_safe(make: Any, tmp_path: Path) -> None:
    """None of the networks of this room keeps a layer that could saturate."""
    graph = without_hardswish(graph_of(make(), tmp_path))
    assert unsafe_layers(to_bytes(ort_int8(graph, wide(graph)))) == ()


def test_hard_activations_are_spelt_out_and_compute_the_same(tmp_path: Path) -> None:
    """HardSwish becomes operators that have integer kernels; the answers stay within float rounding."""
    graph = graph_of(mobile(size=64), tmp_path)
    names = [node.name for node in graph.graph.node]
    assert all(names)
    assert len(set(names)) == len(names)
    other = without_hardswish(graph)
    assert not any(node.op_type == "HardSwish" for node in other.graph.node)
    batch = probe_batch((1, 3, 64, 64))
    first, second = (session(to_bytes(one)).run(None, {"input": batch})[0] for one in (graph, other))
    assert np.allclose(first, second, atol=1e-4)


def test_what_follows_the_last_weights_stays_float(tmp_path: Path) -> None:
    """A detector's boxes in pixels and scores in shares are joined in float: neither gets the other's 8-bit scale."""
    graph = graph_of(detector(), tmp_path)
    names = tail(graph)
    assert {node.op_type for node in graph.graph.node if node.name in names} >= {"Concat", "Mul"}
    model = ort_int8(graph, wide(graph))
    maker = {name: node.op_type for node in model.graph.node for name in node.output}
    joined = next(node for node in model.graph.node if node.op_type == "Concat")
    assert "DequantizeLinear" not in [maker.get(name) for name in joined.input]


def test_a_product_over_three_axes_is_written_as_parsers_take_it(tmp_path: Path) -> None:
    """What the runtime folds into Gemm between reshapes goes to TensorRT as MatMul and Add, and computes the same."""
    graph = graph_of(next(case for case in CASES if case.name == "vit-opset18").make(), tmp_path)
    full = products_in_full(graph)
    assert not any("gemm_input_reshape" in node.name for node in full.graph.node)
    batch = probe_batch((1, 3, 32, 32))
    first, second = (session(to_bytes(one)).run(None, {"input": batch})[0] for one in (graph, full))
    assert np.allclose(first, second, atol=1e-5)
    assert trt_int8(graph, wide(graph)).opset_import[0].version >= 19


def test_reductions_of_opset_18_have_a_form_of_17(tmp_path: Path) -> None:
    """ReduceMean with its axes as an input gets them as an attribute; axes that are worked out have no such form."""
    graph = graph_of(next(case for case in CASES if case.name == "vit-opset18").make(), tmp_path)
    batch = probe_batch((1, 3, 32, 32))
    before = session(to_bytes(graph)).run(None, {"input": batch})[0]
    to_opset17(graph)
    assert graph.opset_import[0].version == 17
    assert np.array_equal(session(to_bytes(graph)).run(None, {"input": batch})[0], before)
    mean = next(node for node in graph.graph.node if node.op_type == "ReduceMean")
    mean.input.append("nowhere")
    with pytest.raises(ValueError, match="axes are no constant"):
        to_opset17(graph)


def test_constants_too_large_for_fp16_stay_in_float32(tmp_path: Path) -> None:
    """Stored constants of 40,000 are not clipped: their layers stay in FP32, and the FP16 file answers within 1 %."""
    from adaptd.bundle_build.model.fp16 import to_fp16

    graph = graph_of(next(case for case in CASES if case.name == "gain-40000").make(), tmp_path)
    half = to_fp16(graph)
    assert any(numpy_helper.to_array(item).max() > 39_000 for item in half.graph.initializer if item.data_type == 1)
    batch = probe_batch((1, 3, 32, 32))
    first, second = (session(to_bytes(one)).run(None, {"input": batch})[0] for one in (graph, half))
    assert np.abs(first - second).max() < 0.01 * np.abs(first).max()
