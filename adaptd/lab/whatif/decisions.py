"""A new policy's decisions on the snapshots that were recorded, beside the recorded ones. No twin is needed.

Each snapshot is what the box met under the logged policy: temperature, power and the account are those of the old choices: this
says what would have been decided at that moment, and not what a day under the new policy comes to.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adaptd.brain import tick
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile, parse_profile
from adaptd.log.format.codec import CodecError, row
from adaptd.log.verify.decided import DecisionReader
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.replay import figures_of
from adaptd.vocabulary import ModeFigures, OperatingPoint, VariantFacts

_FACTS = row(VariantFacts)
LIKE_PPM = 50_000  # rates within a twentieth are the same choice


@dataclass(frozen=True, slots=True)
class Box:
    """What a record of the configuration says of the box."""

    profile: HardwareProfile
    facts: tuple[VariantFacts, ...]
    figures: tuple[ModeFigures, ...]

    def brain(self, policy: Policy) -> tick.Brain:
        """A policy on this box; ValueError where the box's variants lack its reference."""
        known = tuple(fact for fact in self.facts if fact.name in (policy.reference, *policy.efficient))
        return tick.Brain(policy, self.profile, known, self.figures)


def box_of(record: dict[str, Any]) -> Box:
    """The box of a record; ConfigError, CodecError, KeyError or TypeError where it cannot be read."""
    profile = parse_profile(str(record["profile"]["text"]), str(record["profile"]["name"]))
    return Box(profile, tuple(_FACTS.read(one) for one in record["facts"]), figures_of(record))


@dataclass(slots=True)
class Otherwise:
    """A stretch in which the new policy would have chosen otherwise. ``ended_ms`` is its last decision, ``rule`` the new's."""

    from_ms: int
    ended_ms: int
    decisions: int
    old: OperatingPoint
    new: OperatingPoint
    rule: str


@dataclass(slots=True)
class Tally:
    """How many decisions were held against each other."""

    decisions: int = 0
    other: int = 0


def otherwise(folder: Path, policy: Policy, tally: Tally) -> Iterator[Otherwise]:
    """Stretches of differing decisions in order; ``tally`` is kept on the way.

    Raises:
        ValueError: the box's bundle has not the policy's reference.
    """
    reader = DecisionReader()
    brain: tick.Brain | None = None
    state: Any = None
    open_one: Otherwise | None = None
    for record in iter_records(folder):
        if record["kind"] == "config":
            with suppress(KeyError, TypeError, CodecError):
                made = box_of(record).brain(policy)
                brain, state = made, made.start(record["seed"], record["now_us"])
        decided = reader.feed(record)
        if decided is None or brain is None:
            continue
        asked = decided.snapshot.worker.point  # what the box did is taken as asked for: nobody disobeyed
        state, verdict = brain.step(replace(state, point=asked), decided.snapshot)
        tally.decisions += 1
        was, now = decided.verdict.point, verdict.point
        if like(was, now):
            if open_one is not None:
                yield open_one
            open_one = None
            continue
        tally.other += 1
        if open_one is not None and like(open_one.old, was) and like(open_one.new, now):
            open_one.ended_ms, open_one.decisions = record["utc_ms"], open_one.decisions + 1
            continue
        if open_one is not None:
            yield open_one
        open_one = Otherwise(record["utc_ms"], record["utc_ms"], 1, was, now, verdict.rule)
    if open_one is not None:
        yield open_one


def like(a: OperatingPoint, b: OperatingPoint) -> bool:
    """Whether two points are the same choice: the same engine (or a pause both), rates within a twentieth."""
    if not a.fps_mfps or not b.fps_mfps:
        return a.fps_mfps == b.fps_mfps
    near = abs(a.fps_mfps - b.fps_mfps) * 1_000_000 <= LIKE_PPM * max(a.fps_mfps, b.fps_mfps)
    return a.variant == b.variant and near
