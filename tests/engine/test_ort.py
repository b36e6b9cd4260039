"""The ONNX Runtime backend: the contract, what it refuses, and that it sends nothing anywhere."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from adaptd.engine.base import EngineSpec, probe_batch
from adaptd.engine.errors import BundleError
from adaptd.engine.ort import OrtEngine
from tests.engine.contract import EngineContract, Fresh
from tests.engine.models import INPUT, OUTPUT, classifier


def engine_of(model: bytes, *, cameras: int = 1, output: tuple[int, ...] = OUTPUT, spinning: bool = False) -> OrtEngine:
    """An engine on one thread."""
    return OrtEngine(EngineSpec("fp16", "fp32", INPUT, output, cameras), model, threads=1, spinning=spinning)


class TestOrtContract(EngineContract):
    """The shared contract on ONNX Runtime."""

    @pytest.fixture
    def fresh(self) -> Fresh:
        """Makes engines of the tiny classifier."""
        model = classifier()
        return lambda cameras=1: engine_of(model, cameras=cameras)


def test_the_answer_is_the_models_own_arithmetic() -> None:
    """Mean over the picture times the weights: computed by hand, within float32 rounding."""
    model = onnx.load_from_string(classifier(seed=3))
    weights = onnx.numpy_helper.to_array(model.graph.initializer[0])
    batch = probe_batch(INPUT)
    with engine_of(classifier(seed=3)) as engine:
        assert np.allclose(engine.infer(batch), batch.mean(axis=(2, 3)) @ weights, atol=1e-5)


@pytest.mark.parametrize("part", [b"", b"not a model", classifier()[: len(classifier()) // 2]], ids=["empty", "text", "cut"])
def test_bytes_that_are_no_model_are_refused_in_one_line(part: bytes) -> None:
    """An empty, foreign or truncated file raises BundleError and leaves the engine inactive."""
    engine = engine_of(part)
    with pytest.raises(BundleError) as caught:
        engine.activate()
    assert "\n" not in str(caught.value)
    assert not engine.active


def test_a_model_of_another_output_shape_is_refused_before_it_runs() -> None:
    """The manifest promises seven classes, the file has five: refused by name and shape."""
    with pytest.raises(BundleError, match=r"logits.*the manifest says float32 \(1, 7\)"):
        engine_of(classifier(), output=(1, 7)).activate()


def test_external_data_is_refused_before_the_runtime_sees_the_model(tmp_path: Path) -> None:
    """A model that keeps its weights in another file is refused although that file lies there."""
    model = onnx.load_from_string(classifier())
    onnx.save_model(
        model, tmp_path / "m.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0, convert_attribute=False
    )
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        with pytest.raises(BundleError, match="external data"):
            engine_of((tmp_path / "m.onnx").read_bytes()).activate()
    finally:
        os.chdir(here)


GREEDY = """
import resource
from adaptd.engine.base import probe_batch
from adaptd.engine.pool import WarmPool
from tests.engine.models import INPUT, classifier, greedy
from tests.engine.test_ort import engine_of

engines = {"fp16": engine_of(classifier()), "int8": engine_of(greedy())}
with engines["fp16"]: pass  # the runtime is loaded: what comes now is the model's own
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20),) * 2)
with WarmPool(engines.__getitem__, engines, "fp16") as pool:
    print(pool.faults["int8"])
    pool.infer(probe_batch(INPUT))
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1 << 20, "over 1 GB"
print("frames go on")
"""


def test_out_of_memory_sets_the_variant_aside_and_the_reference_serves() -> None:
    """A model that asks for more than there is: one line in the pool's faults, nothing on stderr, frames go on.

    It runs in a process that may take 256 MB more: where memory is promised freely, terabytes would really be filled.
    """
    done = subprocess.run([sys.executable, "-c", GREEDY], capture_output=True, text=True, timeout=120, check=True)
    assert "out of memory while running" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[1:] == ["frames go on"]
    assert done.stderr == ""


def test_spinning_changes_no_answer() -> None:
    """Spinning is a matter of speed and power only."""
    batch = probe_batch(INPUT)
    with engine_of(classifier()) as still, engine_of(classifier(), spinning=True) as spinning:
        assert still.infer(batch).tobytes() == spinning.infer(batch).tobytes()


def test_importing_the_runtime_writes_nothing_into_the_users_cache(tmp_path: Path) -> None:
    """With telemetry off before the import, a session leaves no file in the home folder, even if the caller asked for it."""
    code = (
        "from adaptd.engine.ort import import_onnxruntime\n"
        "from tests.engine.test_ort import engine_of, classifier\n"
        "with engine_of(classifier()): pass\n"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    env = clean | {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1", "ORT_DISABLE_TELEMETRY": "0"}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=120)
    assert list(tmp_path.rglob("*")) == []
