"""A daemon whose worker says what its engines answer: priors count where that is what was qualified, and the log replays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adaptd.brain import tick
from adaptd.daemon.engine_identity import EngineIdentity
from adaptd.daemon.loop import Daemon
from adaptd.daemon.parts import Parts
from adaptd.daemon.status import Scene
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.verify import verify
from adaptd.protocol.messages import EngineInfo, Hello
from tests.daemon.test_loop_clock import FACTS, Turned, Watching, begin, daemon, ticks

HOME = {"fp16": "aa", "int8": "bb"}


def met(folder: Path, answers: dict[str, str]) -> tuple[Daemon, Parts, Watching, Turned]:
    """A daemon that started without priors, decided once, and then heard ``answers`` from its worker."""
    clock = Turned()
    running, parts, seen = daemon(folder, clock)
    parts.origin = EngineIdentity(FACTS, HOME, "the bench")
    parts.facts = running._facts = parts.origin.first_guess(())
    parts.settings = replace(parts.settings, facts=parts.facts)
    running._state = tick.Brain(parts.policy, parts.profile, parts.facts).start(7, parts.settings.now_us)
    begin(running, parts)
    ticks(running, clock, 1)
    engines = tuple(EngineInfo(name, name, 9, warm=True, latency_us=1, fingerprint=value) for name, value in answers.items())
    said: list[Any] = [Hello(1, "ort", engines, "clip", 15_000, False, 5, 6)]
    parts.worker.poll = lambda: [said.pop()] if said else []  # type: ignore[method-assign]
    ticks(running, clock, 3)
    return running, parts, seen, clock


def admitted(scene: Scene) -> bool:
    """Whether INT8 is proven anywhere."""
    return any(found.admitted for found in scene.verdict.evidence)


def test_at_home_int8_is_proven_from_the_moment_the_engines_have_answered(tmp_path: Path) -> None:
    """Not before, and the change of configuration is on record, so that the log runs again."""
    running, _, seen, _ = met(tmp_path, HOME)
    assert not admitted(seen.scenes[0])
    assert admitted(seen.scenes[-1])
    assert seen.scenes[-1].engines.priors == (("int8", "counted"),)
    running._end()
    assert [record["reason"] for record in iter_records(tmp_path) if record["kind"] == "config"] == ["start", "reload"]
    assert verify(tmp_path).verdict.value == "valid"


@pytest.mark.parametrize("changed", ["fp16", "int8"])
def test_elsewhere_int8_starts_unproven_and_everyone_is_told(tmp_path: Path, changed: str) -> None:
    """An engine that rounds otherwise: no priors, one line for people, one record, and the log runs again."""
    running, parts, seen, clock = met(tmp_path, HOME | {changed: "cc"})
    assert not any(admitted(scene) for scene in seen.scenes)
    assert seen.scenes[-1].engines.priors == (("int8", "left_out"),)
    assert [words for words in seen.words if "qualification is ignored" in words] == list(seen.scenes[-1].trouble)
    running._meet_engines(Hello(2, "ort", (EngineInfo("int8", "int8", 9, True, 1, "cc"),), "clip", 15_000, False, 5, 6))
    ticks(running, clock, 1)
    running._end()
    faults = [record["fault"] for record in iter_records(tmp_path) if record["kind"] == "fault"]
    assert faults == ["priors_left_out"]
    assert parts.settings.facts[1].priors == ()
    assert verify(tmp_path).verdict.value == "valid"
