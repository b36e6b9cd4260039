"""Whether the engines that run here are those that qualification measured: elsewhere its priors are left out.

A certificate belongs to device, bundle and band. Qualification keeps what each engine answered to fixed pictures. An efficient
engine that gives the same bytes computes the same thing; so does a reference that gives the same answers within the tolerance of
float sums (``config.engine_answers``). Until the worker has said what its engines answer nobody knows, and priors stay out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from adaptd.config.engine_answers import TOLERANCE_PPM, close
from adaptd.protocol.messages import EngineInfo
from adaptd.vocabulary import VariantFacts

COUNTED, LEFT_OUT = "counted", "left_out"


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """What the bundle says: all facts, the reference first, each engine's fingerprint, the device that was qualified, and the
    reference's answers there."""

    facts: tuple[VariantFacts, ...] = ()
    prints: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    answers: str = ""
    tolerance_ppm: int = TOLERANCE_PPM

    def first_guess(self, inherited: tuple[VariantFacts, ...]) -> tuple[VariantFacts, ...]:
        """The facts to start with: those of the last run where it ran on this bundle, else none of the priors."""
        return inherited if inherited in (self.facts, _bare(self.facts)) else _bare(self.facts)

    def settle(self, current: tuple[VariantFacts, ...], running: Mapping[str, str], said: str = "") -> tuple[VariantFacts, ...]:
        """The facts once the engines have answered; of a variant that does not run nothing new is known.

        A disagreement is measured between two engines, so both must answer as they did then. ``said`` are the reference's
        answers.
        """
        if not self.facts or not running.get(self.facts[0].name):
            return current
        if not self._same_reference(running, said):
            return tuple(replace(now, priors=()) if running.get(now.name) else now for now in current)
        pairs = zip(self.facts, current, strict=True)
        return tuple(self._believed(whole, now, running) if running.get(now.name) else now for whole, now in pairs)

    def _believed(self, whole: VariantFacts, now: VariantFacts, running: Mapping[str, str]) -> VariantFacts:
        """The bundle's facts of a variant that runs beside the right reference, without priors where it computes otherwise."""
        right = whole is self.facts[0] or self._same(now.name, running)
        return whole if right else replace(now, priors=())

    def meet(
        self, current: tuple[VariantFacts, ...], engines: Iterable[EngineInfo], before: tuple[tuple[str, str], ...]
    ) -> "Met":
        """What the engines that have come up mean; ``before`` is how the variants stood, so that nothing is told twice."""
        engines = tuple(engines)
        running = {engine.name: engine.fingerprint for engine in engines}
        said = next((engine.answers for engine in engines if self.facts and engine.name == self.facts[0].name), "")
        known = self.settle(current, running, said)
        standing = self.standing(known)
        same = not self.facts or self._same_reference(running, said)
        left_out = [one[0] for one in standing if one[1] == LEFT_OUT and one not in before]
        return Met(known, standing, tuple((name, self._words(name, same_reference=same)) for name in left_out))

    def standing(self, current: tuple[VariantFacts, ...]) -> tuple[tuple[str, str], ...]:
        """Of each variant that has priors in the bundle: ``counted`` or ``left_out``."""
        pairs = zip(self.facts[1:], current[1:], strict=True) if self.facts else ()
        return tuple((whole.name, COUNTED if now.priors else LEFT_OUT) for whole, now in pairs if whole.priors)

    def _same_reference(self, running: Mapping[str, str], said: str) -> bool:
        return self._same(self.facts[0].name, running) or close(self.answers, said, self.tolerance_ppm)

    def _same(self, name: str, running: Mapping[str, str]) -> bool:
        return name in self.prints and self.prints[name] == running.get(name)

    def _words(self, name: str, *, same_reference: bool) -> str:
        """One line for people: what is not believed, which engine is why, and how to be believed."""
        remedy = (
            f"its qualification is ignored, and {name} stays off until shadow frames prove it; "
            "to prove it beforehand: adaptd engine qualify BUNDLE --data DIR"
        )
        if name not in self.prints:
            return f"{name} was qualified without a fingerprint of its output: {remedy}"
        other = f"gives other output here than at qualification on {self.device}"
        if not same_reference:
            return f"{self.facts[0].name}, the reference, {other}. {name}: {remedy}"
        return f"{name} {other}: {remedy}"


@dataclass(frozen=True, slots=True)
class Met:
    """Facts from now on, how each variant's priors stand, and (variant, words) for each that has come to be left out."""

    facts: tuple[VariantFacts, ...]
    standing: tuple[tuple[str, str], ...]
    told: tuple[tuple[str, str], ...]


def _bare(facts: tuple[VariantFacts, ...]) -> tuple[VariantFacts, ...]:
    return tuple(replace(fact, priors=()) for fact in facts)
