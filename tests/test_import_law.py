"""The import law of the house, checked by reading every file's imports. There is no list of exceptions."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "adaptd"
FILES = sorted(PACKAGE.rglob("*.py"))
IMPURE = set("time os logging random threading asyncio numpy socket subprocess datetime secrets uuid pathlib".split())
HEAVY = set("numpy onnxruntime onnx cv2 scipy torch tensorrt pycuda pyarrow rich".split())
PURE_RECORD = set("canonical codec tree replay decisions".split())
CONTROL_ROOMS = set("sense record config serve estimate decide tick daemon vocabulary".split())
ROOMS = set(
    "vocabulary tick daemon config sense estimate decide engine build worker record twin serve cli gateway client".split(),
)


def room_of(path: Path) -> str:
    """The room a file stands in: its folder, or its own name at the top."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Every module a file imports, as written; ``top_only`` leaves out what is imported inside functions."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(str(node.module))
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module in {"adaptd", "math"}}
    return found


def rooms_imported(path: Path) -> set[str]:
    """The rooms of adaptd that a file imports from."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("adaptd.")}
    return names & ROOMS


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_file_keeps_the_import_law(path: Path) -> None:
    """A room imports only what DESIGN section 2 lets it import."""
    room, rooms = room_of(path), rooms_imported(path) - {room_of(path)}
    if room == "vocabulary":
        assert imports(path) <= {"dataclasses", "enum", "typing"}
    if room in {"estimate", "decide"}:
        assert rooms <= {"vocabulary", "config"}
    if room == "tick":
        assert rooms <= {"vocabulary", "config", "estimate", "decide"}
    if room in {"estimate", "decide", "tick"} or (room == "record" and path.stem in PURE_RECORD):
        assert not {name.split(".")[0] for name in imports(path)} & IMPURE
        assert {name for name in imports(path) if name.startswith("math.")} <= {"math.sqrt", "math.isqrt"}
    if room in {"sense", "worker", "record"}:
        assert not rooms & ({"sense", "worker", "record"} - {room})
    if "engine" in rooms:
        assert room in {"worker", "build", "cli"}
    if room == "config":
        assert rooms <= {"vocabulary"}
    if room == "twin":
        assert rooms <= {"vocabulary", "config", "tick"}
    if room == "serve":
        assert rooms <= {"vocabulary", "config"}
    if room == "record":
        assert rooms <= {"vocabulary", "config", "tick"}
    if room == "engine":
        assert rooms <= {"vocabulary", "config"}
    if room == "gateway":
        assert rooms <= {"client"}
    elif "gateway" in rooms:
        assert room == "cli"


@pytest.mark.parametrize(
    "path", [path for path in FILES if room_of(path) in CONTROL_ROOMS], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_the_control_process_stays_light(path: Path) -> None:
    """No file of the control process imports a heavy library when it is itself imported."""
    assert not {name.split(".")[0] for name in imports(path, top_only=True)} & HEAVY


def test_the_law_catches_a_breach(tmp_path: Path) -> None:
    """The reader of imports sees what it must: a plain, a from and a nested import."""
    file = tmp_path / "f.py"
    file.write_text("import os.path\nfrom math import exp\ndef f():\n    import numpy as np\n    return np\n")
    assert imports(file) == {"os.path", "math", "math.exp", "numpy"}
    assert imports(file, top_only=True) == {"os.path", "math", "math.exp"}
