"""An engine in plain numpy for tests and demonstrations: same answers on every machine, and it fails on request."""

import os
import threading
from collections.abc import Callable
from enum import Enum

import numpy as np

from adaptd.engine.base import Array, Engine, EngineSpec, Meanwhile, nothing
from adaptd.engine.errors import EngineFault, EngineMemoryError


class Misbehaviour(str, Enum):
    """What a stub does instead of answering."""

    NONE = "none"
    NAN = "nan"
    WRONG_SHAPE = "wrong_shape"
    WRONG_ANSWER = "wrong_answer"
    CRASH = "crash"
    HANG = "hang"
    DIE = "die"
    OUT_OF_MEMORY = "out_of_memory"


class StubEngine(Engine):
    """Answers with fixed linear read-outs of the input, so that equal inputs give equal bytes.

    ``misbehave(kind, after)`` lets it fail from the ``after``-th inference on: ``hang`` blocks until ``release()``,
    ``die`` ends the process at once, as a crash in native code would; ``out_of_memory`` fails the next ``activate``.
    ``shift`` moves the answers of one variant against another's; ``pause`` is called before every answer (a fake latency).
    """

    backend = "stub"

    def __init__(
        self, spec: EngineSpec, *, shift: float = 0.0, memory_mb: int = 1, pause: Callable[[], None] | None = None
    ) -> None:
        super().__init__(spec)
        self._shift = np.float32(shift)
        self._claimed = memory_mb << 20
        self._pause = pause
        self._kind = Misbehaviour.NONE
        self._left = 0
        self._release = threading.Event()
        self._weights: Array | None = None
        self.runs = 0
        self.runs_of = [0] * spec.cameras

    def misbehave(self, kind: Misbehaviour, after: int = 0) -> None:
        """From the ``after``-th inference from now on, do ``kind``; ``Misbehaviour.NONE`` heals it."""
        self._kind, self._left = kind, after
        self._release.clear()

    def release(self) -> None:
        """Ends a hang: the frame in flight answers."""
        self._release.set()

    def _activate_impl(self) -> None:
        if self._kind is Misbehaviour.OUT_OF_MEMORY:
            raise EngineMemoryError(f"engine {self.name}: out of memory; close other programs or serve fewer variants")
        inputs, outputs = int(np.prod(self.input_shape)), int(np.prod(self.output_shape))
        rows = np.arange(outputs, dtype=np.int64)[:, None] * 31 + np.arange(min(inputs, 64), dtype=np.int64)[None, :] * 17
        self._weights = ((rows % 13) - 6).astype(np.float32) / np.float32(64.0)

    def _infer_impl(self, batch: Array, camera: int, meanwhile: Meanwhile = nothing) -> Array:
        meanwhile()
        assert self._weights is not None
        self.runs += 1
        self.runs_of[camera] += 1
        if self._pause is not None:
            self._pause()
        answer: Array = (self._weights @ batch.reshape(-1)[: self._weights.shape[1]] + self._shift).reshape(self.output_shape)
        return self._spoil(answer) if self._due() else answer

    def _deactivate_impl(self) -> None:
        self._weights = None

    def _memory_impl(self) -> int:
        return self._claimed

    def _due(self) -> bool:
        if self._kind in (Misbehaviour.NONE, Misbehaviour.OUT_OF_MEMORY):
            return False
        self._left -= 1
        return self._left < 0

    def _spoil(self, answer: Array) -> Array:
        if self._kind is Misbehaviour.CRASH:
            raise EngineFault(f"engine {self.name}: the backend failed (asked to by a test); engine set aside")
        if self._kind is Misbehaviour.DIE:
            os._exit(70)
        if self._kind is Misbehaviour.HANG:
            self._release.wait()
            return answer
        if self._kind is Misbehaviour.NAN:
            return np.full(self.output_shape, np.nan, np.float32)
        if self._kind is Misbehaviour.WRONG_ANSWER:
            wrong: Array = np.float32(-1.0) - answer
            return wrong
        short: Array = answer.reshape(-1)[:-1]
        return short
