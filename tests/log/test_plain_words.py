"""What a damaged log makes its readers say: plain words with the record and what to do, and never the language's own names."""

import re
from pathlib import Path
from random import Random

import pytest

from adaptd.cli.main import main
from adaptd.log.format.verdicts import Outcome, VerifyReport
from adaptd.log.verify.headline import NEXT
from adaptd.log.verify.verify import verify
from tests.log import attacks
from tests.log.attacks import Bench
from tests.log.test_cli_audit import say
from tests.log.test_nonsense import told_otherwise, with_line
from tests.log.workload import make_log

CODE = re.compile(
    r"\b\w+(?:Error|Exception)\b|Traceback|<class|object at 0x|\bNoneType\b|\bnot subscriptable|invalid literal|out of range"
    r"|unsupported operand|unexpected keyword|has no attribute|__\w+__|\b(?:int|str|bool|dict|tuple) (?:or|and|object)\b"
)
READERS = (
    ("show",), ("show", "--last", "5"), ("statement",), ("export", "-o", "OUT.csv"), ("pack", "-o", "OUT.tar.gz"),
    ("checkpoint",), ("history", "--since", "9000d"), ("report", "--no-replay", "-o", "OUT.html"), ("verify", "--no-replay"),
)  # fmt: skip


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("log")
    make_log(folder, 25)
    return Bench(tmp_path_factory.mktemp("bench"), attacks.read_files(folder))


def test_every_finding_is_in_plain_words(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nonsense in a chain that holds and of arbitrary damage, no reason names an exception or a type of the language."""
    said: set[str] = set()
    settle = VerifyReport.settle

    def heard(report: VerifyReport, outcome: Outcome, seq: int, reason: str) -> None:
        said.add(reason)
        settle(report, outcome, seq, reason)

    monkeypatch.setattr(VerifyReport, "settle", heard)
    random = Random(11)
    for _ in range(80):
        verify(bench.put(told_otherwise(bench.pristine, random)))
        verify(bench.put(attacks.random_damage(bench.pristine, random)))
    assert len(said) > 40
    assert [words for words in said if CODE.search(words)] == []
    assert CODE.search("the configuration cannot be read: KeyError: 'bind'")


def test_a_configuration_without_its_reference_is_a_finding(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration on record that holds no facts of the reference is a mismatch at its record; nothing is raised."""
    said: list[tuple[Outcome, int, str]] = []
    monkeypatch.setattr(VerifyReport, "settle", lambda report, *finding: said.append(finding))
    config = bench.pristine["00000000.log"].split(b"\n")[2]
    assert b'"facts":[["fp16",' in config
    verify(bench.put(with_line(bench.pristine, 2, config.replace(b'"facts":[["fp16",', b'"facts":[["fp17",'))))
    assert said[0][:2] == (Outcome.REPLAY_MISMATCH, 1)
    assert "the configuration holds no facts of the reference 'fp16'" in said[0][2]


def test_every_reader_of_a_damaged_log_says_what_where_and_what_to_do(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Show, why, statement, report, export, pack, checkpoint, history and prune end with an exit code and plain lines."""
    random = Random(12)
    for at in range(4):
        damage = told_otherwise if at % 2 else attacks.random_damage
        folder = bench.put(damage(bench.pristine, random))
        for words in READERS:
            code, out, err = say(capsys, *(words[0], folder, *(word.replace("OUT", str(tmp_path / "o")) for word in words[1:])))
            assert code in (0, 1, 2)
            assert not CODE.search(out + err), out + err
        code = main(["why", "--audit", str(folder)])
        out, err = capsys.readouterr()
        assert code in (0, 1)
        assert not CODE.search(out + err), out + err


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.VALID])
def test_every_bad_verdict_says_what_to_do(outcome: Outcome) -> None:
    """A person who reads a verdict reads in the next line but one what comes next."""
    assert NEXT[outcome]
