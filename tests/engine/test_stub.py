"""The stub engine keeps the contract, and fails exactly when it is told to."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from adaptd.engine import guard
from adaptd.engine.base import EngineSpec, probe_batch
from adaptd.engine.errors import EngineFault, EngineMemoryError
from adaptd.engine.stub import Misbehaviour, StubEngine
from tests.engine.contract import EngineContract, Fresh
from tests.engine.models import INPUT, OUTPUT


def stub(name: str = "fp16", *, cameras: int = 1) -> StubEngine:
    """A stub of the tiny classifier's shapes."""
    return StubEngine(EngineSpec(name, "fp32", INPUT, OUTPUT, cameras))


class TestStubContract(EngineContract):
    """The shared contract on the stub."""

    @pytest.fixture
    def fresh(self) -> Fresh:
        """Makes stubs."""
        return stub


@pytest.mark.parametrize("kind", [Misbehaviour.NAN, Misbehaviour.WRONG_SHAPE, Misbehaviour.CRASH])
def test_a_spoilt_answer_is_an_engine_fault_at_the_guard(kind: Misbehaviour) -> None:
    """NaN, a wrong shape and a crash all end in EngineFault, from the requested frame on and not before."""
    with stub() as engine:
        batch = probe_batch(INPUT)
        engine.misbehave(kind, after=1)
        guard.check(engine.infer(batch), OUTPUT, engine.name)
        with pytest.raises(EngineFault):
            guard.check(engine.infer(batch), OUTPUT, engine.name)
        engine.misbehave(Misbehaviour.NONE)
        guard.check(engine.infer(batch), OUTPUT, engine.name)


def test_a_hang_ends_when_it_is_released() -> None:
    """A hanging stub blocks its caller until release, and then answers as if nothing had been."""
    with stub() as engine:
        batch = probe_batch(INPUT)
        wanted = engine.infer(batch)
        engine.misbehave(Misbehaviour.HANG)
        answers: list[bytes] = []
        caller = threading.Thread(target=lambda: answers.append(engine.infer(batch).tobytes()))
        caller.start()
        engine.release()
        caller.join(timeout=10)
        assert answers == [wanted.tobytes()]


def test_out_of_memory_is_refused_at_activation_and_leaves_the_engine_inactive() -> None:
    """An engine that does not fit raises one line and can be tried again."""
    engine = stub()
    engine.misbehave(Misbehaviour.OUT_OF_MEMORY)
    with pytest.raises(EngineMemoryError, match="out of memory"):
        engine.activate()
    assert not engine.active
    engine.misbehave(Misbehaviour.NONE)
    with engine:
        engine.infer(probe_batch(INPUT))


def test_dying_ends_the_process_at_once() -> None:
    """``die`` is a crash that no handler sees: exit status 70."""
    code = (
        "from tests.engine.test_stub import stub; from adaptd.engine.stub import Misbehaviour as M\n"
        "from adaptd.engine.base import probe_batch\n"
        "e = stub(); e.activate(); e.misbehave(M.DIE); e.infer(probe_batch(e.input_shape))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 70


def test_two_stubs_differ_by_their_shift() -> None:
    """``shift`` moves every output by the same amount, so a test can make variants disagree."""
    spec = EngineSpec("int8", "int8", INPUT, OUTPUT)
    with stub() as plain, StubEngine(spec, shift=0.5) as moved:
        batch = probe_batch(INPUT)
        assert np.allclose(moved.infer(batch) - plain.infer(batch), 0.5)


def test_a_stub_can_be_made_slow_without_sleeping() -> None:
    """``pause`` is called once an answer, so a test's own clock can move."""
    calls: list[None] = []
    with StubEngine(EngineSpec("fp16", "fp32", INPUT, OUTPUT), pause=lambda: calls.append(None)) as engine:
        before = len(calls)
        engine.infer(probe_batch(INPUT))
        assert len(calls) == before + 1
