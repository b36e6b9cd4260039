"""The life cycle every engine has: activate, infer, deactivate; the backends fill in the ``_impl`` hooks."""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from adaptd.engine import guard
from adaptd.engine.errors import EngineError

if TYPE_CHECKING:
    from typing_extensions import Self

Array = npt.NDArray[np.float32]
FLOAT32 = np.dtype(np.float32)
WARM_UP_RUNS = 10
PROBES, ANSWERS = 4, 64
Meanwhile = Callable[[], None]


def nothing() -> None:
    """There is nothing to do meanwhile."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What the manifest says of one engine. Shapes are whole (batch first); ``cameras`` is how many streams it serves."""

    name: str
    precision: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    cameras: int = 1


class Engine(ABC):
    """One variant on one backend.

    ``activate`` loads, warms up and accounts memory; ``infer`` takes float32 of ``input_shape`` and returns float32 of
    ``output_shape`` in an array of the caller's own; ``deactivate`` gives everything back and may be called twice.
    ``infer`` calls ``meanwhile`` once before it waits: while a device computes, or just before this processor does. Where it
    raises, ``meanwhile`` may not have been called.
    An engine can be activated again. All calls come from one thread. Raises EngineError and its kinds, nothing else.
    """

    backend: ClassVar[str]
    beside: ClassVar[bool] = False  # whether a device computes while the processor is free: then ``meanwhile`` costs nothing

    def __init__(self, spec: EngineSpec) -> None:
        self.name = spec.name
        self.precision = spec.precision
        self.input_shape, self.output_shape = spec.input_shape, spec.output_shape
        self.cameras = spec.cameras
        self.active = False
        self.path = "run"  # how a frame is run, for the log: for example run, enqueue or graph
        self._memory = 0

    @property
    def memory_mb(self) -> int:
        """Memory taken by ``activate``, in MiB rounded up; 0 while inactive."""
        return -(-self._memory // (1 << 20))

    def activate(self) -> None:
        if self.active:
            raise EngineError(f"engine {self.name}: already active; deactivate it first")
        with ExitStack() as undo:
            undo.callback(self._deactivate_impl)
            self._activate_impl()
            self._warm_up()
            self._memory = self._memory_impl()
            undo.pop_all()
        self.active = True

    def infer(self, batch: Array, camera: int = 0, meanwhile: Meanwhile = nothing) -> Array:
        if not self.active:
            raise EngineError(f"engine {self.name}: not active; call activate() before infer()")
        if batch.shape != self.input_shape or batch.dtype != FLOAT32:
            raise EngineError(
                f"engine {self.name}: input is {batch.dtype} {batch.shape}, it takes float32 {self.input_shape}; "
                "fix the preprocessing"
            )
        if not 0 <= camera < self.cameras:
            raise EngineError(f"engine {self.name}: camera {camera} of {self.cameras}; open the pool with more cameras")
        return self._infer_impl(batch, camera, meanwhile)

    def deactivate(self) -> None:
        if self.active:
            self.active = False
            self._memory = 0
            self._deactivate_impl()

    def __enter__(self) -> "Self":
        self.activate()
        return self

    def __exit__(self, *error: object) -> None:
        self.deactivate()

    def _warm_up(self) -> None:
        batch = probe_batch(self.input_shape)
        for camera in range(self.cameras):
            for _ in range(WARM_UP_RUNS):
                guard.check(self._infer_impl(batch, camera), self.output_shape, self.name)

    @abstractmethod
    def _activate_impl(self) -> None:
        """Loads the engine. May raise half way: ``_deactivate_impl`` follows."""

    @abstractmethod
    def _infer_impl(self, batch: Array, camera: int, meanwhile: Meanwhile = nothing) -> Array:
        """Runs one checked batch, and ``meanwhile`` before it waits. Raises EngineFault when the backend fails."""

    @abstractmethod
    def _deactivate_impl(self) -> None:
        """Gives back whatever ``_activate_impl`` took, all or a part of it."""

    @abstractmethod
    def _memory_impl(self) -> int:
        """Bytes this engine holds, asked once after warm-up."""


def probe_batch(shape: tuple[int, ...], turn: int = 0) -> Array:
    """A fixed picture-like input, -1 to 1, neither constant nor zero: a network of zeros can hide a dead engine.

    Every ``turn`` gives another one; odd turns change slowly from value to value, as pictures do.
    """
    size = int(np.prod(shape))
    ramp = np.arange(size, dtype=np.int64) * (1 if turn % 2 else 7919) + turn * 499
    ramp = (ramp % 2003).astype(np.float32)
    batch: Array = (ramp / np.float32(1001.0) - np.float32(1.0)).reshape(shape)
    return batch


def fingerprint_of(answer: Array) -> str:
    """sha256 of an answer to the fixed probe: the same bytes elsewhere mean the same arithmetic there."""
    return hashlib.sha256(np.ascontiguousarray(answer, np.dtype("<f4")).tobytes()).hexdigest()


def answers_of(engine: Engine) -> list[float]:
    """What an engine answers to the fixed probes: up to ANSWERS values of each, at even distances."""
    values: list[float] = []
    for turn in range(PROBES):
        flat = engine.infer(probe_batch(engine.input_shape, turn)).reshape(-1)
        values += flat[:: -(-len(flat) // ANSWERS)].tolist()
    return values


def resident_bytes() -> int:
    """Resident memory of this process (Linux /proc/self/statm, second field, pages)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
