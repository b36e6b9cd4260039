"""`make compiled`: the decision core as extension modules beside its sources. `--remove` takes them away again, `--check` (part
of `make lint`) only asks whether the compiler's type checker takes them, so that nobody finds out late that it does not.

mypyc compiles the native form (tools/native_form.py) of every module of ``decision_core.COMPILED`` in the folder .compiled/,
where everything it read and said stays. Floating point is that of the interpreter: no fused multiply-add, nothing like
-ffast-math.
"""

import argparse
import ast
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "adaptd"
WORK = ROOT / ".compiled"
CHECKED = ROOT / ".mypy_cache" / "native"
# Calls inside the library are direct ones, which costs nothing: nobody replaces its functions one by one.
FLAGS = "-ffp-contract=off -fno-semantic-interposition -fvisibility=hidden"
OPT_LEVEL = "2"
MYPY = ("--config-file=", "--no-incremental", "--disable-error-code=attr-defined", "--disable-error-code=no-any-return")


def load_core() -> ModuleType:
    """``adaptd.base.decision_core`` by its file: importing the package would refuse the very modules that are to be made anew."""
    spec = importlib.util.spec_from_file_location("core", PACKAGE / "base" / "decision_core.py")
    assert spec is not None
    assert spec.loader is not None
    core = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(core)
    return core


CORE = load_core()


def missing() -> str:
    """What this machine lacks to compile, with the remedy; empty when it lacks nothing."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if shutil.which(compiler) is None:
        return f"{compiler}: no C compiler: apt-get install gcc, or stay with the interpreted core, which gives the same bytes"
    if not header.is_file():
        return f"{header}: missing: apt-get install python3-dev, or stay with the interpreted core, which gives the same bytes"
    if importlib.util.find_spec("mypyc") is None:
        return "mypyc: not installed: it comes with mypy, so run `make setup` first"
    if sys.version_info >= (3, 12) and importlib.util.find_spec("setuptools") is None:
        return f"setuptools: not installed, mypyc needs it from Python 3.12 on: {sys.executable} -m pip install setuptools"
    return ""


def remove() -> None:
    """Take the extension modules, those of other Pythons too, and their list away."""
    for path in (PACKAGE / CORE.MADE_FROM, *PACKAGE.rglob("*.so")):
        path.unlink(missing_ok=True)


def sources() -> list[str]:
    """The modules of the core and those that they import, whose types the compiler reads: files under adaptd/."""
    found = {f"{name}.py" for name in CORE.COMPILED}
    for name in CORE.COMPILED:
        for node in ast.walk(ast.parse((PACKAGE / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("adaptd."):
                found.add(str(node.module).removeprefix("adaptd.").replace(".", "/") + ".py")
    return sorted(source for source in found if (PACKAGE / source).is_file())


def prepare(work: Path) -> dict[str, str]:
    """Fill ``work`` with the package, its core in native form; the digest of every source that was read."""
    from native_form import native

    shutil.rmtree(work / "adaptd", ignore_errors=True)
    shutil.copytree(PACKAGE, work / "adaptd", ignore=lambda _, names: [name for name in names if name == "__pycache__"])
    read = {source: CORE.digest_of(work / "adaptd" / source) for source in sources()}
    for name in CORE.COMPILED:
        path = work / "adaptd" / f"{name}.py"
        path.write_text(native(path.read_text()))
    return read


def check() -> str:
    """What the type checker, as the compiler runs it, says of the native form; empty when it takes all."""
    prepare(CHECKED)
    flags = [flag for flag in MYPY if flag != "--no-incremental"]
    command = [sys.executable, "-m", "mypy", *flags, *[f"adaptd/{name}.py" for name in CORE.COMPILED]]
    done = subprocess.run(command, cwd=CHECKED, stdout=subprocess.PIPE, text=True, check=False)
    return f"{done.stdout}the core would not compile: `make compiled` reads it so" if done.returncode else ""


def extensions() -> None:
    """Compile WORK in place; the current folder is WORK."""
    from mypyc.build import mypycify

    paths = [f"adaptd/{name}.py" for name in CORE.COMPILED]
    modules = mypycify(
        [*MYPY, *paths], opt_level=OPT_LEVEL, debug_level="0", group_name=f"adaptd.{CORE.LIBRARY.removesuffix('__mypyc')}"
    )
    if "setuptools" in sys.modules:
        from setuptools import setup
    else:
        from distutils.core import setup
    setup(name="adaptd-core", packages=[], ext_modules=modules, script_args=["build_ext", "--inplace"])


def build() -> str:
    """Compile, put the modules beside their sources, and last what they were made of; what went wrong, or nothing."""
    remove()
    shutil.rmtree(WORK, ignore_errors=True)
    read = prepare(WORK)
    with (WORK / "log").open("wb") as log:
        command, env = [sys.executable, __file__, "--extensions"], {**os.environ, "CFLAGS": FLAGS}
        done = subprocess.run(command, cwd=WORK, env=env, stdout=log, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        return f"{WORK / 'log'}: the core does not compile, the end of that file says why; the interpreted core runs as before"
    for name in (CORE.LIBRARY, *CORE.COMPILED):
        shutil.copy2(WORK / "adaptd" / (name + CORE.SUFFIX), PACKAGE / (name + CORE.SUFFIX))
    made = {"modules": CORE.COMPILED, "sources": read, "suffix": CORE.SUFFIX}
    (PACKAGE / CORE.MADE_FROM).write_text(json.dumps(made, indent=1) + "\n")
    return ""


def main() -> int:
    """Compile, or take away."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--remove", action="store_true", help="take the extension modules away")
    parser.add_argument("--check", action="store_true", help="only ask whether the core would compile")
    parser.add_argument("--extensions", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.extensions:
        extensions()
        return 0
    if arguments.remove:
        remove()
        return 0
    if arguments.check:
        why = check()
        print(why or f"the native form of {len(CORE.COMPILED)} modules passes")
        return 1 if why else 0
    why = missing()
    if not why:
        print(f"compiling {len(CORE.COMPILED)} modules with mypyc (a minute or two)")
        why = build()
    print(why or "the core is compiled: `adaptd audit verify` says which core ran", file=sys.stderr if why else sys.stdout)
    return 2 if why else 0


if __name__ == "__main__":
    sys.exit(main())
