"""Every constant of the controller changed in a copy of the source: ``python -m tests.faults.constants [NAME ...]``.

The table in docs/control.md names for each constant the test that says why it has its value. Here each number of it is made
larger and smaller, and that test must fail. Numbers below ten change by one, others by a half, entries of long tables by 2 %.
"""

import argparse
import ast
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| ([A-Z][A-Z0-9_]+) \| (.+?) \| ([\w/]+\.py) \| (.+?) \| (`\S+`(?: `\S+`)*) \|$", re.MULTILINE)
LONG = 10  # more numbers than this are a table
# Changes that change nothing: the first look is the earliest there is; a bet on 0/2 of the limit is one on 0/1.
SAME = {("SMALL_RISE_LOOKS", 0, "0"), ("ADMIT_BETS", 1, "2")}


@dataclass(frozen=True)
class Pinned:
    """One row of the table."""

    name: str
    value: str
    file: str
    why: str
    cell: str

    @property
    def tests(self) -> list[str]:
        """The tests that say why: one of them must fail."""
        return self.cell.replace("`", "").split()


def table() -> list[Pinned]:
    """The table of docs/control.md."""
    return [Pinned(*found) for found in ROW.findall((ROOT / "docs" / "control.md").read_text())]


def assigned(source: str, name: str) -> ast.expr:
    """The expression that a module gives to ``name``."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            if isinstance(target, ast.Name) and target.id == name:
                return value
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                for one, part in zip(target.elts, value.elts, strict=True):
                    if isinstance(one, ast.Name) and one.id == name:
                        return part
    raise KeyError(name)


def changed(value: float, long: bool) -> list[str]:
    """A number made larger and smaller."""
    if long:
        return [str(round(value * 1.02)), str(round(value * 0.98))] if value else ["20"]
    if isinstance(value, int) and value < 10:
        return [str(value + 1)] + ([str(value - 1)] if value else [])
    larger, smaller = value * 1.5, value / 1.5
    return [str(round(larger)), str(round(smaller))] if isinstance(value, int) else [repr(larger), repr(smaller)]


def mutants(source: str, name: str) -> Iterator[tuple[str, str]]:
    """Each changed source with a word on what was changed."""
    lines = source.splitlines(keepends=True)
    expression = assigned(source, name)
    numbers = [node for node in ast.walk(expression) if isinstance(node, ast.Constant) and type(node.value) in (int, float)]
    for at, node in enumerate(numbers):
        for text in changed(node.value, len(numbers) > LONG):  # type: ignore[arg-type]
            if (name, at, text) in SAME:
                continue
            line = lines[node.lineno - 1]
            new = [*lines]
            new[node.lineno - 1] = line[: node.col_offset] + text + line[node.end_col_offset :]
            yield f"{node.value} -> {text}", "".join(new)


def fails(copy: Path, test: str) -> bool:
    """Whether the test fails, or the code does not load, in a process of its own that has the libraries loaded already."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    try:
        code = _tested(copy, test)
    except BaseException as error:
        print(error, file=sys.__stderr__)
        code = 3
    os._exit(code)


def _tested(copy: Path, test: str) -> int:
    """Run the test with the copy's own modules: 0 where it passed."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    kept = os.dup(2)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    for name in [name for name in sys.modules if name.split(".")[0] in ("adaptd", "tests")]:
        del sys.modules[name]
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    import pytest

    options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    code = pytest.main([*options, "--rootdir", str(copy), str(copy / "tests" / test)])
    os.dup2(kept, 2)
    return int(code)


def copied(folder: Path) -> Path:
    """A copy of the code and the tests; everything else is a link."""
    copy = folder / "copy"
    copy.mkdir()
    for one in ROOT.iterdir():
        if one.name in ("adaptd", "tests"):
            shutil.copytree(one, copy / one.name, ignore=shutil.ignore_patterns("__pycache__", "*.so", "compiled.json"))
        elif not one.name.startswith("."):
            (copy / one.name).symlink_to(one)
    return copy


def check(copy: Path, pinned: Pinned) -> tuple[int, list[str]]:
    """How many mutants of one constant there are, and those that its test lets live."""
    path = copy / "adaptd" / pinned.file
    source = path.read_text()
    alive, count = [], 0
    try:
        for what, text in mutants(source, pinned.name):
            _write(path, text)
            count += 1
            if not any(fails(copy, test) for test in pinned.tests):
                alive.append(what)
    finally:
        _write(path, source)
    return count, alive


def _write(path: Path, text: str) -> None:
    """Write a source, and let no compiled one of the same second and size stand in for it."""
    path.write_text(text)
    for stale in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        stale.unlink()


def main(argv: list[str] | None = None) -> int:
    """Print a line for every constant, then how many mutants lived; 1 where one did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only these constants, or file:constant")
    arguments = parser.parse_args(argv)
    import hypothesis  # noqa: F401
    import numpy  # noqa: F401, ICN001
    import pydantic  # noqa: F401
    import pytest  # noqa: F401
    import scipy.stats  # noqa: F401
    import yaml  # noqa: F401

    total, survivors = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        for pinned in table():
            if arguments.names and pinned.name not in arguments.names and f"{pinned.file}:{pinned.name}" not in arguments.names:
                continue
            count, alive = check(copy, pinned)
            total += count
            survivors += len(alive)
            print(f"{pinned.file}:{pinned.name} {count} changed, {len(alive)} lived {alive or ''}".rstrip(), flush=True)
        named = sorted({test for pinned in table() for test in pinned.tests}) if not arguments.names else []
        broken = [test for test in named if fails(copy, test)]
    print(f"{total} mutants, {survivors} lived; tests that fail without any change: {len(broken)} {broken or ''}".rstrip())
    return bool(survivors or broken)


if __name__ == "__main__":
    sys.exit(main())
