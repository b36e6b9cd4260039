"""A machine that has TensorRT and no plan yet serves at once, and builds beside."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from adaptd.config.manifest import load_manifest
from adaptd.daemon import assemble
from adaptd.daemon.plans_beside import SAID_EVERY_US, PlansBeside
from tests.conftest import ROOT

BUNDLE = ROOT / "engines" / "pet-bowl"


def built(code: str, tmp_path: Path) -> list[tuple[str, str]]:
    """What is told of a build that runs ``code``, to its end."""
    told: list[tuple[str, str]] = []
    source = tmp_path / "bundle"
    source.mkdir()
    (source / "manifest.json").write_text("{}\n")
    beside = PlansBeside((source, tmp_path / "copy"), lambda *one: told.append(one), (sys.executable, "-c", code))
    beside.start(0)
    ends = time.monotonic() + 20
    while not any(kind in ("plans_built", "plans_failed") for kind, _ in told) and time.monotonic() < ends:
        beside.poll(SAID_EVERY_US)
        time.sleep(0.01)
    assert (source / "manifest.json").read_text() == "{}\n"
    return told


def test_plans_are_built_in_a_copy_and_told_with_what_to_do_next(tmp_path: Path) -> None:
    """The bundle that serves stays what was checked; the end names the command that proves the plans."""
    told = built("import sys, pathlib; (pathlib.Path(sys.argv[1]) / 'manifest.json').write_text('new')", tmp_path)
    assert told[0][0] == "plans_building"
    assert "ONNX Runtime serves" in told[0][1]
    assert told[-1][0] == "plans_built"
    assert "adaptd engine qualify" in told[-1][1]
    assert (tmp_path / "copy" / "manifest.json").read_text() == "new"


def test_a_build_that_fails_costs_nothing_but_a_line(tmp_path: Path) -> None:
    """Its last words are told, and the service goes on."""
    told = built("import sys; sys.exit('the parser refused Gemm')", tmp_path)
    assert told[-1] == ("plans_failed", "TensorRT plans cannot be built: the parser refused Gemm; ONNX Runtime serves on")


def test_a_machine_with_tensorrt_and_no_plan_serves_on_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first command works on every Jetson: `auto` takes TensorRT only where a qualified plan is there."""
    monkeypatch.setattr(assemble.importlib.util, "find_spec", lambda name: SimpleNamespace(name=name))
    manifest = load_manifest(BUNDLE)
    assert assemble._backend("auto", manifest) == "ort"
    assert assemble.plans_wanted("auto", manifest)
    assert not assemble.plans_wanted("ort", manifest)
