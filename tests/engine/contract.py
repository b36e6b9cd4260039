"""What every engine promises, whatever runs behind it: one set of tests for the stub, ONNX Runtime and TensorRT.

A backend's test module inherits ``EngineContract`` and gives a fixture ``fresh``: a function that makes a new inactive engine
for one model with ``cameras`` streams.
"""

import gc
import weakref
from collections.abc import Callable

import numpy as np
import pytest

from adaptd.engine.base import Engine, probe_batch
from adaptd.engine.errors import EngineError

Fresh = Callable[..., Engine]


class EngineContract:
    """The promises. Names and docstrings are the specification."""

    def test_an_engine_answers_float32_of_the_manifests_shape(self, fresh: Fresh) -> None:
        """A caller can rely on dtype, shape and finiteness without looking."""
        with fresh() as engine:
            answer = engine.infer(probe_batch(engine.input_shape))
        assert answer.dtype == np.float32
        assert answer.shape == engine.output_shape
        assert np.isfinite(answer).all()

    def test_equal_inputs_give_equal_answers(self, fresh: Fresh) -> None:
        """Two runs of one engine on one picture agree bit for bit, also after another picture came between."""
        with fresh() as engine:
            batch = probe_batch(engine.input_shape)
            first = engine.infer(batch)
            other = engine.infer(batch * np.float32(0.5) + np.float32(0.25))
            second = engine.infer(batch)
        assert first.tobytes() == second.tobytes()
        assert first.tobytes() != other.tobytes()

    def test_an_answer_belongs_to_the_caller(self, fresh: Fresh) -> None:
        """A kept answer does not change when the next frame runs, nor when the engine goes."""
        with fresh() as engine:
            batch = probe_batch(engine.input_shape)
            kept = engine.infer(batch)
            before = kept.copy()
            engine.infer(-batch)
        assert kept.tobytes() == before.tobytes()
        assert kept.flags.writeable or kept.base is None

    def test_what_is_to_be_done_meanwhile_is_done_once_before_the_answer(self, fresh: Fresh) -> None:
        """Every answered frame has called it once, for every camera, and the answer is the same with it."""
        with fresh(cameras=2) as engine:
            batch, called = probe_batch(engine.input_shape), []
            answers = [engine.infer(batch, camera, lambda: called.append(None)).tobytes() for camera in (0, 1)]
            assert (len(called), set(answers)) == (2, {engine.infer(batch).tobytes()})

    def test_infer_needs_an_active_engine(self, fresh: Fresh) -> None:
        """An engine that is not loaded says so in one line instead of answering."""
        engine = fresh()
        with pytest.raises(EngineError, match="activate"):
            engine.infer(probe_batch(engine.input_shape))

    def test_activating_twice_is_refused_and_harmless(self, fresh: Fresh) -> None:
        """The second activate raises and the engine still answers."""
        with fresh() as engine:
            with pytest.raises(EngineError, match="already active"):
                engine.activate()
            engine.infer(probe_batch(engine.input_shape))

    def test_deactivate_can_be_called_twice_and_before_activate(self, fresh: Fresh) -> None:
        """Clean-up paths need not know how far they came."""
        engine = fresh()
        engine.deactivate()
        engine.activate()
        engine.deactivate()
        engine.deactivate()
        assert not engine.active

    def test_an_engine_can_come_back(self, fresh: Fresh) -> None:
        """After deactivate and activate the answers are what they were."""
        engine = fresh()
        batch = probe_batch(engine.input_shape)
        with engine:
            before = engine.infer(batch)
        with engine:
            after = engine.infer(batch)
        assert before.tobytes() == after.tobytes()

    def test_memory_is_accounted_while_active_only(self, fresh: Fresh) -> None:
        """A loaded engine claims at least one MiB, an unloaded one none."""
        engine = fresh()
        assert engine.memory_mb == 0
        with engine:
            assert engine.memory_mb >= 1
        assert engine.memory_mb == 0

    @pytest.mark.parametrize("spoil", ["shape", "dtype"])
    def test_a_wrong_input_is_refused_before_it_runs(self, fresh: Fresh, spoil: str) -> None:
        """A frame of the wrong size or type raises one line that names both, and the engine still answers."""
        with fresh() as engine:
            good = probe_batch(engine.input_shape)
            bad = good[..., :-1] if spoil == "shape" else good.astype(np.float64)
            with pytest.raises(EngineError, match="it takes float32") as caught:
                engine.infer(bad)  # type: ignore[arg-type]
            assert "\n" not in str(caught.value)
            engine.infer(good)

    def test_a_strided_input_is_read_as_it_looks(self, fresh: Fresh) -> None:
        """A view with strides gives the answer of its contiguous copy."""
        with fresh() as engine:
            batch = probe_batch(engine.input_shape)
            view = np.repeat(batch, 2, axis=-1)[..., ::2]
            assert engine.infer(view).tobytes() == engine.infer(batch).tobytes()

    def test_every_camera_gets_the_same_engine(self, fresh: Fresh) -> None:
        """Two cameras that see one picture get one answer; a third that was not asked for is refused."""
        with fresh(cameras=2) as engine:
            batch = probe_batch(engine.input_shape)
            assert engine.infer(batch, 0).tobytes() == engine.infer(batch, 1).tobytes()
            with pytest.raises(EngineError, match="camera 2 of 2"):
                engine.infer(batch, 2)

    def test_a_closed_engine_leaves_nothing_behind(self, fresh: Fresh) -> None:
        """Once closed and dropped, an engine is gone at once: no cycle and no registry keeps it."""
        engine = fresh()
        with engine:
            engine.infer(probe_batch(engine.input_shape))
        gone = weakref.ref(engine)
        gc.disable()
        try:
            del engine
            assert gone() is None
        finally:
            gc.enable()
