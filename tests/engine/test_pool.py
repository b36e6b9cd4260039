"""The warm pool: swaps lose nothing, a bad engine is set aside, and the reference keeps serving."""

import threading

import numpy as np
import pytest

from adaptd.engine.base import Array, EngineSpec, probe_batch
from adaptd.engine.errors import EngineError, EngineFault
from adaptd.engine.pool import WarmPool
from adaptd.engine.stub import Misbehaviour, StubEngine
from tests.engine.models import INPUT, OUTPUT

BATCH = probe_batch(INPUT)


class Bench:
    """A pool over two stubs, with a handle on each."""

    def __init__(self, *, memory_mb: int = 10, budget_mb: int | None = None, expected_mb: dict[str, int] | None = None) -> None:
        self.fp16 = StubEngine(EngineSpec("fp16", "fp32", INPUT, OUTPUT), memory_mb=memory_mb)
        self.int8 = StubEngine(EngineSpec("int8", "int8", INPUT, OUTPUT), shift=0.25, memory_mb=memory_mb)
        engines = {"fp16": self.fp16, "int8": self.int8}
        self.pool = WarmPool(engines.__getitem__, engines, "fp16", budget_mb=budget_mb, expected_mb=expected_mb)

    def reference_answer(self) -> bytes:
        """What the reference says of the batch."""
        return self.fp16.infer(BATCH).tobytes()


@pytest.fixture
def bench() -> Bench:
    """An activated pool."""
    made = Bench()
    made.pool.activate()
    return made


def test_a_pool_starts_on_the_reference_with_everything_warm(bench: Bench) -> None:
    """After activate every variant is resident and the reference serves."""
    assert bench.pool.serving == "fp16"
    assert bench.pool.warm == ("fp16", "int8")
    assert bench.pool.memory_mb == 20
    assert bench.pool.quarantined == ()


def test_a_swap_concerns_the_next_frame(bench: Bench) -> None:
    """Frames before the swap come from the old variant, frames after it from the new one, none is lost."""
    before = bench.pool.infer(BATCH)
    bench.pool.swap("int8")
    after = bench.pool.infer(BATCH)
    assert np.allclose(after - before, 0.25)
    assert bench.pool.served_by == "int8"


def test_a_frame_in_flight_ends_on_the_engine_it_began_on(bench: Bench) -> None:
    """A swap from another thread, while a frame runs, leaves that frame on the old engine."""
    wanted = bench.reference_answer()
    bench.fp16.misbehave(Misbehaviour.HANG)
    answers: list[Array] = []
    runs = bench.fp16.runs
    frame = threading.Thread(target=lambda: answers.append(bench.pool.infer(BATCH)))
    frame.start()
    while bench.fp16.runs == runs:
        frame.join(timeout=0.001)
    bench.pool.swap("int8")
    bench.fp16.release()
    frame.join(timeout=10)
    assert answers[0].tobytes() == wanted
    assert bench.pool.serving == "int8"


@pytest.mark.parametrize("kind", [Misbehaviour.NAN, Misbehaviour.WRONG_SHAPE, Misbehaviour.CRASH])
def test_a_frame_that_the_chosen_engine_spoils_is_answered_by_the_reference(bench: Bench, kind: Misbehaviour) -> None:
    """Garbage from int8 costs no frame: the same frame is answered by fp16, int8 is set aside with one line of reason."""
    wanted = bench.reference_answer()
    bench.pool.swap("int8")
    bench.int8.misbehave(kind)
    assert bench.pool.infer(BATCH).tobytes() == wanted
    assert (bench.pool.serving, bench.pool.served_by) == ("fp16", "fp16")
    assert bench.pool.quarantined == ("int8",)
    assert "\n" not in bench.pool.faults["int8"]
    assert not bench.int8.active
    with pytest.raises(EngineError, match="int8 cannot be served"):
        bench.pool.swap("int8")


def test_a_fault_of_the_reference_is_raised(bench: Bench) -> None:
    """When the reference itself gives garbage nobody may pretend: the caller gets EngineFault."""
    bench.fp16.misbehave(Misbehaviour.NAN)
    with pytest.raises(EngineFault, match="NaN"):
        bench.pool.infer(BATCH)


def test_a_shadow_runs_beside_and_changes_nothing(bench: Bench) -> None:
    """Shadowing int8 answers from int8 while fp16 goes on serving."""
    shadow = bench.pool.shadow(BATCH, "int8")
    assert shadow is not None
    assert np.allclose(shadow - bench.pool.infer(BATCH), 0.25)
    assert bench.pool.serving == "fp16"


def test_a_bad_shadow_is_absent_and_sets_its_engine_aside(bench: Bench) -> None:
    """A NaN in the shadow never becomes a number: None, and the variant is quarantined."""
    bench.int8.misbehave(Misbehaviour.NAN)
    assert bench.pool.shadow(BATCH, "int8") is None
    assert bench.pool.quarantined == ("int8",)


def test_touch_exercises_every_engine(bench: Bench) -> None:
    """Keep-warm reaches the idle engine as well as the serving one."""
    before = (bench.fp16.runs, bench.int8.runs)
    bench.pool.touch()
    assert bench.fp16.runs > before[0]
    assert bench.int8.runs > before[1]
    assert bench.pool.quarantined == ()


def test_touch_finds_an_engine_whose_answers_have_changed(bench: Bench) -> None:
    """Finite but different answers to the fixed probe mean damaged memory: set aside before it serves."""
    bench.int8.misbehave(Misbehaviour.WRONG_ANSWER)
    bench.pool.touch()
    assert bench.pool.quarantined == ("int8",)
    assert bench.pool.infer(BATCH).tobytes() == bench.reference_answer()


def test_a_variant_that_does_not_load_leaves_the_reference_serving() -> None:
    """Out of memory for int8 at start: one line in faults, fp16 serves."""
    bench = Bench()
    bench.int8.misbehave(Misbehaviour.OUT_OF_MEMORY)
    with bench.pool as pool:
        assert pool.warm == ("fp16",)
        assert "out of memory" in pool.faults["int8"]
        pool.infer(BATCH)


def test_a_reference_that_does_not_load_is_an_error_and_nothing_stays() -> None:
    """Without the reference there is no pool."""
    bench = Bench()
    bench.fp16.misbehave(Misbehaviour.OUT_OF_MEMORY)
    with pytest.raises(EngineError, match="out of memory"):
        bench.pool.activate()
    assert bench.pool.warm == ()
    assert not bench.int8.active


def test_a_budget_too_small_for_both_refuses_the_second_and_says_the_numbers() -> None:
    """The measured memory counts: 10 + 10 MB do not fit into 15, int8 is given back and named."""
    bench = Bench(budget_mb=15)
    with bench.pool as pool:
        assert pool.warm == ("fp16",)
        assert "needs 10 MB, 10 of 15 MB are taken" in pool.faults["int8"]
        assert not bench.int8.active


def test_a_variant_known_to_be_too_large_is_not_even_loaded() -> None:
    """Qualification's figure refuses before memory is touched."""
    bench = Bench(budget_mb=50, expected_mb={"int8": 60})
    with bench.pool as pool:
        assert "needs 60 MB" in pool.faults["int8"]
        assert bench.int8.runs == 0


def test_a_budget_too_small_for_the_reference_is_refused() -> None:
    """A pool that cannot hold its reference does not start."""
    with pytest.raises(EngineError, match="raise the memory budget"):
        Bench(budget_mb=5).pool.activate()


def test_a_closed_pool_holds_nothing_and_says_so(bench: Bench) -> None:
    """After close every engine is inactive, a frame is refused in one line, and a second close is harmless."""
    bench.pool.close()
    bench.pool.close()
    assert not bench.fp16.active
    assert not bench.int8.active
    assert bench.pool.serving == ""
    with pytest.raises(EngineError, match="closed"):
        bench.pool.infer(BATCH)


def test_an_unknown_variant_is_named_with_the_known_ones(bench: Bench) -> None:
    """A swap to a variant that does not exist changes nothing."""
    with pytest.raises(EngineError, match="fp16, int8"):
        bench.pool.swap("int4")
    assert bench.pool.serving == "fp16"


def test_ten_thousand_swaps_lose_no_frame(bench: Bench) -> None:
    """Every frame of an alternating run is answered by exactly the variant that was asked for."""
    base = bench.reference_answer()
    other = bench.int8.infer(BATCH).tobytes()
    for turn in range(10_000):
        bench.pool.swap("int8" if turn % 2 else "fp16")
        assert bench.pool.infer(BATCH).tobytes() == (other if turn % 2 else base)
