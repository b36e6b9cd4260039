"""Every TensorRT name that the source uses, against the real bindings of five versions. ``make conformance`` fetches them."""

import functools
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adaptd.engine.trt_api import BUILDER, OPTIONAL, RUNTIME
from tests.conftest import ROOT
from tests.engine import trt_names
from tests.engine.bindings import ALL, Bindings
from tests.gpu import fake_trt
from tests.gpu.fake_cuda import FakeGpu

FULL = [one for one in ALL if one.kind == "full"]
EVERY = pytest.mark.parametrize("one", ALL, ids=lambda one: f"{one.kind}-{one.version}")
BUILDERS = pytest.mark.parametrize("one", FULL, ids=lambda one: one.version)


@functools.cache
def real_names(one: Bindings) -> dict[str, str]:
    """The names of one version, read in a process of its own."""
    command = [sys.executable, str(ROOT / "tests" / "engine" / "introspect.py"), one.module]
    done = subprocess.run(command, env=os.environ | one.environment, capture_output=True, text=True, check=True, timeout=300)
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["version"] == one.version
    names: dict[str, str] = answer["names"]
    return names


def names_of(one: Bindings) -> dict[str, str]:
    """The names, or the reason why they cannot be read here."""
    if not one.folder.is_dir():
        pytest.skip(f"TensorRT bindings {one.version} are not here; make conformance fetches them")
    return real_names(one)


def lacking(names: dict[str, str], wanted: dict[str, tuple[str, ...]]) -> list[str]:
    """Names that are not there, and functions of which no overload takes the parameters in their order."""
    return [name for name, takes in wanted.items() if name not in names or (takes and not _takes(names[name], takes))]


def _takes(documented: str, wanted: tuple[str, ...]) -> bool:
    signatures = re.findall(r"\(self: [^\n]*?\) ->", documented)
    found = (tuple(re.findall(r", (\w+):", signature)) for signature in signatures)
    return any(names[: len(wanted)] == wanted for names in found)


@EVERY
def test_the_runtime_half_uses_only_names_that_the_bindings_have(one: Bindings) -> None:
    """Names and parameters that every run needs exist in the runtime bindings, 8.6 to 11.4."""
    assert lacking(names_of(one), RUNTIME) == []


@BUILDERS
def test_the_building_half_uses_only_names_that_the_bindings_have(one: Bindings) -> None:
    """The same for the builder, which only the full bindings have."""
    assert lacking(names_of(one), BUILDER) == []


@BUILDERS
def test_every_version_can_be_built_for_in_one_way_at_least(one: Bindings) -> None:
    """Strong typing or the FP16 and INT8 flags: 8.6 has the flags, 10.x both, 11.x strong typing."""
    names = names_of(one)
    strong, flags = ("NetworkDefinitionCreationFlag.STRONGLY_TYPED" in names, "BuilderFlag.FP16" in names)
    major = int(one.version.split(".", maxsplit=1)[0])
    assert (strong, flags) == (major >= 10, major < 11)
    assert flags == ("BuilderFlag.INT8" in names)


@BUILDERS
def test_activation_memory_can_be_asked_for_in_every_version(one: Bindings) -> None:
    """The old property or the new one is there."""
    names = names_of(one)
    assert "ICudaEngine.device_memory_size" in names or "ICudaEngine.device_memory_size_v2" in names


@BUILDERS
def test_memory_is_placed_by_us_only_where_both_calls_exist(one: Bindings) -> None:
    """A version with the strategy has the call that hands the memory over, with these parameters."""
    names = names_of(one)
    if "ExecutionContextAllocationStrategy.USER_MANAGED" in names:
        assert lacking(names, {"IExecutionContext.set_device_memory": OPTIONAL["IExecutionContext.set_device_memory"]}) == []
        assert "ICudaEngine.device_memory_size_v2" in names


@pytest.mark.parametrize("name", sorted(OPTIONAL))
def test_every_optional_name_exists_somewhere(name: str) -> None:
    """A name that no version has would be a slip of the pen that ``hasattr`` hides."""
    seen = [one for one in FULL if not lacking(names_of(one), {name: OPTIONAL[name]})]
    assert seen


@BUILDERS
def test_the_fake_has_no_name_that_the_bindings_lack(one: Bindings) -> None:
    """What the tests without a GPU lean on exists: every public member of the fake is a member of the real class."""
    names = names_of(one)
    assert [name for name in fake_names(one.version) if name not in names] == []


def fake_names(version: str) -> set[str]:
    """Every public ``Class.member`` of the fake of one version."""
    module: Any = fake_trt.make(version, FakeGpu())
    found = set()
    for name, value in vars(module).items():
        if inspect.isclass(value):
            found |= {f"{name}.{member}" for member in vars(value) if not member.startswith("_")}
    return found


def test_the_tables_hold_every_name_in_the_source_and_no_other() -> None:
    """What is checked against the bindings is what the code uses, read off its syntax tree and not written down by hand."""
    listed = set(RUNTIME | BUILDER | OPTIONAL)
    assert trt_names.used() == listed


@BUILDERS
def test_nothing_of_tensorrt_goes_by_another_name(one: Bindings) -> None:
    """An attribute that TensorRT has, on a variable that the scan does not know, would be used without being checked."""
    assert trt_names.strangers(set(names_of(one))) == set()


def test_the_fakes_have_nothing_beyond_the_tables() -> None:
    """The fakes, on which every test runs, have only what the tables list."""
    listed = RUNTIME | BUILDER | OPTIONAL
    for version in ("8.6.1", "10.3.0", "10.16.1.11", "11.4.0.106"):
        unlisted = {name for name in fake_names(version) if name not in listed}
        assert {name for name in unlisted if name.split(".")[1].islower()} == set()


def test_the_scan_sees_a_name_wherever_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains, members of objects, guarded names and overridden methods are found; a new one is no longer in the tables."""
    (tmp_path / "new.py").write_text(
        "def f(trt, config, network):\n"
        "    config.brand_new(trt.BuilderFlag.NEWER)\n"
        "    getattr(self._trt.Builder, 'guarded', None)\n"
        "    oddly_named.build_serialized_network(network.num_inputs)\n"
        "def phase_start(self): ...\n"
    )
    monkeypatch.setattr(trt_names, "FILES", (tmp_path / "new.py",))
    members = {"IBuilderConfig.brand_new", "BuilderFlag.NEWER", "Builder.guarded", "INetworkDefinition.num_inputs"}
    assert trt_names.used() == members | {"IProgressMonitor.phase_start", *trt_names.CLASSES}
    known = {"Builder.build_serialized_network", "INetworkDefinition.num_inputs"}
    assert trt_names.strangers(known) == {"new.py: oddly_named.build_serialized_network"}
