"""`benchmarks/gpu.py` without a GPU: a part that fails costs itself alone, and the rest is measured and is JSON."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from adaptd.config.manifest import PlanFact
from adaptd.engine.base import EngineSpec
from adaptd.engine.trt import TrtEngine
from benchmarks import frame_path, gpu, gpu_plans
from benchmarks.rig_gpu import Fence
from tests.gpu import fake_trt
from tests.gpu.conftest import no_tensorrt
from tests.gpu.fake_cuda import FakeGpu


def engines() -> dict[str, TrtEngine]:
    """Two engines of the fake TensorRT on one fake GPU."""
    device = FakeGpu()
    trt = fake_trt.make("8.6.1", device)
    fact = PlanFact(gpu=device.name, compute_capability="8.7", tensorrt="8.6.1", built_with="flags", source="a.onnx")
    return {
        name: TrtEngine(
            EngineSpec(name, name, (1, 3, 8, 8), (1, 5)), fake_trt.plan_bytes(shift=shift), fact, device, command="-", api=trt
        )
        for name, shift in (("fp16", 0.0), ("int8", 0.5))
    }


class NoCounter:
    """A meter whose board has no counter."""

    def busy(self, once: Any, window_s: float) -> dict[str, float]:
        """Refuses."""
        raise RuntimeError("Not Supported")

    paced = busy


def test_what_fails_says_so_in_its_place_and_the_rest_is_there(tmp_path: Path) -> None:
    """No bare loop on a fake GPU and no energy counter: the swaps are measured all the same, none lost, and all of it is kept."""
    found: dict[str, Any] = {}
    kept: list[str] = []
    wanted = argparse.Namespace(frames=10, swaps=200, window_s=0.0, idle_s=0.0)
    bench = gpu.Bench(FakeGpu(), NoCounter(), wanted)  # type: ignore[arg-type]
    served = bench.serve(engines(), 5, Fence(found, 60.0, lambda: kept.append(json.dumps(found))), found)
    assert served == ["fp16", "int8"]
    assert "failed" in found["fp16"]["latency"]
    assert "Not Supported" in found["int8"]["energy"]["failed"]
    assert (found["swap"]["swaps"], found["swap"]["lost"], found["swap"]["on_the_wrong_engine"]) == (200, 0, 0)
    assert found["int8"]["after_idle"]["hundredth_us"] > 0
    assert json.loads(kept[-1])["swap"] == found["swap"]
    gpu.table({"gpu": "g", "tensorrt": "8", "window_s": 1.0, "networks": {"n": found | {"network": "n"}}})


def test_a_frames_cost_is_measured_without_a_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    """On a pretended GPU every loop takes at least what that takes, and every frame of the worker is a replayed graph."""
    assert frame_path.main(["--frames", "100", "--busy-us", "100"]) == 0
    assert capsys.readouterr().out.startswith("GPU 100 us: bare ")
    assert min(one["p50_us"] for one in frame_path.FIGURES["100"].values()) >= 100


def test_a_part_for_which_no_time_is_left_is_skipped() -> None:
    """The budget is a promise about the whole: what does not fit is named and left out."""
    found: dict[str, Any] = {}
    assert Fence(found, 5.0).run("long", lambda: pytest.fail("ran"), needs_s=60.0) is None
    assert "5 s are left" in found["long"]["skipped"] or "4 s are left" in found["long"]["skipped"]


def test_a_builder_that_cannot_build_is_an_answer(tmp_path: Path) -> None:
    """Its process ends with a line, and that line is the reason; one that takes too long is ended."""
    if not no_tensorrt():
        pytest.skip("TensorRT is here: tests/gpu/test_tensorrt.py builds")
    said = gpu_plans.in_child("tiny", "fp16", tmp_path, 1, 120.0)
    assert "TensorRT cannot be imported" in said["failed"]
    assert gpu_plans.in_child("tiny", "fp16", tmp_path, 1, 0.001)["failed"] == "not built within 0 s"
