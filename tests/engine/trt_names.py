"""Every TensorRT name in the source, read off its syntax tree: ``trt.A.B``, members of objects by what they are called, and
names in ``hasattr`` and ``getattr``.

The house calls a thing of TensorRT by one name everywhere (``network``, ``config``, ``context``, ...). ``members`` finds their
attributes; ``strangers`` finds attributes that some class of TensorRT has, on anything that is called otherwise.
"""

import ast

from tests.conftest import ROOT

FILES = tuple(
    ROOT / "adaptd" / name
    for name in (
        "engine/trt.py",
        "engine/trt_api.py",
        "engine/trt_build.py",
        "engine/trt_channel.py",
        "bundle_build/model/plans.py",
        "engine/backends.py",
    )
)
MODULE = ("trt", "_trt")
CALLED = {
    "builder": "Builder",
    "network": "INetworkDefinition",
    "tensor": "ITensor",
    "config": "IBuilderConfig",
    "cache": "ITimingCache",
    "parser": "OnnxParser",
    "error": "ParserError",
    "runtime": "Runtime",
    "engine": "ICudaEngine",
    "_engine": "ICudaEngine",
    "context": "IExecutionContext",
    "_context": "IExecutionContext",
    "kinds": "NetworkDefinitionCreationFlag",
    "strategies": "ExecutionContextAllocationStrategy",
}
INSPECTOR = "create_engine_inspector"
CLASSES = ("NetworkDefinitionCreationFlag", "BuilderFlag")  # looked at by hasattr: the class must be there in every version
OWN = {("engine", "infer"), ("engine", "path")}
HOUSE = {"self"}


def used() -> set[str]:
    """Every ``Class.member`` and ``Class`` of TensorRT that the source names."""
    return set().union(CLASSES, *(_members(ast.parse(path.read_text())) for path in FILES))


def strangers(known: set[str]) -> set[str]:
    """``file: receiver.attribute`` where the attribute is one of TensorRT's and the receiver is none of the names above.

    Only attributes of several words: ``name``, ``shape`` and ``append`` are everybody's.
    """
    attributes = {name.split(".")[1] for name in known if "_" in name.partition(".")[2].strip("_")}
    found = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in attributes and not _members(node):
                receiver = _name(node.value)
                if receiver not in HOUSE:
                    found.add(f"{path.name}: {receiver}.{node.attr}")
    return found


def _members(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found |= _one(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("hasattr", "getattr"):
            name = node.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                found |= _one(ast.Attribute(node.args[0], name.value, ast.Load()))
        elif isinstance(node, ast.FunctionDef) and _overrides(node):
            found.add(_overrides(node))
    return found


def _one(node: ast.Attribute) -> set[str]:
    """The name that one attribute stands for; empty where its receiver is nothing of TensorRT."""
    value = node.value
    if _name(value) in MODULE:
        return set()  # a class; its members say that it is used
    if isinstance(value, ast.Attribute) and _name(value.value) in MODULE:
        return set() if node.attr.startswith("__") else {f"{value.attr}.{node.attr}"}
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == INSPECTOR:
        return {f"EngineInspector.{node.attr}"}
    called = _name(value)
    if called in CALLED and (called, node.attr) not in OWN:
        return {f"{CALLED[called]}.{node.attr}"}
    return set()


def _overrides(node: ast.FunctionDef) -> str:
    """A method that TensorRT calls: those of the logger and of the progress monitor."""
    if node.name == "log":
        return "ILogger.log"
    return f"IProgressMonitor.{node.name}" if node.name in ("phase_start", "step_complete", "phase_finish") else ""


def _name(node: ast.AST) -> str:
    """The last word of what is looked at: ``config`` of ``config``, ``_trt`` of ``self._trt``."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""
