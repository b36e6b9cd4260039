"""A million decisions run again on other Pythons and under other hash seeds, and changes planted among them."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from adaptd.base.canonical_json import encode
from adaptd.log.format.codec import to_plain
from adaptd.log.format.decisions import DecisionCoder
from adaptd.log.format.verdicts import Outcome
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.replay import Replayer, ReplayError
from adaptd.log.verify.verify import verify
from adaptd.log.write.ledger import LedgerLimits
from tests.faults.result import Result, tracked
from tests.log.workload import ROOT, decisions, make_log

Args = argparse.Namespace
SEEDS = ("0", "1", "2", "3", "random")


def digest(count: int) -> str:
    """SHA-256 over the canonical bytes of ``count`` decisions of the brain in the small world, and of the state at the end."""
    total, coder, last = sha256(), DecisionCoder("x"), None
    for snapshot, verdict, state in decisions(count, seed=9):
        total.update(encode(coder.write(snapshot, verdict, snapshot.now_us)))
        last = state
    total.update(encode(to_plain(last)))
    return total.hexdigest()


def digest_by_set(count: int) -> str:
    """The negative control: the same over decisions whose conditions stand in the order of a set, as a careless brain's would."""
    total = sha256()
    for _, verdict, _ in decisions(count, seed=9):
        total.update(encode(list({name for name, _ in verdict.conditions})))
    return total.hexdigest()


def run_again(folder: Path) -> str:
    """Verify a log with every decision run again; verdict and count."""
    report = verify(folder)
    return f"{report.verdict.value} {report.replayed}"


def replay(share: float, args: Args) -> Result:
    """One log of 1,000,000 decisions, written once, run again by each Python under five hash seeds."""
    result = Result(zero=("runs that differ",), above_zero=("decisions run again", "hash seeds that tell a set"))
    count = max(1000, round(1_000_000 * share))
    pythons = [sys.executable, *args.python]
    base = Path(tempfile.mkdtemp(prefix="adaptd-torture-"))
    try:
        make_log(base / "log", count, limits=LedgerLimits(wear_budget_mb=100_000))
        result.counts["decisions in the log"] = count
        for python in pythons:
            for seed in tracked(SEEDS, f"replay {python}"):
                said = _elsewhere(python, seed, "replay", str(base / "log"))
                result.add("runs")
                result.add("decisions run again", int(said.split()[-1]) if said.split()[-1].isdigit() else 0)
                if said.split(" ", 1)[-1] != f"valid {count}":
                    result.fault("runs that differ", f"{python} seed {seed}: {said}")
        result.counts["Pythons"] = " ".join(sorted({_elsewhere(python, "0", "version", "").split()[0] for python in pythons}))
        digests = {
            _elsewhere(python, seed, "digest", str(min(count, 20_000))).split()[-1] for python in pythons for seed in SEEDS
        }
        result.add("runs that differ", len(digests) - 1)
        by_set = {_elsewhere(sys.executable, seed, "set", "20").split()[-1] for seed in SEEDS[:4]}
        result.counts["hash seeds that tell a set"] = len(by_set) - 1
    finally:
        shutil.rmtree(base)
    return result


def _elsewhere(python: str, seed: str, what: str, argument: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    command = [python, "-m", "tests.faults.torture_replay", what, argument]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    return (
        done.stdout.strip()
        or f"{python} failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}"
    )


def planted(share: float, _: Args) -> Result:
    """One change in 10,000 decisions, at each of many places, of anything decided; and of anything sensed."""
    result = Result(zero=("not found", "misplaced"), above_zero=("planted",))
    count = max(300, round(10_000 * share))
    base = Path(tempfile.mkdtemp(prefix="adaptd-torture-"))
    try:
        make_log(base / "log", count)
        assert verify(base / "log").verdict is Outcome.VALID
        _plant(result, list(iter_records(base / "log")), max(10, round(100 * share)))
    finally:
        shutil.rmtree(base)
    return result


def _plant(result: Result, records: list[dict[str, Any]], places: int) -> None:
    random = Random(4)
    wanted = set(random.sample([one["seq"] for one in records if one["kind"] == "decision" and one.get("out")], places))
    replayer = Replayer()
    for record in tracked(records, "planted"):
        if record["seq"] in wanted:
            result.add("planted")
            copy = json.loads(json.dumps(record))
            name = random.choice(sorted(copy["out"]))
            copy["out"][name] = _other(copy["out"][name])
            before = (replayer._state, replayer._coder.snapshot, replayer._coder.verdict) if replayer._coder else None
            try:
                replayer.feed(copy)
                result.fault("not found", f"record {record['seq']} out.{name}")
            except ReplayError:
                result.add("found at the very record")
            assert before is not None
            assert replayer._coder is not None
            replayer._state, replayer._coder.snapshot, replayer._coder.verdict = before
        replayer.feed(record)


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, dict):
        name = min(value)
        return {**value, name: _other(value[name])}
    return [*value[:-1], _other(value[-1])] if value else [["x", 1]]


if __name__ == "__main__":
    doing = {
        "digest": lambda text: digest(int(text)),
        "set": lambda text: digest_by_set(int(text)),
        "replay": lambda text: run_again(Path(text)),
        "version": lambda _: "",
    }
    print(f"{platform.python_implementation()}-{platform.python_version()}", doing[sys.argv[1]](sys.argv[2]))
