"""The warm pool: every variant resident and exercised, the swap one pointer, and a bad engine set aside."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from adaptd.engine import guard
from adaptd.engine.base import Array, Engine, Meanwhile, fingerprint_of, nothing, probe_batch
from adaptd.engine.errors import EngineError, EngineFault, EngineMemoryError

if TYPE_CHECKING:
    from typing_extensions import Self

Factory = Callable[[str], Engine]


class WarmPool:
    """The engines of one bundle on one backend, all warm.

    ``factory`` makes the engine of a variant (``backends.open_pool`` wires one to a bundle). The reference must load; another
    variant that does not, or does not fit into ``budget_mb``, is set aside with its reason in ``faults``, and the reference
    serves. ``expected_mb`` is what qualification measured: a variant known to be too large is not even loaded.
    One thread calls everything but ``swap``, which may come from any: it moves one pointer, and a frame in flight ends on the
    engine it began on.
    """

    def __init__(
        self,
        factory: Factory,
        variants: Iterable[str],
        reference: str,
        *,
        budget_mb: int | None = None,
        expected_mb: Mapping[str, int] | None = None,
    ) -> None:
        self._factory = factory
        self._names = (reference, *(name for name in variants if name != reference))
        self._reference = reference
        self._budget_mb = budget_mb
        self._expected_mb = dict(expected_mb or {})
        self._engines: dict[str, Engine] = {}
        self._probes: dict[str, Array] = {}
        self._faults: dict[str, str] = {}
        self._serving: Engine | None = None
        self.served_by = ""  # what answered the last frame: the reference, where the chosen one failed on it

    @property
    def serving(self) -> str:
        """The variant that the next frame runs on; empty while the pool is closed."""
        engine = self._serving
        return "" if engine is None else engine.name

    @property
    def warm(self) -> tuple[str, ...]:
        """The variants that can be served at once, the reference first."""
        return tuple(self._engines)

    @property
    def faults(self) -> dict[str, str]:
        """Why each variant that was set aside was: one line each."""
        return dict(self._faults)

    @property
    def quarantined(self) -> tuple[str, ...]:
        """The variants set aside, in alphabetical order."""
        return tuple(sorted(self._faults))

    @property
    def memory_mb(self) -> int:
        """What all resident engines take together, MiB."""
        return sum(engine.memory_mb for engine in self._engines.values())

    def engine(self, variant: str) -> Engine:
        """The warm engine of ``variant``. Raises EngineError when there is none, with the reason."""
        engine = self._engines.get(variant)
        if engine is None:
            reason = self._faults.get(variant, f"no such variant; the pool has {', '.join(self._names)}")
            raise EngineError(f"variant {variant} cannot be served: {reason}")
        return engine

    def fingerprint(self, variant: str) -> str:
        """sha256 of what ``variant`` answered to the fixed probe when it was loaded. Raises EngineError when it is not warm."""
        self.engine(variant)
        return fingerprint_of(self._probes[variant])

    def activate(self) -> None:
        """Load and warm every variant, then serve the reference.

        Raises:
            EngineError: the reference cannot be served; nothing stays loaded.
        """
        self._load(self._reference)
        for name in self._names[1:]:
            try:
                self._load(name)
            except EngineError as error:
                self._faults[name] = str(error)
        self._serving = self._engines[self._reference]

    def swap(self, variant: str) -> None:
        """Serve ``variant`` from the next frame on. Raises EngineError, and changes nothing, when it is not warm."""
        self._serving = self.engine(variant)

    def infer(self, batch: Array, camera: int = 0, meanwhile: Meanwhile = nothing) -> Array:
        """Run one frame on the serving engine; where that fails, set it aside and run the same frame on the reference.

        ``meanwhile`` is called while the engine computes; twice where two had to be tried.

        Raises:
            EngineFault: the reference itself failed.
        """
        engine = self._serving  # one read: a swap from now on concerns the next frame
        if engine is None:
            raise EngineError("the pool is closed; call activate() before infer()")
        try:
            answer = guard.check(engine.infer(batch, camera, meanwhile), engine.output_shape, engine.name)
        except EngineFault as fault:
            engine = self._set_aside(engine, fault)
            answer = guard.check(engine.infer(batch, camera, meanwhile), engine.output_shape, engine.name)
        self.served_by = engine.name
        return answer

    def example(self) -> Array | None:
        """What the serving engine answers to its probe, checked like any answer; None where it computes on this processor.

        To practise on meanwhile: what reads an answer then lies in the caches when the real one comes.
        """
        engine = self._serving
        if engine is None or not engine.beside:
            return None
        return guard.check(self._probes[engine.name].copy(), engine.output_shape, engine.name)

    def shadow(self, batch: Array, variant: str, camera: int = 0) -> Array | None:
        """Run one frame on ``variant`` beside the serving one; None when it failed and was set aside.

        Raises:
            EngineFault: the reference itself failed.
        """
        engine = self.engine(variant)
        try:
            return guard.check(engine.infer(batch, camera), engine.output_shape, engine.name)
        except EngineFault as fault:
            self._set_aside(engine, fault)
            return None

    def touch(self) -> None:
        """Exercise every engine with the fixed probe and compare with its first answer: keeps them warm, finds silent damage.

        Raises:
            EngineFault: the reference itself failed.
        """
        for engine in tuple(self._engines.values()):
            try:
                if not guard.same_answer(self._probes[engine.name], self._ask_probe(engine)):
                    raise EngineFault(f"engine {engine.name}: its probe is answered otherwise than at first; engine set aside")
            except EngineFault as fault:
                self._set_aside(engine, fault)

    def close(self) -> None:
        """Give every engine back, the last loaded first. May be called twice."""
        self._serving = None
        self._probes.clear()
        while self._engines:
            self._engines.popitem()[1].deactivate()

    def __enter__(self) -> "Self":
        self.activate()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _load(self, name: str) -> None:
        self._refuse_over_budget(name, self._expected_mb.get(name, 0))
        engine = self._factory(name)
        engine.activate()
        try:
            self._refuse_over_budget(name, engine.memory_mb)
            self._probes[name] = self._ask_probe(engine)
        except EngineError:
            engine.deactivate()
            raise
        self._engines[name] = engine

    def _refuse_over_budget(self, name: str, needs_mb: int) -> None:
        if self._budget_mb is not None and self.memory_mb + needs_mb > self._budget_mb:
            raise EngineMemoryError(
                f"engine {name}: needs {needs_mb} MB, {self.memory_mb} of {self._budget_mb} MB are taken; "
                "raise the memory budget or serve fewer variants"
            )

    def _ask_probe(self, engine: Engine) -> Array:
        return guard.check(engine.infer(probe_batch(engine.input_shape)), engine.output_shape, engine.name)

    def _set_aside(self, engine: Engine, fault: EngineFault) -> Engine:
        """Quarantine ``engine`` and hand back the reference; raises ``fault`` when the engine is the reference."""
        if engine.name == self._reference:
            raise fault
        reference = self._engines[self._reference]
        if self._serving is engine:
            self._serving = reference
        self._faults[engine.name] = str(fault)
        self._probes.pop(engine.name, None)
        if self._engines.pop(engine.name, None) is not None:
            engine.deactivate()
        return reference
