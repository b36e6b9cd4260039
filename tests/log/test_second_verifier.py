"""The second verifier stands alone and says the same as the first."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from adaptd.log.verify.verify import Options, Outcome, verify
from adaptd.log.write.opening import open_ledger
from tests.log.attacks import ROOT, second_verifier
from tests.log.workload import SMALL, Clock, make_log

TOOL = ROOT / "tools" / "verify_audit.py"


def test_it_is_one_file_with_one_dependency_and_none_of_our_code() -> None:
    """It imports the standard library and cryptography, nothing of adaptd."""
    modules = set()
    for node in ast.walk(ast.parse(TOOL.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(str(node.module).split(".")[0])
    assert modules - set(sys.stdlib_module_names) == {"cryptography"}


def test_it_agrees_on_a_log_with_decisions(tmp_path: Path) -> None:
    """On a whole log of decisions with hand-overs both count the same records, signatures and epochs."""
    make_log(tmp_path, 300)
    first, second = verify(tmp_path, Options(replay=False)), second_verifier().verify(str(tmp_path))
    assert second["verdict"] == first.verdict.value == "valid"
    assert (second["records"], second["decisions"], second["signed"]) == (first.records, first.decisions, first.signed)
    assert (second["epochs"], second["decisions_run_again"]) == (first.epochs, None)


def test_a_log_that_is_being_written_is_not_called_torn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records made while a verifier reads are left unjudged by both; the same records behind a head that stands still are not."""
    clock = Clock()
    ledger, _ = open_ledger(tmp_path, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
    for _ in range(6):
        ledger.append("note", {"n": 1}, durable=True)
        ledger.rotate()

    def more(*_: object) -> None:
        ledger.append("note", {"n": 2}, durable=True)
        ledger.append("note", {"n": 3}, durable=True)

    report = verify(tmp_path, Options(replay=False), more)
    assert (report.verdict, report.unsigned > 0) == (Outcome.VALID, True)
    assert any("being written" in line for line in report.notes)
    module = second_verifier()
    real = module.Log.bytes
    reads: list[str] = []

    def reading(log: object, name: str) -> bytes | None:
        reads.append(name)
        if reads.count("00000001.log") and name.endswith(".log"):
            more()
        return real(log, name)  # type: ignore[no-any-return]

    monkeypatch.setattr(module.Log, "bytes", reading)
    assert module.verify(str(tmp_path))["verdict"] == "valid"
    monkeypatch.undo()
    held = (tmp_path / "head").read_bytes()
    more()
    ledger.abandon()
    (tmp_path / "head").write_bytes(held)
    assert verify(tmp_path, Options(replay=False)).verdict.value == module.verify(str(tmp_path))["verdict"] == "torn_tail"


def test_it_runs_as_a_program(tmp_path: Path) -> None:
    """Alone in an empty folder it prints the verdict, as text and as JSON, and answers with the right exit codes."""
    make_log(tmp_path / "log", 20)
    tool = tmp_path / "verify_audit.py"
    tool.write_bytes(TOOL.read_bytes())

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", str(tool), *words], capture_output=True, text=True, check=False, cwd=tmp_path
        )

    key = (tmp_path / "log" / "log.pub").read_text().strip()
    assert run("log").stdout.startswith("valid\n")
    assert json.loads(run("log", "--json", "--key", key).stdout)["verdict"] == "valid"
    assert run("nowhere").returncode == 2
    (tmp_path / "log" / "head").write_bytes(b"")
    bad = run("log")
    assert (bad.returncode, bad.stderr) == (1, "")
    assert bad.stdout.startswith("damaged, first bad record ")
