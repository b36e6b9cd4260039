"""What a writer refuses to continue: signing anew what someone without the key has made would vouch for it."""

import zlib
from pathlib import Path

import pytest

from adaptd.log.format.chain import Chain
from adaptd.log.format.head import HEAD_FILE, SLOT_BYTES, LogHead, slot_bytes
from adaptd.log.format.keys import Signer
from adaptd.log.format.note import parse_verifier_key
from adaptd.log.verify.reader import iter_records, segment_files
from adaptd.log.verify.verify import Options, Outcome, verify
from adaptd.log.write import recovery as finding
from adaptd.log.write.opening import LedgerError, open_ledger
from tests.log.workload import SECOND, SMALL, Clock


def killed_log(folder: Path, records: int = 30) -> Clock:
    """A log whose writer was killed after ``records`` acknowledged records, all under its first key."""
    clock = Clock()
    ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
    for at in range(records):
        clock.advance(SECOND)
        ledger.append("note", {"n": at}, durable=True)
    ledger.abandon()
    return clock


def cut_back(folder: Path, size: int, signer: Signer) -> None:
    """Cut the log to ``size`` records and write a head that says so in the right words, signed by whoever one likes."""
    (path,) = segment_files(folder)
    header, *lines = path.read_bytes().split(b"\n")
    chain = Chain()
    for line in lines[:size]:
        chain.read(line)
    path.write_bytes(b"\n".join([header, *lines[:size], b""]))
    slots = [slot_bytes(LogHead(signer.name, turn, size, chain.tree.root(), chain.last), signer) for turn in (98, 99)]
    (folder / HEAD_FILE).write_bytes(b"".join(slots))


def go_on(folder: Path, clock: Clock) -> None:
    """Start a new writer that goes on from what it finds, and stop it."""
    open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)[0].close()


def test_a_log_cut_back_under_a_forged_head_is_not_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone without the key cuts records off and names the rest acknowledged: refused in one line, the log left as it is.

    The mutant takes any well-formed head, as many a log does: it signs the cut log anew, and nothing can be seen of it later.
    """
    clock = killed_log(tmp_path)
    name = parse_verifier_key((tmp_path / "log.pub").read_text()).name
    cut_back(tmp_path, 12, Signer(name, bytes(32)))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file() and path.name != "lock"}
    with pytest.raises(LedgerError, match="the head file is not signed by this log's key") as refused:
        go_on(tmp_path, clock)
    assert "\n" not in str(refused.value)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file() and path.name != "lock"}
    monkeypatch.setattr(finding, "note_holds", lambda signed, key: True)
    go_on(tmp_path, clock)
    assert verify(tmp_path, Options(replay=False)).verdict is Outcome.VALID
    assert sum(record["kind"] == "note" for record in iter_records(tmp_path)) < 12


def test_a_slot_with_a_checksum_and_no_signature_is_not_taken_for_a_torn_one(tmp_path: Path) -> None:
    """A power loss leaves a slot without its checksum; one whose checksum fits was written by somebody."""
    clock = killed_log(tmp_path)
    head = (tmp_path / HEAD_FILE).read_bytes()
    text = head[:SLOT_BYTES].partition(b"\n")[2].rstrip(b"\0")
    changed = text[:-5] + (b"A" if text[-5:-4] != b"A" else b"B") + text[-4:]
    slot = (f"adaptd-head-1 {zlib.crc32(changed):08x}\n".encode() + changed).ljust(SLOT_BYTES, b"\0")
    (tmp_path / HEAD_FILE).write_bytes(slot + head[SLOT_BYTES:])
    with pytest.raises(LedgerError, match="the head file is not signed"):
        go_on(tmp_path, clock)
    (tmp_path / HEAD_FILE).write_bytes(bytes(SLOT_BYTES) + head[SLOT_BYTES:])
    go_on(tmp_path, clock)
    assert verify(tmp_path, Options(replay=False)).verdict is Outcome.VALID


def test_a_segment_with_a_header_that_is_not_signed_is_not_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A last segment under an altered header is refused; the mutant that trusts it goes on with a log nobody can verify."""
    clock = killed_log(tmp_path)
    (path,) = segment_files(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"before":0,', b'"before":7,', 1))
    with pytest.raises(LedgerError, match=r"the header of 00000000\.log is not signed by this log's key"):
        go_on(tmp_path, clock)
    monkeypatch.setattr(finding, "signature_holds", lambda public, signature, message: True)
    go_on(tmp_path, clock)
    assert verify(tmp_path, Options(replay=False)).verdict is not Outcome.VALID


def test_every_key_that_may_have_signed_the_head_is_known_when_a_kill_strikes_around_a_hand_over(tmp_path: Path) -> None:
    """However many hand-overs and rotations lie behind it, a log killed there opens again: the check cries no wolf."""
    clock = Clock()
    for run in range(6):
        ledger, _ = open_ledger(tmp_path, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
        for _ in range(run % 3):
            ledger.hand_over()
        if run % 2:
            ledger.rotate()
        if run > 2:
            ledger.hand_over()
            ledger.rotate()
        ledger.abandon()
    go_on(tmp_path, clock)
    assert verify(tmp_path, Options(replay=False)).verdict is Outcome.VALID
