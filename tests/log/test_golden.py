"""A log that adaptd 0.1.0 wrote (version 1) is still whole, readable and honestly described, and goes on in version 2."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adaptd.cli.main import main
from adaptd.log.format.verdicts import OldCore, Outcome
from adaptd.log.verify.decided import decisions
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.verify import verify
from adaptd.vocabulary import Measured, Mode, believed
from tests.conftest import ROOT
from tests.log.workload import Clock, Run

GOLDEN = ROOT / "tests" / "log" / "golden" / "v1"
CORE = "d55cf772096c6616bf20383ecd5512aa56d9784162cad8711a73a5dc2a61ab2c"
DECISIONS = 50
WORDS = f"50 decisions were not run again: decision core {CORE[:12]} made them, adaptd 0.1.0 has it"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The golden log, to be written to."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "log"))


def test_a_log_of_version_1_verifies_in_full_structure() -> None:
    """Chain, tree, signatures and the form of every record hold; no decision is said to have been run again."""
    report = verify(GOLDEN)
    assert (report.verdict, report.reason) == (Outcome.VALID, "")
    assert (report.records, report.decisions, report.replayed) == (73, DECISIONS, 0)
    assert report.not_run_again == (OldCore(CORE, "0.1.0", DECISIONS),)
    assert report.code_matches is None


def test_the_headline_says_what_was_not_run_again_and_who_can(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0; the first line names the decision core and the release that has it; nothing calls the log damaged."""
    assert main(["audit", "verify", str(GOLDEN)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("valid: records 0 to 72 are complete and unchanged; ")
    assert WORDS in said.splitlines()[0]
    assert not any(word in said.lower() for word in ("damaged", "mismatch", "every decision follows", "unknown version"))
    assert main(["audit", "verify", str(GOLDEN), "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["not_run_again"] == [{"code": CORE, "release": "0.1.0", "decisions": DECISIONS}]


def test_the_second_verifier_agrees() -> None:
    """The file that knows no code of adaptd finds the old log valid too."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "verify_audit.py", GOLDEN, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["verdict"], found["records"], found["decisions"]) == ("valid", 73, DECISIONS)


def test_people_read_an_old_log_as_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`audit show`, `why --audit` and `audit report` take it, with the temperatures that were believed then."""
    assert main(["audit", "show", str(GOLDEN), "--kind", "decision"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == DECISIONS
    assert "35.5 C (simulated)" in shown[-1]
    assert main(["why", "--audit", str(GOLDEN)]) == 0
    assert capsys.readouterr().out.startswith("reference: fp16 at 15 fps in night light")
    page = tmp_path / "page.html"
    assert main(["audit", "report", str(GOLDEN), "-o", str(page)]) == 0
    assert WORDS in page.read_text()


def test_old_decisions_are_given_in_the_words_of_today() -> None:
    """Readers see one source a quantity, marked as it was, and the mode and point that were chosen."""
    last = list(decisions(GOLDEN))[-1]
    reading = believed(last.snapshot, last.verdict, "temperature")
    assert isinstance(reading, Measured)
    assert (reading.source, reading.simulated) == ("twin", True)
    assert last.verdict.mode is Mode.REFERENCE


def test_an_old_log_is_exported(tmp_path: Path) -> None:
    """Every decision of version 1 becomes a row of the same table."""
    pytest.importorskip("pyarrow", reason="the export needs pyarrow")
    assert main(["audit", "export", str(GOLDEN), "-o", str(tmp_path / "log.parquet")]) == 0
    assert (tmp_path / "log.parquet").stat().st_size > 1000


@pytest.mark.parametrize("at", [1, 30, 60])
def test_one_changed_byte_of_an_old_log_is_found(folder: Path, at: int) -> None:
    """Negative control: version 1 is checked as strictly as ever."""
    segment = folder / "00000000.log"
    lines = segment.read_bytes().split(b"\n")
    line = bytearray(lines[at])
    line[len(line) // 2] ^= 1
    lines[at] = bytes(line)
    segment.write_bytes(b"\n".join(lines))
    assert verify(folder).verdict in {Outcome.DAMAGED, Outcome.FORGED}


def test_a_version_that_falls_is_no_log(tmp_path: Path) -> None:
    """Records of version 1 come before those of 2: what says otherwise was put together."""
    from adaptd.log.format.chain import Chain, ChainError

    first, second = Chain(), Chain()
    line = first.write(0, "start", 1, 1, {})
    second.read(line)
    old = Chain(second.tree.copy(), second.last)
    later = old.write(0, "stop", 2, 2, {}).replace(b'"v":2}', b'"v":1}')
    with pytest.raises(ChainError, match="a record of version 1 after one of version 2"):
        second.read(later)


def test_a_run_of_today_goes_on_behind_a_run_of_version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new run appends version 2 to the same chain; the whole verifies, the old part in structure, the new one run again."""
    from adaptd.log.format import chain

    clock = Clock()
    with monkeypatch.context() as patch:
        patch.setattr(chain, "VERSION", 1)
        old = Run(tmp_path, clock=clock)
        old.ledger.append("worker", {"event": "hello"})
        old.ledger.close({"reason": "stopped"})
    run = Run(tmp_path, clock=clock)
    run.ticks(30)
    run.close()
    versions = [record["v"] for record in iter_records(tmp_path)]
    assert versions == sorted(versions)
    assert set(versions) == {1, 2}
    report = verify(tmp_path)
    assert (report.verdict, report.reason, report.replayed) == (Outcome.VALID, "", 30)
    second = subprocess.run(
        [sys.executable, ROOT / "tools" / "verify_audit.py", tmp_path], capture_output=True, text=True, check=False
    )
    assert second.returncode == 0, second.stdout
