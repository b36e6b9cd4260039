"""What leaves the device bounds what can be taken back: witnesses, copies of checkpoints, rollbacks and forks."""

import shutil
from pathlib import Path

import pytest

from adaptd.log.format import keys, note
from adaptd.log.format.epochs import KeyFolder
from adaptd.log.verify.reader import last
from adaptd.log.verify.trust import Witnessed, read_witness
from adaptd.log.verify.verify import Options, Outcome, verify
from adaptd.log.write.opening import open_ledger
from tests.log import attacks
from tests.log.workload import SECOND, SMALL, Clock


def history(folder: Path, stops: int = 6) -> list[Path]:
    """A log that is copied whole, head and key included, after each of its runs; the copies, oldest first."""
    clock, copies = Clock(), []
    for run in range(stops):
        ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
        for _ in range(4):
            clock.advance(SECOND)
            ledger.append("note", {"run": run})
        ledger.close()
        clock.advance(SECOND)
        copies.append(Path(shutil.copytree(folder, folder.parent / f"copy{run}")))
    return copies


def kept_note(folder: Path, target: Path) -> Witnessed:
    """The newest checkpoint of a log, kept in a file elsewhere."""
    record = last(folder, "checkpoint")
    assert record is not None
    target.write_text(record["note"])
    return read_witness(target, ())


def test_every_rollback_behind_a_witnessed_checkpoint_is_found_and_none_beyond_it_is_claimed(tmp_path: Path) -> None:
    """For every old copy and witnessed point: found where the copy is older, and else the bound named is the truth."""
    copies = history(tmp_path / "log")
    second = attacks.second_verifier()
    for at, witnessed_copy in enumerate(copies):
        outside = kept_note(witnessed_copy, tmp_path / f"note{at}")
        for back, rolled_back in enumerate(copies):
            report = verify(rolled_back, Options(witnessed=(outside,), replay=False))
            other = second.verify(
                str(rolled_back), None, [outside.signed.body + "\n" + note.signature_line(outside.signed.signatures[0])]
            )
            assert (report.verdict.value, report.first_bad_seq) == (other["verdict"], other["first_bad_seq"])
            if back < at:
                assert report.verdict is Outcome.DAMAGED
                assert report.first_bad_seq == report.records < outside.size
            else:
                assert report.verdict is Outcome.VALID
                assert report.witnessed == outside.size
                assert report.self_signed == report.records - outside.size


def test_without_a_witness_a_rollback_of_the_whole_folder_passes(tmp_path: Path) -> None:
    """Negative control, and an honest limit: an old copy of everything is a sound log; only something outside can tell."""
    for copy in history(tmp_path / "log", 3):
        report = verify(copy, Options(replay=False))
        assert report.verdict is Outcome.VALID
        assert report.witnessed is None
        assert report.self_signed == report.records


def test_a_fork_under_the_device_s_own_key_fails_against_the_witnessed_branch(tmp_path: Path) -> None:
    """Two different continuations of one log, both signed by the device: the one that was not witnessed is forged."""
    base = history(tmp_path / "log", 2)[-1]
    outside = []
    for branch in ("left", "right"):
        folder = Path(shutil.copytree(base, tmp_path / branch))
        clock = Clock(100 * SECOND)
        ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
        ledger.append("note", {"branch": branch})
        ledger.close()
        outside.append(kept_note(folder, tmp_path / f"{branch}.note"))
        assert verify(folder, Options(witnessed=(outside[-1],), replay=False)).verdict is Outcome.VALID
    report = verify(tmp_path / "right", Options(witnessed=(outside[0],), replay=False))
    assert report.verdict is Outcome.FORGED


def test_witnesses_are_named_only_when_their_cosignature_holds(tmp_path: Path) -> None:
    """A known witness that signed is named; one whose signature is of another checkpoint is not."""
    folder = history(tmp_path / "log", 2)[-1]
    signed = note.parse_note(str((last(folder, "checkpoint") or {})["note"]))
    witness = keys.Signer.generate("witness.example.com/w1")
    known = note.VerifierKey(witness.name, note.COSIGNATURE, witness.public)

    def cosigned(body: str) -> Path:
        stamp = 1_790_000_000
        data = stamp.to_bytes(8, "big") + witness.sign_bytes(note.cosigned_message(body, stamp))
        line = note.signature_line(note.Signature(witness.name, known.key_id, data))
        path = tmp_path / "cosigned"
        path.write_text(signed.body + "\n" + note.signature_line(signed.signatures[0]) + line)
        return path

    report = verify(folder, Options(witnessed=(read_witness(cosigned(signed.body), (known,)),), replay=False))
    assert (report.verdict, report.witnesses) == (Outcome.VALID, (witness.name,))
    report = verify(folder, Options(witnessed=(read_witness(cosigned("another\n1\n\n"), (known,)),), replay=False))
    assert report.witnesses == ()


def test_a_checkpoint_of_another_log_is_refused(tmp_path: Path) -> None:
    """Holding the wrong note against a log does not pass for a witness."""
    one = history(tmp_path / "one", 1)[-1]
    KeyFolder.beside(tmp_path / "b" / "two").create("example.com/two")
    two = history(tmp_path / "b" / "two", 1)[-1]
    report = verify(one, Options(witnessed=(kept_note(two, tmp_path / "note"),), replay=False))
    assert report.verdict is Outcome.FORGED
    with pytest.raises(note.NoteError, match="not a checkpoint note"):
        read_witness(one / "head", ())
