"""Looking at a log that is being written: every record once, in order, and nothing read twice."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adaptd.brain.tick import explain
from adaptd.cli.audit_show import Filter, lines
from adaptd.cli.why_log import lines_from_log
from adaptd.log.verify import decided, reader
from adaptd.log.verify.decided import DecisionReader, last_decision
from adaptd.log.verify.reader import follow, iter_records
from adaptd.log.verify.verify import verify
from adaptd.log.write.ledger import LedgerLimits
from tests.log.workload import Run


def test_following_gives_every_record_once_across_rotation_and_reads_no_line_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that rotates and restarts between looks is followed to its last record; each line is decoded once."""
    run = Run(tmp_path, limits=replace(LedgerLimits(), segment_bytes=20_000))
    decoded: list[bytes] = []
    real = reader._readable
    monkeypatch.setattr(reader, "_readable", lambda line: (decoded.append(line), real(line))[1])
    looks = iter(range(12))

    def wait() -> bool:
        run.ticks(20)
        run.ledger.sync()
        return next(looks, None) is not None

    seen = [record["seq"] for record in follow(tmp_path, from_seq=5, wait=wait)]
    lines = [line for line in decoded if line]
    assert len(lines) == len(set(lines))
    assert len(list(tmp_path.glob("*.log"))) > 2
    run.ticks(1)
    run.close()
    monkeypatch.undo()
    written = [record["seq"] for record in iter_records(tmp_path, from_seq=5)]
    assert seen == written[: len(seen)]
    assert len(seen) > 200


def test_a_line_that_is_only_half_there_is_waited_for(tmp_path: Path) -> None:
    """Half a line before zeros, as a reader may catch it, is left until its end is there, and what follows is not lost."""
    Run(tmp_path).ticks(3).close()
    (segment,) = tmp_path.glob("*.log")
    whole = segment.read_bytes()
    lengths: Iterator[int] = iter((len(whole) * 2 // 3, len(whole) - 5, len(whole)))
    segment.write_bytes(whole[: len(whole) // 2] + bytes(4096))

    def wait() -> bool:
        length = next(lengths, None)
        if length is not None:
            segment.write_bytes(whole[:length] + bytes(4096))
        return length is not None

    seen = [record["seq"] for record in follow(tmp_path, from_seq=0, wait=wait)]
    assert seen == [record["seq"] for record in iter_records(tmp_path)] == list(range(len(seen)))


HALF = b'{"before":1,"epoch":0,"fir'


@pytest.mark.parametrize("left", [b"", bytes(4096), HALF, HALF + bytes(4096)], ids=["empty", "zeros", "half", "half and zeros"])
def test_what_a_power_cut_at_a_rotation_leaves_hides_no_record(tmp_path: Path, left: bytes) -> None:
    """A next segment without a header takes nothing away from the one before it, and it is named."""
    Run(tmp_path, limits=replace(LedgerLimits(), segment_bytes=20_000)).ticks(200).close()
    whole = [record["seq"] for record in iter_records(tmp_path)]
    files = reader.segment_files(tmp_path)
    (tmp_path / f"{int(files[-1].stem) + 1:08d}.log").write_bytes(left)
    told: list[str] = []
    assert [record["seq"] for record in iter_records(tmp_path, told=told.append)] == whole
    assert [record["seq"] for record in iter_records(tmp_path, from_seq=whole[-3])] == whole[-3:]
    assert len(told) == len(reader.unreadable(tmp_path)) == 1
    assert told[0].startswith(f"{int(files[-1].stem) + 1:08d}.log: ")


def test_records_that_are_gone_are_named(tmp_path: Path) -> None:
    """A segment whose header was zeroed costs its header alone; a line that is broken is named by its number."""
    Run(tmp_path, limits=replace(LedgerLimits(), segment_bytes=20_000)).ticks(200).close()
    whole = [record["seq"] for record in iter_records(tmp_path)]
    path = reader.segment_files(tmp_path)[1]
    lines = path.read_bytes().split(b"\n")
    lines[0] = bytes(len(lines[0]))
    lines[5] = b"x" * len(lines[5])
    path.write_bytes(b"\n".join(lines))
    told: list[str] = []
    left = [record["seq"] for record in iter_records(tmp_path, told=told.append)]
    assert len(left) == len(whole) - 1
    (gone,) = set(whole) - set(left)
    assert any(f"record {gone} cannot be read" in words for words in told)
    assert any(path.name in words for words in told)
    assert reader.marked(tmp_path, "decision") <= sum(1 for _ in iter_records(tmp_path))


def test_the_last_lines_are_those_of_the_whole_log(tmp_path: Path) -> None:
    """`show --last` and `why`, which read from the end, say what a reading of everything says."""
    Run(tmp_path, limits=replace(LedgerLimits(), segment_bytes=20_000)).ticks(300).close()
    everything = list(lines(tmp_path, Filter(), last=None, follow=False, as_json=False))
    for count in (1, 7, 150, 10_000):
        assert list(lines(tmp_path, Filter(), last=count, follow=False, as_json=False)) == everything[-count:]
    late = Filter(from_seq=200)
    assert list(lines(tmp_path, late, last=None, follow=False, as_json=False)) == everything[200:]
    last = list(decided.decisions(tmp_path))[-1]
    assert lines_from_log(tmp_path, everything=False) == [explain(last.verdict)]


def test_the_last_decision_is_read_from_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every so often a decision is written whole: `why` reads no more lines than that, and the log replays to the same bytes."""
    monkeypatch.setattr("adaptd.log.format.decisions.WHOLE_EVERY", 40)
    Run(tmp_path).ticks(300).close()
    decoded: list[bytes] = []
    real = reader._readable
    monkeypatch.setattr(reader, "_readable", lambda line: (decoded.append(line), real(line))[1])
    found = last_decision(tmp_path)
    assert len(decoded) < 60
    monkeypatch.undo()
    assert found == list(decided.decisions(tmp_path))[-1]
    whole = [one for one in iter_records(tmp_path) if one["kind"] == "decision" and "bind" in one]
    assert len(whole) == 8
    report = verify(tmp_path)
    assert (report.verdict.value, report.replayed) == ("valid", 300)


def test_a_line_that_only_looks_like_a_beginning_hides_nothing(tmp_path: Path) -> None:
    """Broken lines that begin as a whole decision does are passed over, alone and at the end of a sound log."""
    Run(tmp_path / "log").ticks(5).close()
    whole = list(lines(tmp_path / "log", Filter(), last=3, follow=False, as_json=True))
    (path,) = reader.segment_files(tmp_path / "log")
    path.write_bytes(path.read_bytes() + b'{"bind":1}\n{"bind":\n{"bind":')
    assert list(lines(tmp_path / "log", Filter(), last=3, follow=False, as_json=True)) == whole
    assert last_decision(tmp_path / "log") is not None
    path.write_bytes(b'x\n{"bind":1}\n{"bind":')
    assert list(lines(tmp_path / "log", Filter(), last=3, follow=False, as_json=True)) == []
    assert last_decision(tmp_path / "log") is None


def test_a_decision_of_another_version_than_its_configuration_is_left_out(tmp_path: Path) -> None:
    """A forger's version 1 behind a configuration of version 2 is no decision, and what follows the next whole one is."""
    Run(tmp_path).ticks(3).close()
    told = DecisionReader()
    records = list(iter_records(tmp_path))
    odd = [{**one, "v": 1} if one["kind"] == "decision" else one for one in records]
    assert [told.feed(one) for one in odd] == [None] * len(odd)
    assert sum(told.feed(one) is not None for one in records) == 3


def test_what_a_log_says_cannot_steer_a_terminal(tmp_path: Path) -> None:
    """Escapes, bells and marks that turn the direction of text come out as their numbers."""
    run = Run(tmp_path).ticks(2)
    run.recorder.note("fault", {"text": "\x1b[2J\x07\u202eevil\u2066", "fault": "x"}, durable=True)
    run.close()
    (shown,) = (one for one in lines(tmp_path, Filter(), last=None, follow=False, as_json=False) if "evil" in one)
    assert shown.isprintable()
    assert "\\u001b[2J\\u0007\\u202eevil\\u2066" in shown


def test_records_of_a_kind_are_found_without_reading_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements and faults of half a year are found by their bytes: the same records, either way round, nothing else decoded."""
    Run(tmp_path, limits=replace(LedgerLimits(), segment_bytes=40_000)).ticks(200).close()
    kinds = frozenset({"config", "stop", "epoch"})
    wanted = [record for record in reader.iter_records(tmp_path) if record["kind"] in kinds]
    read: list[bytes] = []
    decode = reader.decode
    monkeypatch.setattr(reader, "decode", lambda line: (read.append(line), decode(line))[1])
    assert list(reader.of_kinds(tmp_path, kinds)) == wanted
    assert len(read) == len(wanted)
    assert list(reader.of_kinds(tmp_path, kinds, newest_first=True)) == wanted[::-1]


def test_a_line_of_the_kind_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """What calls itself a record of the kind and is none is told with its file and place, never left out in silence."""
    Run(tmp_path).ticks(20).close()
    path = tmp_path / "00000000.log"
    data = path.read_bytes()
    at = data.index(b'"kind":"stop"')
    path.write_bytes(data[: at - 1] + b";" + data[at:])
    told: list[str] = []
    assert list(reader.of_kinds(tmp_path, frozenset({"stop"}), told=told.append)) == []
    line = data.rindex(b"\n", 0, at) + 1
    assert told == [f"00000000.log: the line at byte {line} cannot be read"]
