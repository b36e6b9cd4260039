"""From ONNX Runtime to TensorRT inside a run: plans are built beside, the worker moves over, and what is believed follows.

Nobody has qualified such plans, so nothing is believed of their INT8: no priors, no gain known, and the latency that the worker
measured. What a frame costs is a first guess, that of the engines before, until power has taught better.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256

from adaptd.config.errors import ConfigError
from adaptd.config.manifest import FILE, Manifest, load_manifest
from adaptd.daemon.engine_identity import EngineIdentity
from adaptd.daemon.parts import Parts
from adaptd.daemon.plans_beside import PlansBeside
from adaptd.log.format.binding import Binding, PlanFile
from adaptd.protocol.messages import Hello, MoveOver
from adaptd.vocabulary import VariantFacts

BACKEND = "tensorrt"
NEAR_PCT = 125  # of the ratio in the book: two measurements of one machine differ by less
QUICKER = 4  # beyond it the preparation of a picture may outweigh the engines


@dataclass(frozen=True, slots=True)
class _Engines:
    """What is believed of the engines of one backend, and what decisions are bound to."""

    origin: EngineIdentity
    binding: Binding
    facts: tuple[VariantFacts, ...]


def own_pace(facts: tuple[VariantFacts, ...], measured: dict[str, int]) -> tuple[VariantFacts, ...]:
    """The facts of a staged supply on a machine unlike that of the book: the book then says what the worker measured.

    The staged price of a frame holds at the pace of this machine, whatever that is. By the book of another machine an INT8 engine
    that is hardly faster would be believed to cost more than it is charged, and no swap would be shown. Pictures are prepared
    alike for every engine, so none is booked as quicker against the reference than it is cheaper.
    """
    first = facts[0]
    here_us = measured.get(first.name, 0)
    if not here_us or all(_alike(fact, first, measured.get(fact.name, 0), here_us) for fact in facts[1:]):
        return facts
    return tuple(
        replace(fact, latency_us=max(measured[fact.name], here_us * fact.energy_uj // max(1, first.energy_uj), 1))
        if fact.name in measured
        else fact
        for fact in facts
    )


def _alike(fact: VariantFacts, first: VariantFacts, own_us: int, here_us: int) -> bool:
    """Whether a variant gains here what the book says, on a machine no more than QUICKER times as quick."""
    gains = own_us * first.latency_us * 100 <= NEAR_PCT * here_us * fact.latency_us
    return gains and here_us * QUICKER >= first.latency_us


def plans_of(manifest: Manifest, backend: str) -> tuple[PlanFile, ...]:
    """The files that are loaded on ``backend``, as a binding names them."""
    names = {files[backend].file for files in manifest.variants.values() if backend in files}
    return tuple(PlanFile(name, manifest.files[name].sha256) for name in sorted(names))


def _measured(hello: Hello) -> dict[str, int]:
    return {engine.name: engine.latency_us for engine in hello.engines if engine.warm}


class Moving:
    """Builds, asks the worker to move, and hands over the facts once other engines say hello. Of ``parts`` it changes ``origin``
    and the binding in ``settings``.
    """

    def __init__(self, parts: Parts, tell: Callable[[str, str], None]) -> None:
        self._parts, self._tell = parts, tell
        self.plans = PlansBeside(parts.plans, tell, done=self._ask)
        self._mark = self.plans.target.with_suffix(".of")  # holds the hash of the manifest that the plans were made from
        self._backend = ""
        self._known: dict[str, _Engines] = {}
        self._manifest: Manifest | None = None

    def start(self, now_us: int) -> None:
        """Begin to build where plans are wanted; those of an earlier run that have served are taken again."""
        if self._parts.plans is not None and not self._made_before():
            self.plans.start(now_us)

    def met(self, hello: Hello, facts: tuple[VariantFacts, ...]) -> tuple[VariantFacts, ...] | None:
        """The facts from now on, where ``hello`` comes from another backend or from the engines of a staged supply; else None."""
        if hello.backend == self._backend:
            return None
        if not self._backend:
            self._backend = hello.backend
            if self._parts.plans is not None and self._made_before():
                self._ask()
            return own_pace(facts, _measured(hello)) if self._parts.staged else None
        self._known[self._backend] = _Engines(self._parts.origin, self._parts.settings.binding, facts)
        now = self._known.get(hello.backend) or self._new(hello, facts)
        self._backend = hello.backend
        self._parts.origin, self._parts.settings = now.origin, replace(self._parts.settings, binding=now.binding)
        return now.facts

    def _new(self, hello: Hello, facts: tuple[VariantFacts, ...]) -> _Engines:
        with suppress(OSError):
            self._mark.write_text(self._source())
        measured = _measured(hello)
        kept = tuple(
            replace(fact, latency_us=max(1, measured[fact.name]), no_gain=False, priors=())
            for fact in facts
            if fact.name in measured
        )
        kept = own_pace(kept, measured) if self._parts.staged else kept
        return _Engines(EngineIdentity(kept), self._binding(hello.backend), kept)

    def _binding(self, backend: str) -> Binding:
        binding, manifest = self._parts.settings.binding, self._manifest
        if manifest is None:
            return binding
        return replace(binding, bundle=manifest.digest, plans=plans_of(manifest, backend))

    def _ask(self) -> None:
        """The plans are there: the worker makes them ready beside, and moves over between two frames."""
        with suppress(OSError):
            self._mark.unlink(missing_ok=True)  # until they have served
        try:
            manifest = self._manifest = load_manifest(self.plans.target)
        except ConfigError as error:
            self._tell("plans_failed", f"the plans cannot be taken: {error}; ONNX Runtime serves on")
            return
        planned = [name for name, files in manifest.variants.items() if BACKEND in files and files[BACKEND].plan is not None]
        variants = tuple(fact.name for fact in self._parts.facts if fact.name in planned)
        self._parts.worker.move_over(MoveOver(str(self.plans.target.resolve()), BACKEND, variants, manifest.digest))

    def _made_before(self) -> bool:
        try:
            return self._mark.read_text() == self._source()
        except (OSError, UnicodeDecodeError):
            return False

    def _source(self) -> str:
        return sha256((self.plans.bundle / FILE).read_bytes()).hexdigest()
