"""The compiled core against the interpreted one: the same bytes on disk, the same verdicts, the same decisions.

``python -m tests.faults.cores`` (`make cores`) runs one workload under each, in a process of its own, and compares what they say:
a log of decisions, its verification, logs with nonsense in them, and every shipped scenario of the software device.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHARED = ("tests", "policies", "hw_profiles", "engines", "tools")


def interpreted_copy(folder: Path) -> Path:
    """The repository without extension modules: the package copied, the rest linked."""
    left_out = shutil.ignore_patterns("__pycache__", "*.so", "compiled.json")
    shutil.copytree(ROOT / "adaptd", folder / "adaptd", ignore=left_out)
    for name in SHARED:
        (folder / name).symlink_to(ROOT / name)
    return folder


def told(root: Path, *words: str) -> dict[str, Any]:
    """What the core that is found under ``root`` says of the workload."""
    env = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "tests.faults.cores", "--tell", *words]
    done = subprocess.run(command, cwd=root, env=env, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def differences(
    decisions: int, nonsense: int, scenarios: Iterable[str], spoil: Callable[[Path], None] = lambda _: None
) -> tuple[list[str], dict[str, Any]]:
    """What the two cores say differently, and what the compiled one said. ``spoil`` may change the interpreted copy first."""
    words = ("--decisions", str(decisions), "--nonsense", str(nonsense), "--scenarios", *scenarios)
    compiled = told(ROOT, *words)
    with tempfile.TemporaryDirectory(prefix="adaptd-cores-") as folder:
        root = interpreted_copy(Path(folder))
        spoil(root)
        interpreted = told(root, *words)
    assert (compiled.pop("core"), interpreted.pop("core")) == ("compiled", "interpreted")
    found = []
    for part in sorted(compiled.keys() | interpreted.keys()):
        there, here = interpreted.get(part), compiled.get(part)
        if there != here:
            found.append(f"{part}: interpreted {there!r:.300}, compiled {here!r:.300}")
    return found, compiled


def fixed_keys() -> None:
    """Every new key is the one of its epoch, so that two logs can be the same to the last byte."""
    from adaptd.log.format.keys import Signer

    def made(name: str | None = None, epoch: int = 0) -> Signer:
        return Signer(name or "adaptd/cores", bytes([epoch + 1]) * 32, epoch)

    Signer.generate = staticmethod(made)  # type: ignore[method-assign, assignment]


def tell(decisions: int, nonsense: int, scenarios: list[str]) -> dict[str, Any]:
    """Everything that this process's core makes of the workload, as digests and verdicts."""
    from adaptd.base import decision_core as core

    fixed_keys()
    found: dict[str, Any] = {"core": core.running()}
    with tempfile.TemporaryDirectory(prefix="adaptd-cores-") as folder:
        found |= tell_log(Path(folder) / "log", decisions)
        found |= tell_nonsense(Path(folder), nonsense)
    for name in scenarios:
        found[f"scenario {name}"] = tell_scenario(name)
    return found


def tell_log(folder: Path, decisions: int) -> dict[str, Any]:
    """The bytes of a log of ``decisions``, and what the verifier says of it, in one go and in parts of two processes."""
    from adaptd.cli.audit_words import report_json
    from adaptd.log.verify import verify as verifier
    from tests.log.workload import make_log

    make_log(folder, decisions, heartbeat=16)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    digests = {f"log {path.relative_to(folder)}": sha256(path.read_bytes()).hexdigest() for path in files}
    parts = verifier._in_parts(folder, verifier.Options(processes=2), None)
    in_parts = "could not be run in parts" if parts is None else report_json(parts)
    return {**digests, "verify": report_json(verifier.verify(folder)), "verify in parts": in_parts}


def tell_nonsense(folder: Path, count: int) -> dict[str, Any]:
    """Verdict, first bad record and reason of logs with nonsense in one record each."""
    from adaptd.log.verify.verify import verify
    from tests.log.attacks import Bench, read_files
    from tests.log.test_nonsense import told_otherwise
    from tests.log.workload import make_log

    make_log(folder / "whole", 300, heartbeat=16)
    files, random, found = read_files(folder / "whole"), Random(3), {}
    bench = Bench(folder / "bad", files)
    for at in range(count):
        report = verify(bench.put(told_otherwise(files, random)))
        found[f"nonsense {at}"] = [report.verdict.value, report.first_bad_seq, report.reason]
    return found


def tell_scenario(name: str) -> str:
    """A digest over every snapshot and verdict of the shipped scenario."""
    from adaptd.lab.episode import load_episode, run

    total = sha256()

    def take(_: Any, snapshot: Any, verdict: Any, __: Any) -> None:
        total.update(f"{snapshot!r}\n{verdict!r}\n".encode())

    run(load_episode(ROOT / "policies" / "scenarios" / f"{name}.yaml"), "adaptd", take)
    return total.hexdigest()


def main(argv: list[str] | None = None) -> int:
    """Compare; 1 when anything differs, 2 when there is no compiled core."""
    from adaptd.base import decision_core as core

    every = sorted(path.stem for path in (ROOT / "policies" / "scenarios").glob("*.yaml"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=20_000)
    parser.add_argument("--nonsense", type=int, default=500)
    parser.add_argument("--scenarios", nargs="*", default=every)
    parser.add_argument("--tell", action="store_true", help="say what the core of this process makes of it, as JSON")
    arguments = parser.parse_args(argv)
    if arguments.tell:
        print(json.dumps(tell(arguments.decisions, arguments.nonsense, arguments.scenarios)))
        return 0
    if core.running() != "compiled":
        print("no compiled core is built here: run `make compiled` first", file=sys.stderr)
        return 2
    found, compiled = differences(arguments.decisions, arguments.nonsense, arguments.scenarios)
    same = (
        f"the same: {len(compiled)} results, of {arguments.decisions:,} decisions and {arguments.nonsense} bad logs among others"
    )
    print("\n".join(found) or same)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
