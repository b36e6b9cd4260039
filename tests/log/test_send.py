"""Checkpoints leave the device: to a file, a program, a witness that wants a proof, and a time stamp authority; and the pack."""

import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from adaptd.cli.audit_send import kept_in
from adaptd.cli.main import main
from adaptd.log.format.note import verifier_key_text
from adaptd.log.format.tree import CompactRange
from adaptd.log.verify.reader import iter_records, last, segment_files
from adaptd.log.verify.witnesses import ProofError, consistency
from adaptd.log.write.ledger import LedgerLimits
from tests.log.outside import Authority, Witness, consistent, served
from tests.log.workload import Clock, Run, make_log

MANY = replace(LedgerLimits(), segment_bytes=20_000)


def root_of(lines: list[bytes], size: int) -> bytes:
    """The root over the first ``size`` lines."""
    tree = CompactRange()
    for line in lines[:size]:
        tree.append(line)
    return tree.root()


def test_every_proof_convinces_and_no_other_does(tmp_path: Path) -> None:
    """Between any two sizes of a log of many segments the proof holds under RFC 9162's check; one flipped bit and it does not."""
    make_log(tmp_path, 150, limits=MANY)
    lines = [one for path in segment_files(tmp_path) for one in path.read_bytes().split(b"\n")[1:] if one]
    assert len(segment_files(tmp_path)) > 2
    random = Random(5)
    for _ in range(40):
        new = random.randrange(2, len(lines) + 1)
        old = random.randrange(1, new)
        proof, roots = consistency(tmp_path, old, new), (root_of(lines, old), root_of(lines, new))
        assert consistent(old, new, *roots, proof)
        if proof:
            at = random.randrange(len(proof))
            wrong = [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
            assert not consistent(old, new, *roots, wrong)
    assert consistency(tmp_path, 0, 9) == consistency(tmp_path, 9, 9) == []
    with pytest.raises(ProofError, match="does not hold records"):
        consistency(tmp_path, 5, len(lines) + 1)


def test_a_witness_cosigns_what_grows_and_the_verdict_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time the witness is told the size that it knows and gets a proof; verify says up to where and by whom."""
    folder, witness, clock = tmp_path / "log", Witness(), Clock()
    (tmp_path / "w.pub").write_text(verifier_key_text(witness.key))
    words = ["audit", "send", str(folder), "--witness-key", str(tmp_path / "w.pub"), "--to"]
    with served(witness.add_checkpoint) as url:
        for run in range(2):
            Run(folder, clock=clock, boot=f"b{run}").ticks(30).close()
            clock.advance(5_000_000)
            assert main([*words, url]) == 0
    assert witness.asked == 3
    assert "cosigned the checkpoint over" in capsys.readouterr().out
    newest = max(kept_in(folder).glob("*.note"))
    assert main(["audit", "verify", str(folder), "--witness", str(newest), "--witness-key", str(tmp_path / "w.pub")]) == 0
    assert "by witness.example/w1 at 2026-09-21" in capsys.readouterr().out


def test_a_log_that_was_rolled_back_gets_no_cosignature(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An old copy of the folder shows a witness fewer records than it has seen; another log of the same size, no proof."""
    folder, witness = tmp_path / "log", Witness()
    make_log(folder, 20)
    shutil.copytree(folder, tmp_path / "old")
    Run(folder, clock=Clock(900_000_000), boot="b1").ticks(20).close()
    make_log(tmp_path / "other", 60)
    with served(witness.add_checkpoint) as url:
        assert main(["audit", "send", str(folder), "--to", url]) == 0
        assert main(["audit", "send", str(tmp_path / "old"), "--to", url]) == 1
        assert "it was rolled back" in capsys.readouterr().err
        assert main(["audit", "send", str(tmp_path / "other"), "--to", url]) == 1
        assert "status 422" in capsys.readouterr().err


def test_a_file_and_a_program_get_the_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file holds the note that verify takes as a witness; a program that fails is one line and exit 1."""
    folder, note = tmp_path / "log", tmp_path / "usb" / "newest.note"
    make_log(folder, 10)
    assert main(["audit", "send", str(folder), "--to", str(note)]) == 1
    assert capsys.readouterr().err == f"{note}: its folder is not there; mount or make it first\n"
    assert not note.parent.exists()
    note.parent.mkdir()
    assert main(["audit", "send", str(folder), "--to", str(note), "--to", f"cmd:tee {tmp_path}/piped"]) == 0
    record = last(folder, "checkpoint")
    assert record is not None
    assert note.read_text() == (tmp_path / "piped").read_text() == record["note"]
    assert main(["audit", "verify", str(folder), "--witness", str(note)]) == 0
    capsys.readouterr()
    for target in ("cmd:false", "cmd:/no/such/program", "http://127.0.0.1:9/", "tsa:ftp://x"):
        assert main(["audit", "send", str(folder), "--to", target]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert said.startswith(target.removeprefix("tsa:"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_a_time_stamp_is_one_that_openssl_believes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The kept reply verifies with openssl against the authority's certificate, over the kept note, and over no other."""
    folder, authority = tmp_path / "log", Authority(tmp_path / "tsa")
    make_log(folder, 10)
    with served(authority.stamp) as url:
        assert main(["audit", "send", str(folder), "--to", f"tsa:{url}"]) == 0
    (reply,) = kept_in(folder).glob("*.tsr")
    check: list[str | Path] = ["openssl", "ts", "-verify", "-in", reply, "-CAfile", authority.folder / "cert", "-data"]
    assert subprocess.run([*check, reply.with_suffix("")], check=False, capture_output=True).returncode == 0
    (tmp_path / "x").write_bytes(b"other")
    assert subprocess.run([*check, tmp_path / "x"], check=False, capture_output=True).returncode != 0
    with served(lambda _: (200, reply.read_bytes())) as url:  # an old reply is not the answer to a new question
        assert main(["audit", "send", str(folder), "--to", f"tsa:{url}"]) == 1
    assert "not about this checkpoint" in capsys.readouterr().err


def test_a_pack_is_all_that_an_auditor_needs_and_nothing_secret(tmp_path: Path) -> None:
    """Unpacked elsewhere, the packed verifier and ours call it valid under the key; the private key is not in it."""
    folder = tmp_path / "log"
    make_log(folder, 200, limits=MANY)
    kept_in(folder).mkdir()
    assert main(["audit", "send", str(folder), "--to", str(kept_in(folder) / "a.note")]) == 0
    assert main(["audit", "pack", str(folder), "-o", str(tmp_path / "p.tar.gz")]) == 0
    with tarfile.open(tmp_path / "p.tar.gz") as pack:
        names = pack.getnames()
        pack.extractall(tmp_path / "there", filter="data")
    assert not any("private" in name or "lock" in name or "reserve" in name for name in names)
    there, key = tmp_path / "there", folder / "log.pub"
    note = there / "witnessed" / "a.note"
    words: list[str | Path] = [sys.executable, there / "verify_audit.py", there / "log", "--key", key, "--witness", note]
    assert subprocess.run(words, check=False, capture_output=True, cwd=there).returncode == 0
    assert main(["audit", "verify", str(there / "log"), "--key", str(key), "--witness", str(note)]) == 0
    read_me = (there / "README.txt").read_text()
    assert "--witness witnessed/a.note" in read_me
    assert len(list(iter_records(there / "log"))) == len(list(iter_records(folder)))


def test_a_pack_of_a_running_log_is_sound(tmp_path: Path) -> None:
    """Zeros behind the last record stay behind; what the head acknowledges is in the pack."""
    run = Run(tmp_path / "log").ticks(40)
    run.ledger.checkpoint()
    run.ledger.sync()
    assert main(["audit", "pack", str(tmp_path / "log"), "-o", str(tmp_path / "p.tar.gz")]) == 0
    with tarfile.open(tmp_path / "p.tar.gz") as pack:
        pack.extractall(tmp_path, filter="data", members=[one for one in pack.getmembers() if one.name.startswith("log/")])
        assert max(one.size for one in pack.getmembers() if one.name.endswith(".log")) < 200_000
    run.ledger.abandon()
