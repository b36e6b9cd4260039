"""The house stays readable: no file over 350 lines, no function over 60, the median file no longer than 200."""

import ast
import statistics
from pathlib import Path

import pytest

from tests.conftest import ROOT

FILES = sorted((ROOT / "adaptd").rglob("*.py"))
BROAD_ALLOWED = {"daemon/loop.py", "supervise/supervisor.py"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_fits_in_the_head(path: Path) -> None:
    """No file is over 350 lines and no function over 60."""
    text = path.read_text()
    assert text.count("\n") <= 350
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, f"{path.name}:{node.lineno} {node.name}"


def test_the_median_file_is_short() -> None:
    """Half of the files are under 200 lines."""
    lengths = [path.read_text().count("\n") for path in FILES if path.name != "__init__.py"]
    assert statistics.median(lengths) <= 200


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_broad_excepts_stay_in_the_daemon_and_the_supervisor(path: Path) -> None:
    """Only the daemon and the worker supervisor may catch everything."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"}
            assert not broad or path.relative_to(ROOT / "adaptd").as_posix() in BROAD_ALLOWED, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_says_its_promise(path: Path) -> None:
    """Each test states in one docstring what a person can rely on."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            assert ast.get_docstring(node), f"{path.name}:{node.lineno} {node.name}"
