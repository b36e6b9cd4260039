"""The import law of the house: deny by default, transitive over every module, without a list of exceptions."""

import ast
from functools import cache
from pathlib import Path

import pytest

from adaptd.base.decision_core import COMPILED, CORE, DECIDES, READS
from tests.conftest import ROOT

PACKAGE = ROOT / "adaptd"
FILES = sorted(PACKAGE.rglob("*.py"))
BELOW = {"vocabulary", "config", "base"}
# What each room may import besides itself. A room that is not named here may import nothing of adaptd.
LAW: dict[str, set[str]] = {
    "adaptd": {"base"},
    "vocabulary": set(),
    "base": set(),
    "client": set(),
    "config": {"vocabulary", "base"},
    "brain": {"vocabulary", "config"},
    "sense": BELOW,
    "doctor": BELOW | {"sense", "brain"},
    "engine": BELOW,
    "vision": BELOW | {"engine"},
    "drawing": set(),
    "bundle_build": BELOW | {"engine", "vision", "brain", "drawing"},
    "protocol": {"vocabulary", "base"},
    "supervise": {"vocabulary", "base", "protocol"},
    "worker": BELOW | {"protocol", "vision", "engine"},
    "log.format": {"vocabulary", "base"},
    "log.write": {"vocabulary", "base", "log", "log.format"},
    "log.verify": BELOW | {"log", "log.format", "brain"},
    "log": set(),
    "report": BELOW | {"drawing", "log", "log.format", "log.verify", "brain"},
    "twin": BELOW,
    "lab": BELOW | {"drawing", "twin", "brain", "report", "log", "log.format", "log.verify", "log.write"},
    "serve": BELOW,
    "daemon": BELOW | {"adaptd", "brain", "sense", "protocol", "supervise", "log", "log.format", "log.write", "serve"},
    "gateway": {"client"},
    "fleet": {"client", "drawing", "vocabulary", "base", "log", "log.format"},
    "apps": {"client"},
}
# What the pure room may import of Python itself. Of ``math`` two names: they round the same on every processor.
PURE = {"dataclasses", "enum", "typing", "collections.abc", "functools", "hashlib", "math"}
PURE_MATH = {"math.sqrt", "math.isqrt"}
UNBOUND = {"cli", "__main__"}  # the commands may import all, late
HEAVY = set("numpy onnxruntime onnx cv2 scipy torch tensorrt pycuda pyarrow rich jinja2".split())
SERVICE = {"daemon", "worker", "supervise", "protocol", "sense", "serve", "log.write"}
NEVER_IN_SERVICE = {"drawing", "bundle_build", "lab", "report", "gateway", "fleet", "apps", "doctor", "log.verify"}
CONTROL = {
    "vocabulary",
    "base",
    "config",
    "brain",
    "sense",
    "supervise",
    "protocol",
    "log.format",
    "log.write",
    "serve",
    "daemon",
}


def module_of(path: Path) -> str:
    """A file's dotted name; a package's is that of its folder."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def room_of(module: str) -> str:
    """The room a module stands in: its folder (of the log its half), or its own name at the top."""
    parts = module.split(".")
    if len(parts) == 1:
        return parts[0]
    return ".".join(parts[1:3]) if parts[1] == "log" and len(parts) > 2 else parts[1]


def names_in(tree: ast.AST, where: object) -> set[str]:
    """Every name that is imported, each with the module it is taken from; also by a call of import_module or __import__."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{where}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in {
            "import_module",
            "__import__",
        }:
            target = node.args[0] if node.args else None
            found.add(target.value if isinstance(target, ast.Constant) else "unknown.import")
    return found


@cache
def imported(path: Path, *, top_only: bool = False) -> frozenset[str]:
    """Every name a file imports; ``top_only`` leaves out what is imported inside functions."""
    tree = ast.parse(path.read_text())
    if not top_only:
        return frozenset(names_in(tree, path))
    body = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return frozenset(names_in(ast.Module(body, []), path))


def modules_named(names: frozenset[str], modules: dict[str, Path]) -> set[str]:
    """The modules of the house among imported names: ``from adaptd.brain import tick`` names ``adaptd.brain.tick``."""
    found = set()
    for name in names:
        if name.split(".")[0] != "adaptd":
            continue
        parts = name.split(".")
        known = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        found.add(next(each for each in known if each in modules))
    return found


def closure(module: str, modules: dict[str, Path]) -> dict[str, str]:
    """Every module that importing ``module`` may bring in, with the module that brings it."""
    via: dict[str, str] = {}
    waiting = [module]
    while waiting:
        here = waiting.pop()
        for target in modules_named(imported(modules[here]), modules):
            if target not in via and target != module:
                via[target] = here
                waiting.append(target)
    return via


def breaches(modules: dict[str, Path]) -> list[str]:
    """Every arrow between two modules that the law does not name, and every impure name in the brain."""
    found = []
    for module, path in modules.items():
        room = room_of(module)
        if room in UNBOUND:
            continue
        allowed = LAW.get(room, set()) | {room}
        targets = modules_named(imported(path), modules)
        found += [f"{module} imports {target}" for target in targets if room_of(target) not in allowed]
        if room in {"brain", "vocabulary"}:
            outside = {name for name in imported(path) if name.split(".")[0] != "adaptd"}
            for name in outside:
                origin = name.rpartition(".")[0] or name
                if origin not in PURE or (origin == "math" and name not in PURE_MATH):
                    found.append(f"{module} imports {name}")
    for module in modules:
        room = room_of(module)
        if room not in UNBOUND:
            allowed = _reachable(room)
            reached = closure(module, modules).items()
            found += [f"{module} reaches {target} through {via}" for target, via in reached if room_of(target) not in allowed]
    return found


def _reachable(room: str) -> set[str]:
    """The rooms that the law lets a room reach in any number of steps."""
    known, waiting = {room}, [room]
    while waiting:
        for target in LAW.get(waiting.pop(), set()) - known:
            known.add(target)
            waiting.append(target)
    return known


def test_every_module_keeps_the_law() -> None:
    """A room imports only what the table names, and reaches nothing else through a third module."""
    assert breaches(MODULES) == []


def test_the_law_has_no_circle() -> None:
    """No room can reach itself through another, so that every arrow points down."""
    for room, targets in LAW.items():
        for target in targets - {"adaptd"}:
            assert room not in _reachable(target), f"{room} and {target} import each other"


def test_every_room_is_named_in_the_law() -> None:
    """A new folder gets its line in the table before its first import."""
    assert {room_of(module) for module in MODULES} - UNBOUND <= set(LAW)


@pytest.mark.parametrize("room", sorted(SERVICE))
def test_service_never_loads_what_only_building_and_reading_need(room: str) -> None:
    """No module of the serving processes reaches the build, the lab, the report, the verifier or an application."""
    for module in MODULES:
        if room_of(module) == room:
            reached = {room_of(target) for target in closure(module, MODULES)}
            assert not reached & NEVER_IN_SERVICE, module


@pytest.mark.parametrize("module", sorted(name for name in MODULES if room_of(name) in CONTROL))
def test_the_control_process_stays_light(module: str) -> None:
    """No file of the control process imports a heavy library when it is itself imported."""
    assert not {name.split(".")[0] for name in imported(MODULES[module], top_only=True)} & HEAVY


@pytest.mark.parametrize(
    ("room", "line", "breach"),
    [
        ("brain", "import adaptd.daemon.sensors_or_twin\n", "adaptd.brain.planted imports adaptd.daemon.sensors_or_twin"),
        ("brain", "from adaptd import client\n", "adaptd.brain.planted imports adaptd.client"),
        ("brain", "import time\n", "adaptd.brain.planted imports time"),
        ("brain", "from math import exp\n", "adaptd.brain.planted imports math.exp"),
        ("brain", "import importlib\nimportlib.import_module('adaptd.sense.push')\n", "adaptd.brain.planted imports importlib"),
        ("sense", "def f():\n    from adaptd.worker import pacing\n", "adaptd.sense.planted imports adaptd.worker.pacing"),
        ("gateway", "from adaptd.brain import tick\n", "adaptd.gateway.planted imports adaptd.brain.tick"),
        ("attic", "from adaptd import vocabulary\n", "adaptd.attic.planted imports adaptd.vocabulary"),
    ],
)
def test_a_planted_import_breaks_the_law(tmp_path: Path, room: str, line: str, breach: str) -> None:
    """A forbidden import is found whatever its form, in a room that nobody named too."""
    planted = tmp_path / "planted.py"
    planted.write_text(line)
    assert breach in breaches({**MODULES, f"adaptd.{room}.planted": planted})


def test_an_import_through_a_third_module_breaks_the_law(tmp_path: Path) -> None:
    """A pure module that imports an allowed one, which imports a forbidden one, is found as well."""
    bridge, planted = tmp_path / "bridge.py", tmp_path / "planted.py"
    bridge.write_text("import adaptd.worker.loop\n")
    planted.write_text("from adaptd.config import bridge\n")
    modules = {**MODULES, "adaptd.config.bridge": bridge, "adaptd.brain.planted": planted}
    assert any(text.startswith("adaptd.brain.planted reaches adaptd.worker.loop") for text in breaches(modules))


def test_the_manifest_is_the_decision_core() -> None:
    """What a decision can reach is what the code hash covers, and every file of it exists."""
    reached = {"adaptd.brain.tick", *closure("adaptd.brain.tick", MODULES)} - {"adaptd", "adaptd.brain", "adaptd.config"}
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    named = {f"adaptd.{name.replace('/', '.')}" for name in CORE}
    assert reached - packages <= named
    assert {name for name in named if room_of(name) in {"brain", "vocabulary"}} == {
        f"adaptd.{name.replace('/', '.')}" for name in DECIDES
    }
    for name in (*CORE, *READS, *COMPILED):
        assert (PACKAGE / f"{name}.py").is_file(), name
