"""Plans that were built beside take over inside the run: nothing is believed of them that was measured on other engines."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from adaptd.config.manifest import load_manifest
from adaptd.daemon.moving import Moving
from adaptd.daemon.plans_beside import PlansBeside
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.verify import verify
from adaptd.protocol.messages import EngineInfo, Hello, Moved, MoveOver
from tests.daemon.test_loop_clock import FACTS, ticks
from tests.daemon.test_loop_priors import HOME, admitted, met
from tests.engine.models import classifier, write_bundle

PLAN = {"gpu": "bench", "compute_capability": "8.7", "tensorrt": "8.6.1", "built_with": "flags", "source": "tiny.fp16.onnx"}


def hello(backend: str, latency_us: int = 150) -> Hello:
    """What a worker says of two warm engines."""
    engines = tuple(EngineInfo(name, name, 9, warm=True, latency_us=latency_us, fingerprint=HOME[name]) for name in HOME)
    return Hello(1, backend, engines, "clip", 15_000, False, 3_000_000, 6)


def test_after_the_move_int8_has_to_prove_itself_and_the_log_runs_again(tmp_path: Path) -> None:
    """Proven on ONNX Runtime, unproven on TensorRT, proven again when a crash leads back; every change is on record."""
    running, parts, seen, clock = met(tmp_path, HOME)
    assert admitted(seen.scenes[-1])
    said: list[Any] = [Moved("ort", "tensorrt", 41, 3_000_000, 9), hello("tensorrt")]
    parts.worker.poll = lambda: [said.pop()] if said else []  # type: ignore[method-assign]
    ticks(running, clock, 3)
    assert not admitted(seen.scenes[-1])
    assert seen.scenes[-1].engines.backend == "tensorrt"
    assert [fact.latency_us for fact in parts.settings.facts] == [150, 150]
    assert any("moved over from ort to tensorrt between frames 41 and 42" in words for words in seen.words)
    said.append(hello("ort", 1))
    ticks(running, clock, 2)
    assert admitted(seen.scenes[-1])
    assert parts.settings.facts == FACTS
    running._end()
    records = list(iter_records(tmp_path))
    assert [record["reason"] for record in records if record["kind"] == "config"] == ["start", "reload", "reload", "reload"]
    assert [record["frame"] for record in records if record["kind"] == "worker" and record["event"] == "moved"] == [41]
    assert verify(tmp_path).verdict.value == "valid"


def moving(tmp_path: Path, asked: list[MoveOver]) -> Moving:
    """Over a bundle and its copy with plans, with a worker that keeps what it is asked."""
    files = {"tiny.fp16.plan": b"plan" * 40}
    write_bundle(tmp_path / "bundle")
    _with_plans(tmp_path / "plans" / "bundle", files)
    parts: Any = SimpleNamespace(
        plans=(tmp_path / "bundle", tmp_path / "plans" / "bundle"),
        facts=FACTS,
        worker=SimpleNamespace(move_over=asked.append),
        origin=None,
        settings=None,
        staged=False,
    )
    return Moving(parts, lambda kind, text: None)


def _with_plans(folder: Path, files: dict[str, bytes]) -> None:
    from adaptd.config.manifest import seal
    from tests.engine.models import plain_manifest

    folder.mkdir(parents=True)
    files = files | {"tiny.fp16.onnx": classifier(), "tiny.int8.onnx": classifier(bias=0.01)}
    entry = {"file": "tiny.fp16.plan", "precision_computed": "fp16", "qualification": None, "plan": PLAN}
    without = {"file": "tiny.int8.onnx", "precision_computed": "int8-fp16", "qualification": None}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    plain = plain_manifest(files, {"fp16": {"tensorrt": entry}, "int8": {"tensorrt": without}})
    (folder / "manifest.json").write_bytes(seal(plain))


def test_only_variants_that_have_a_plan_are_asked_for(tmp_path: Path) -> None:
    """An INT8 plan that could not be built leaves the reference alone on this device."""
    asked: list[MoveOver] = []
    moving(tmp_path, asked)._ask()
    target = tmp_path / "plans" / "bundle"
    assert asked == [MoveOver(str(target), "tensorrt", ("fp16",), load_manifest(target).digest)]


def test_plans_that_have_served_are_taken_again_and_others_are_built_anew(tmp_path: Path) -> None:
    """The next start moves over at once; plans that failed before they served, or of another bundle, are built again."""
    asked: list[MoveOver] = []
    one = moving(tmp_path, asked)
    one._mark.write_text(one._source())
    one.start(0)
    assert one.met(hello("ort"), FACTS) is None
    assert len(asked) == 1
    assert not one._mark.exists(), "until they have served again"
    other = Moving(one._parts, lambda kind, text: None)
    started: list[int] = []
    other.plans = SimpleNamespace(start=started.append, target=one.plans.target, bundle=one.plans.bundle)  # type: ignore[assignment]
    other.start(7)
    assert started == [7]
    assert other.met(hello("ort"), FACTS) is None
    assert len(asked) == 1


def test_the_end_of_a_build_asks_for_the_move(tmp_path: Path) -> None:
    """Once, when the plans are there."""
    called: list[int] = []
    (tmp_path / "bundle").mkdir()
    beside = PlansBeside((tmp_path / "bundle", tmp_path / "copy"), lambda *one: None, ("true",), done=lambda: called.append(1))
    beside.start(0)
    assert beside._process is not None
    beside._process.wait(20)
    beside.poll(1)
    beside.poll(2)
    assert called == [1]


def test_facts_follow_the_backend_and_not_the_restart(tmp_path: Path) -> None:
    """A worker that starts again on the same engines changes nothing."""
    one = moving(tmp_path, [])
    assert one.met(hello("ort"), FACTS) is None
    assert one.met(hello("ort", 90), FACTS) is None
    one._parts.settings = replace(_settings(tmp_path), facts=FACTS)
    found = one.met(hello("tensorrt", 90), FACTS)
    assert found is not None
    assert [fact.priors for fact in found] == [(), ()]


def _settings(tmp_path: Path) -> Any:
    from tests.daemon.test_loop_clock import Turned, daemon

    return daemon(tmp_path / "log", Turned())[1].settings
