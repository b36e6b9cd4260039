"""Looking at a log that is being written: every record once, in order, and nothing read twice."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adaptd.log.verify import reader
from adaptd.log.verify.reader import follow, iter_records
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
