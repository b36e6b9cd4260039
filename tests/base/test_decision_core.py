"""The opt-in compiled core: never stale, never other than the interpreted one."""

import ast
import importlib.util
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

from adaptd.base import decision_core as core
from adaptd.brain.judge.source import Life
from adaptd.cli.audit_words import report_lines
from adaptd.log.verify.verify import verify
from adaptd.vocabulary import Measured, Missing, MissingReason, OperatingPoint, Snapshot
from tests.conftest import ROOT
from tests.faults.cores import differences, interpreted_copy
from tests.log.workload import make_log


def native_form() -> ModuleType:
    """The tool that writes what mypyc compiles."""
    spec = importlib.util.spec_from_file_location("native_form", ROOT / "tools" / "native_form.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with a whole compiled core, of files that only look like one."""
    for name in (core.LIBRARY, *core.COMPILED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / (name + core.SUFFIX)).write_bytes(b"\x7fELF")
    sources = [tmp_path / f"{name}.py" for name in core.COMPILED]
    for source in sources:
        source.write_text(f"# {source.name}\n")
    digests = {str(source.relative_to(tmp_path)): core.digest_of(str(source)) for source in sources}
    write_made(tmp_path, sources=digests)
    return tmp_path


def write_made(package: Path, **changes: Any) -> None:
    made = {"modules": core.COMPILED, "sources": {}, "suffix": core.SUFFIX}
    path = package / core.MADE_FROM
    before = json.loads(path.read_text()) if path.exists() else made
    path.write_text(json.dumps({**before, **changes}))


def refusal(package: Path) -> str:
    """The one line with which the package is refused; empty when it is not."""
    try:
        core.refuse_stale(str(package))
    except core.StaleCoreError as error:
        line = str(error)
        assert "\n" not in line
        assert "make compiled" in line
        assert "make clean" in line
        return line
    return ""


def test_a_whole_core_and_no_core_are_taken(package: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Extension modules made of the sources beside them run, and so does a package without any."""
    assert refusal(package) == ""
    assert refusal(tmp_path_factory.mktemp("empty")) == ""


@pytest.mark.parametrize("name", core.COMPILED)
def test_a_changed_source_is_refused(package: Path, name: str) -> None:
    """One byte of any source of the core, and its extension modules decide nothing; the line names the file."""
    source = package / f"{name}.py"
    source.write_bytes(source.read_bytes() + b"\n")
    assert str(source) in refusal(package)
    source.unlink()
    assert str(source) in refusal(package)


def test_a_core_that_is_not_whole_is_refused(package: Path) -> None:
    """A lost module would be interpreted beside compiled ones; a list of other modules is that of another version."""
    (package / ("brain/tick" + core.SUFFIX)).rename(package / "away")
    assert "tick is missing" in refusal(package)
    (package / "away").rename(package / ("brain/tick" + core.SUFFIX))
    assert refusal(package) == ""
    write_made(package, modules=list(core.COMPILED[1:]))
    assert "not whole" in refusal(package)


def test_modules_of_unknown_origin_are_refused(package: Path) -> None:
    """Without the list of what they were made from, or with one that cannot be read, extension modules are not run."""
    for text in ("", "[]", "{}", '{"sources": []}', "\udcff"):
        (package / core.MADE_FROM).write_bytes(text.encode("utf-8", "surrogateescape"))
        assert refusal(package)
    (package / core.MADE_FROM).unlink()
    assert core.MADE_FROM in refusal(package)
    for path in package.rglob(f"*{core.SUFFIX}"):
        if path.name != "thermal" + core.SUFFIX:
            path.unlink()
    assert core.MADE_FROM in refusal(package)


def test_modules_of_another_python_are_left_alone(package: Path) -> None:
    """What this Python does not see it need not refuse; a list made for another Python vouches for nothing that it sees."""
    write_made(package, suffix=".cpython-27.so")
    assert "another Python" in refusal(package)
    for path in package.rglob(f"*{core.SUFFIX}"):
        path.rename(str(path).removesuffix(core.SUFFIX) + ".cpython-27.so")
    (package / "tick.py").write_text("changed\n")
    assert refusal(package) == ""


def test_a_stale_core_ends_the_command_in_one_line(tmp_path: Path) -> None:
    """`adaptd` with extension modules of other sources says so before it does anything, and fails."""
    root = interpreted_copy(tmp_path)
    run = [sys.executable, "-m", "adaptd", "--version"]
    good = subprocess.run(run, cwd=root, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stderr) == (0, "")
    (root / "adaptd" / ("vocabulary/readings" + core.SUFFIX)).write_bytes(b"\x7fELF")
    bad = subprocess.run(run, cwd=root, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (1, "", 1)
    assert "make compiled" in bad.stderr


def test_words_are_the_same_in_either_core() -> None:
    """Words of the core cannot be changed, compare and hash by value, say their fields, travel, and are copied with a change."""
    point = OperatingPoint("int8", 30_000)
    with pytest.raises(FrozenInstanceError):
        point.fps_mfps = 0  # type: ignore[misc]
    assert {point, OperatingPoint("int8", 30_000)} == {replace(point)}
    assert point != OperatingPoint("int8", 0) != "int8"
    assert repr(point) == "OperatingPoint(variant='int8', fps_mfps=30000)"
    assert repr(Life(last=3))[:25] == "Life(last=3, direction=0,"
    assert Life(last=3)._replace(repeats=2) == Life(3, 0, 2)
    assert pickle.loads(pickle.dumps((point, Life(last=3)))) == (point, Life(last=3))
    assert hash(Measured(1, 2, "s")) == hash((1, 2, "s", False))
    assert Missing(MissingReason.GONE) != Measured(1, 2, "x")
    assert [one.name for one in fields(Snapshot)] == list(get_type_hints(Snapshot))


def both(text: str, name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A function as it is written and as it is compiled, both interpreted."""
    return defined(text, name), defined(native_form().native(text), name)


def defined(source: str, name: str) -> Callable[..., Any]:
    """What the source defines under this name."""
    scope: dict[str, Any] = {"__name__": "tried"}
    exec(source, scope)
    found: Callable[..., Any] = scope[name]
    return found


def test_a_word_in_native_form_travels_and_changes_by_name() -> None:
    """A compiled word goes to another process as its class and its fields, since it cannot be made empty and filled; ``_replace``
    changes the fields that are named, also to None, and refuses others as a named tuple does."""
    text = "from typing import NamedTuple\nclass Word(NamedTuple):\n    a: int\n    b: int | None = 2\n"
    native = native_form().native(text).replace("frozen=True, ", "")  # only the compiler lets a constructor fill a frozen word
    plain, made = defined(text, "Word"), defined(native, "Word")
    assert made(5).__reduce__() == (made, (5, 2))
    for changes in ({}, {"a": 7}, {"b": None}, {"a": 0, "b": 0}):
        assert made(5)._replace(**changes).as_tuple() == tuple(plain(5)._replace(**changes))
    with pytest.raises(TypeError, match="c"):
        made(5)._replace(c=1)


def outcome(call: Callable[..., Any], *given: Any) -> Any:
    try:
        return call(*given)
    except ValueError as error:
        return f"{type(error).__name__}: {error}"


def test_lengths_are_checked_as_strictly_in_the_native_form() -> None:
    """A strict zip becomes a plain one behind a check that refuses the same lengths in the same words."""
    text = """
def two(a, b):
    return [x * y for x, y in zip(a, b, strict=True)]
def three(a, b, c):
    total = 0
    for x, y, z in zip(a, b, c, strict=True):
        total += x * y * z
    return total
"""
    native = native_form().native(text)
    assert "strict" not in native
    for name, count in (("two", 2), ("three", 3)):
        plain, made = both(text, name)
        for lengths in ((3, 3, 3), (0, 0, 0), (2, 3, 3), (3, 2, 3), (3, 3, 2), (3, 3, 4), (1, 0, 2)):
            given = [list(range(1, length + 1)) for length in lengths[:count]]
            assert outcome(plain, *given) == outcome(made, *given)


def test_a_zip_that_may_not_run_or_is_not_over_names_stays_strict() -> None:
    """The check stands before the statement, so it is made only where its operands exist there and the zip is always reached."""
    for line in (
        "return [x for x, y in zip(a, b, strict=True)] if a else []",
        "return a and [x for x, y in zip(a, b, strict=True)]",
        "return [[x for x, y in zip(c, c, strict=True)] for c in a]",
        "return [x for x, y in zip(f(), a, strict=True)]",
        "return lambda c: list(zip(c, a, strict=True))",
    ):
        assert "strict=True" in native_form().native(f"def one(a, b, f):\n    {line}\n")


def test_the_native_form_keeps_every_statement() -> None:
    """No function of the core is lost or added in its native form, but those that words get."""
    added = {"__init__", "__eq__", "__hash__", "as_tuple", "_replace", "__reduce__", "_same_length"}
    for name in core.COMPILED:
        source = (ROOT / "adaptd" / f"{name}.py").read_text()
        before, after = (
            [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
            for text in (source, native_form().native(source))
        )
        assert [one for one in after if one not in added] == [one for one in before if one not in added]


def test_the_verifier_says_which_core_decided_again(tmp_path: Path) -> None:
    """`adaptd audit verify` names the core on the line of the decisions, under either."""
    make_log(tmp_path / "log", 20)
    text = "\n".join(report_lines(verify(tmp_path / "log")))
    (line,) = (one for one in text.splitlines() if "all 20 decisions run again with the same result" in one)
    assert line.endswith(f"({core.running()} core)")


def test_both_cores_write_and_find_the_same() -> None:
    """The same log bytes, verdicts, reasons and decisions; `python -m tests.faults.cores` compares at full size."""
    if core.running() != "compiled":
        pytest.skip("no compiled core is built here: make compiled")
    found, compiled = differences(600, 40, ["demo"])
    assert found == []
    assert compiled["verify"] == compiled["verify in parts"]
    assert compiled["verify"]["verdict"] == "valid"

    def one_number(root: Path) -> None:
        file = root / "adaptd" / "brain" / "estimate" / "power.py"
        file.write_text(file.read_text().replace("NOISE_W = 0.2 ", "NOISE_W = 0.21 "))

    found, _ = differences(200, 0, ["demo"], one_number)
    assert [line for line in found if line.startswith("log 0")]
    assert [line for line in found if line.startswith("scenario demo")]
