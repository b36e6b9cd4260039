"""What leaves the device bounds what can be taken back: witnesses, copies of checkpoints, rollbacks and forks."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from adaptd.cli.audit_words import report_lines
from adaptd.log.format import keys, note
from adaptd.log.format.epochs import KeyFolder
from adaptd.log.format.verdicts import Outcome, VerifyReport
from adaptd.log.verify.reader import last
from adaptd.log.verify.trust import Witnessed, read_witness
from adaptd.log.verify.verify import Options, verify
from adaptd.log.write.opening import open_ledger
from tests.log import attacks
from tests.log.attacks import second_verifier
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


STAMP_S = 1_790_000_000


class Scene:
    """A log with a checkpoint note that a witness may cosign, and both verifiers to hold it against."""

    def __init__(self, folder: Path) -> None:
        self.folder = history(folder / "log", 2)[-1]
        self.signed = note.parse_note(str((last(self.folder, "checkpoint") or {})["note"]))
        self.witness = keys.Signer.generate("witness.example.com/w1")
        self.key = note.VerifierKey(self.witness.name, note.COSIGNATURE, self.witness.public)
        self.path = folder / "cosigned"

    def line(self, body: str) -> str:
        """A cosignature over ``body``."""
        data = STAMP_S.to_bytes(8, "big") + self.witness.sign_bytes(note.cosigned_message(body, STAMP_S))
        return note.signature_line(note.Signature(self.witness.name, self.key.key_id, data))

    def verdicts(self, text: str, *witness_keys: note.VerifierKey) -> tuple[VerifyReport, dict[str, Any]]:
        """What both verifiers say of the log with ``text`` as the note that left the device."""
        self.path.write_text(text)
        found = (read_witness(self.path, witness_keys),)
        ours = verify(self.folder, Options(witnessed=found, witness_keys=witness_keys, replay=False))
        lines = [note.verifier_key_text(key) for key in witness_keys]
        return ours, second_verifier().verify(str(self.folder), None, [text], lines)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A log of two runs and a witness."""
    return Scene(tmp_path)


def test_a_witness_that_cosigned_is_named_with_its_time(scene: Scene) -> None:
    """A known witness whose cosignature holds is named by both verifiers, and when it signed."""
    own = note.signature_line(scene.signed.signatures[0])
    ours, second = scene.verdicts(f"{scene.signed.body}\n{own}{scene.line(scene.signed.body)}", scene.key)
    assert (ours.verdict, ours.witnesses) == (Outcome.VALID, ((scene.witness.name, STAMP_S),))
    assert (second["verdict"], second["witnesses"]) == ("valid", [(scene.witness.name, STAMP_S)])
    assert f"{scene.witness.name} at 2026-09-21" in "\n".join(report_lines(ours))


@pytest.mark.parametrize("kind", ["none", "broken", "stranger's"])
def test_every_witness_key_must_have_cosigned(scene: Scene, kind: str) -> None:
    """A note without a cosignature, with a broken one, or with that of somebody else does not pass as witnessed."""
    own = note.signature_line(scene.signed.signatures[0])
    stranger = keys.Signer.generate("witness.example.com/w2")
    known = note.VerifierKey(stranger.name, note.COSIGNATURE, stranger.public) if kind == "stranger's" else scene.key
    lines = {"none": "", "broken": scene.line("another\n1\n\n"), "stranger's": scene.line(scene.signed.body)}
    ours, second = scene.verdicts(f"{scene.signed.body}\n{own}{lines[kind]}", known)
    assert (ours.verdict, ours.witnesses) == (Outcome.FORGED, ())
    assert known.name in ours.reason
    assert second["verdict"] == "forged"


def test_the_log_s_own_signature_on_a_witnessed_note_is_required(scene: Scene) -> None:
    """A note that only a witness signed says nothing of this log: whoever asked for it may have made it up."""
    ours, second = scene.verdicts(f"{scene.signed.body}\n{scene.line(scene.signed.body)}", scene.key)
    assert ours.verdict is Outcome.FORGED
    assert "not signed by the log's own key" in ours.reason
    assert second["verdict"] == "forged"


def test_two_witnesses_must_both_have_signed(scene: Scene) -> None:
    """One of two witnesses is not both."""
    own = note.signature_line(scene.signed.signatures[0])
    other = keys.Signer.generate("witness.example.com/w2")
    silent = note.VerifierKey(other.name, note.COSIGNATURE, other.public)
    ours, second = scene.verdicts(f"{scene.signed.body}\n{own}{scene.line(scene.signed.body)}", scene.key, silent)
    assert (ours.verdict, second["verdict"]) == (Outcome.FORGED, "forged")
    assert silent.name in ours.reason


def test_of_several_notes_each_must_carry_a_cosignature(scene: Scene) -> None:
    """One cosigned note does not speak for another that nobody cosigned; both verifiers refuse the pair."""
    plain = f"{scene.signed.body}\n{note.signature_line(scene.signed.signatures[0])}"
    texts = [plain + scene.line(scene.signed.body), plain]
    found = []
    for at, text in enumerate(texts):
        scene.path.with_suffix(f".{at}").write_text(text)
        found.append(read_witness(scene.path.with_suffix(f".{at}"), (scene.key,)))
    report = verify(scene.folder, Options(witnessed=tuple(found), witness_keys=(scene.key,), replay=False))
    assert report.verdict is Outcome.FORGED
    assert "no witness whose key was given has cosigned" in report.reason
    second = second_verifier().verify(str(scene.folder), None, texts, [note.verifier_key_text(scene.key)])
    assert second["verdict"] == "forged"


@pytest.mark.parametrize("what", ["checkpoint", "hand-over"])
def test_a_note_inside_the_log_that_another_key_signed_is_forged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The chain holds and the head is signed, but one note is not by the key in force: both verifiers say so."""
    clock, other = Clock(), keys.Signer.generate("stand-in/log")
    real = keys.Signer.sign

    def sign(self: keys.Signer, body: str) -> str:
        wanted = "adaptd epoch\n" if what == "hand-over" else f"{self.name}\n"
        if not body.startswith(wanted):
            return real(self, body)
        data = note.Signature(self.name, self.verifier_key.key_id, other.sign_bytes(body.encode()))
        return note.signed(body, data)

    monkeypatch.setattr(keys.Signer, "sign", sign)
    ledger, _ = open_ledger(tmp_path, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
    for _ in range(4):
        clock.advance(SECOND)
        ledger.append("note", {"n": 1}, durable=True)
    ledger.hand_over() if what == "hand-over" else ledger.checkpoint()
    ledger.append("note", {"n": 2}, durable=True)
    ledger.close()
    report = verify(tmp_path, Options(replay=False))
    assert report.verdict is Outcome.FORGED
    assert f"the signature of the {what}" in report.reason
    assert second_verifier().verify(str(tmp_path), None, [])["verdict"] == "forged"


def test_a_checkpoint_of_another_log_is_refused(tmp_path: Path) -> None:
    """Holding the wrong note against a log does not pass for a witness."""
    one = history(tmp_path / "one", 1)[-1]
    KeyFolder.beside(tmp_path / "b" / "two").create("example.com/two")
    two = history(tmp_path / "b" / "two", 1)[-1]
    report = verify(one, Options(witnessed=(kept_note(two, tmp_path / "note"),), replay=False))
    assert report.verdict is Outcome.FORGED
    with pytest.raises(note.NoteError, match="not a checkpoint note"):
        read_witness(one / "head", ())
