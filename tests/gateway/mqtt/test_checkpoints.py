"""Checkpoints are found in a real log, each once, in order, and what is published is what the verifier takes as a witness."""

import json
from pathlib import Path

import pytest

from adaptd.gateway.mqtt.checkpoints import CheckpointReader, parse
from adaptd.gateway.mqtt.identity import box_of
from adaptd.gateway.outbox import Outbox
from adaptd.log.format.note import parse_checkpoint, parse_note


def line(size: int, kind: str = "checkpoint") -> bytes:
    """A record's line as the log writes it."""
    note = f"adaptd/c377\n{size}\nuZ/xLzeq495RXcqCsD3iFJ0R1YH8HMCdBMvrm23eyuU=\n\n\u2014 adaptd/c377 KNXZkWgj\n"
    words = {"boot": 0, "kind": kind, "note": note, "seq": size, "utc_ms": 1_795_903_735_535}
    return json.dumps(words, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_each_checkpoint_is_found_once_and_in_order(tmp_path: Path) -> None:
    """The first look takes the newest alone, later looks what is new, across segments; unused space is not read."""
    segment = tmp_path / "00000000.log"
    segment.write_bytes(b'{"v":1}\n' + line(10) + line(15, "decision") + line(20) + bytes(50_000))
    (tmp_path / "head").write_bytes(b"x")
    reader = CheckpointReader(tmp_path)
    assert [one.size for one in reader.new()] == [20]
    assert reader.new() == []
    written = segment.read_bytes().rstrip(b"\0")
    segment.write_bytes(written + line(30) + line(40)[:-20] + bytes(1000))
    (tmp_path / "00000001.log").write_bytes(b'{"v":1}\n')
    assert [one.size for one in reader.new()] == [30]
    (tmp_path / "00000001.log").write_bytes(b'{"v":1}\n' + line(50) + line(60))
    assert [one.size for one in reader.new()] == [50, 60]
    segment.unlink()
    assert reader.new() == []


def test_a_log_without_checkpoints_and_a_log_that_grows_large(tmp_path: Path) -> None:
    """A first look reads the end of a large segment only; a line cut in two by that is no error."""
    reader = CheckpointReader(tmp_path)
    assert reader.new() == []
    (tmp_path / "00000000.log").write_bytes(line(1) + line(2, "decision") * 30_000 + line(7) + bytes(300_000))
    assert [one.size for one in reader.new()] == [7]


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b'{"kind":"checkpoint"}', b'{"kind":"checkpoint","note":5}', line(3, "decision"), b"[" * 99_999]
)
def test_what_is_no_checkpoint_is_passed_over(text: bytes) -> None:
    """A damaged line is the verifier's affair."""
    assert parse(text) is None


def test_a_folder_that_may_not_be_read_raises_for_whoever_says_it(tmp_path: Path) -> None:
    """The plug-in tells the operator; here it is an OSError."""
    with pytest.raises(OSError, match="No such file"):
        CheckpointReader(tmp_path / "none").new()


def test_what_is_published_is_a_note_that_verifies_as_a_witness(tmp_path: Path) -> None:
    """The note is passed on byte by byte."""
    (tmp_path / "00000000.log").write_bytes(line(20))
    (one,) = CheckpointReader(tmp_path).new()
    words = one.words("b0")
    assert parse_checkpoint(parse_note(words["note"]).body).size == words["records"] == 20
    assert one.key == "checkpoint:adaptd/c377:20"


def test_a_boxs_name_stays_whatever_changes(tmp_path: Path) -> None:
    """The log's key first, else the machine; once chosen it is kept."""
    (tmp_path / "log.pub").write_text("adaptd/c377+28d5d991+AcN3yF\n")
    machine = tmp_path / "machine-id"
    machine.write_text("0123456789abcdef0123456789abcdef\n")
    outbox, other = Outbox(tmp_path / "a.db"), Outbox(tmp_path / "b.db")
    try:
        first = box_of(outbox, tmp_path, machine)
        (tmp_path / "log.pub").write_text("another+key")
        assert box_of(outbox, None, machine) == first
        assert len(first) == 12
        by_machine = box_of(other, tmp_path / "none", machine)
        assert by_machine != first
        assert "0123456789ab" not in by_machine
        other.keep("box", "not/fit#for a topic")
        assert box_of(other, None, tmp_path / "none")
    finally:
        outbox.close()
        other.close()
