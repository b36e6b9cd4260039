"""`adaptd audit` as a person uses it: words on stdout, one line on stderr, the exit code of the verdict."""

import json
from pathlib import Path

import pytest

from adaptd.cli.main import main
from adaptd.log.verify.reader import iter_records, last
from tests.log.workload import make_log


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed log of 150 decisions."""
    path = tmp_path_factory.mktemp("cli")
    make_log(path, 150)
    return path


def say(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command."""
    try:
        code = main(["audit", *map(str, words)])
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def test_verify_says_what_was_checked_and_under_which_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sound log gives 0, the verdict first, and says from which record on the folder's holder could rewrite it."""
    code, out, err = say(capsys, "verify", folder)
    assert (code, err) == (0, "")
    assert out.startswith("valid: records 0 to ")
    assert out.splitlines()[0].endswith("are complete and unchanged, and every decision follows")
    assert "checked only against the key in this folder, which an attacker could replace" in out
    assert "from record 0 on by whoever holds this folder with its private key" in out
    code, out, _ = say(capsys, "verify", folder, "--key", folder / "log.pub")
    assert code == 0
    assert "checked under the public key that was given" in out
    assert "an attacker could replace" not in out


def test_a_verdict_without_replay_does_not_claim_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where decisions were not run again the first line says so instead of claiming that they follow."""
    code, out, _ = say(capsys, "verify", folder, "--no-replay")
    assert code == 0
    assert "were not run again" in out.splitlines()[0]
    assert "every decision follows" not in out


def test_verify_as_json_holds_the_whole_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Machines get one object with the verdict, the counts and every interval."""
    code, out, _ = say(capsys, "verify", folder, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["verdict"], found["first_bad_seq"], found["replayed"]) == ("valid", None, 150)
    assert {"intervals", "gaps", "interruptions", "self_signed", "unsigned", "witnessed"} <= set(found)


def test_a_bad_log_gives_one_and_names_the_record(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A flipped bit: exit code 1, the verdict and the record, no traceback."""
    for path in folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    segment = tmp_path / "00000000.log"
    data = bytearray(segment.read_bytes())
    data[-300] ^= 4
    segment.write_bytes(data)
    code, out, err = say(capsys, "verify", tmp_path)
    assert (code, err) == (1, "")
    assert out.startswith("damaged: records are missing or changed\n  first bad record  ")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["verify", "/nowhere"], "/nowhere: no such folder; name the folder of the log"),
        (["verify", "LOG", "--key", "nonsense"], "nonsense: not a public key"),
        (["verify", "LOG", "--key", "x" * 5000], "x: not a public key (File name too long)"),
        (["prune", "LOG", "--keep-days", "0"], "--keep-days: '0' is no whole number of at least 1"),
        (["show", "LOG", "--last", "-1"], "--last: '-1' is no whole number of at least 1"),
        (["history", "LOG", "--step", "x"], "--step: 'x' is no whole number of at least 1"),
        (["verify", "LOG", "--witness", "LOG/head"], "not a checkpoint note"),
        (["show", "LOG", "--since", "yesterday"], "'yesterday': not a time"),
        (["report", "LOG"], "the following arguments are required: -o/--output"),
        (["prune", "/nowhere"], "/nowhere: no such folder"),
        (["prune", "LOG/private"], "private: no log here; name the folder of the log"),
        (["show", "LOG/private"], "private: no log here; name the folder of the log"),
        (["export", "LOG/private", "-o", "x"], "private: no log here; name the folder of the log"),
        (["checkpoint", "/nowhere"], "/nowhere: no such folder"),
        (["verify", "LOG", "--witness", "/nowhere"], "not a checkpoint note (No such file or directory)"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_two(
    words: list[str], line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was typed wrong is said in one line with the remedy."""
    code, out, err = say(capsys, *(word.replace("LOG", str(folder)) for word in words))
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1


def test_a_folder_without_a_log_is_a_finding_of_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Someone may have removed everything: exit code 1, and the reason is that there is no log, not that there is no key."""
    code, out, err = say(capsys, "verify", tmp_path)
    assert (code, err) == (1, "")
    assert "there is no log in this folder" in out


def test_a_filter_that_matches_nothing_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty answer is told apart from an empty log."""
    code, out, err = say(capsys, "show", folder, "--kind", "nosuch")
    assert (code, out) == (0, "")
    assert "no record matches" in err


def test_a_file_that_can_not_be_written_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report into a folder that does not exist names the file and the remedy."""
    for command in ("report", "export"):
        code, _, err = say(capsys, command, folder, "-o", "/nowhere/x")
        assert code == 1
        assert err.startswith("/nowhere/x: ")
        assert err.count("\n") == 1


def test_show_filters_by_kind_time_and_failing_condition(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Records in words, one a line, by kind, by time, by the condition that failed, or the last few."""
    everything = list(iter_records(folder))
    code, out, _ = say(capsys, "show", folder)
    assert (code, out.count("\n")) == (0, len(everything))
    _, out, _ = say(capsys, "show", folder, "--kind", "act", "--kind", "result")
    assert out.count("\n") == sum(record["kind"] in ("act", "result") for record in everything)
    _, out, _ = say(capsys, "show", folder, "--condition", "efficient_allowed", "--last", "3")
    assert all("efficient_allowed" in line for line in out.splitlines())
    middle = everything[80]
    text = "2026-09-21T14:14"
    _, out, _ = say(capsys, "show", folder, "--since", text, "--json")
    times = [json.loads(line)["utc_ms"] for line in out.splitlines()]
    assert times == [record["utc_ms"] for record in everything if record["utc_ms"] >= times[0]]
    assert 0 < len(times) < len(everything)
    _, out, _ = say(capsys, "show", folder, "--from-seq", str(middle["seq"]), "--until", "2030-01-01", "--last", "2")
    assert out.count("\n") == 2


def test_a_checkpoint_that_was_kept_is_a_witness(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The printed checkpoint, kept elsewhere and given back, bounds what can be rolled back."""
    _, text, _ = say(capsys, "checkpoint", folder)
    assert text == (last(folder, "checkpoint") or {})["note"]
    (tmp_path / "note").write_text(text)
    code, out, _ = say(capsys, "verify", folder, "--no-replay", "--witness", tmp_path / "note")
    assert code == 0
    assert f"up to record {int(text.splitlines()[1]) - 1} by a copy of a checkpoint" in out


def test_keygen_makes_the_key_before_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The public key is printed and kept, the log that follows is signed with it, and an existing log's key is not replaced."""
    code, out, err = say(capsys, "keygen", tmp_path, "--name", "example.com/line-3/camera-2")
    assert code == 0
    assert out.startswith("example.com/line-3/camera-2+")
    assert "keep a copy" in err
    make_log(tmp_path, 5)
    assert say(capsys, "verify", tmp_path, "--key", out.strip())[0] == 0
    code, _, err = say(capsys, "keygen", tmp_path)
    assert code == 1
    assert "cannot be replaced" in err


def test_prune_and_report_and_export_say_what_they_did(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each names its result in one line."""
    code, out, _ = say(capsys, "report", folder, "-o", tmp_path / "r.html")
    assert (code, out) == (0, f"valid: {tmp_path / 'r.html'}\n")
    code, out, _ = say(capsys, "export", folder, "-o", tmp_path / "t.parquet")
    assert (code, out) == (0, f"150 decisions: {tmp_path / 't.parquet'}\n")
    make_log(tmp_path / "log", 5)
    code, out, _ = say(capsys, "prune", tmp_path / "log")
    assert (code, out) == (0, "nothing is older than 184 days\n")
    assert say(capsys, "verify", tmp_path / "log")[0] == 0
