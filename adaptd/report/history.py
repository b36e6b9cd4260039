"""Decisions read back as words, for people and reports; nothing is judged here and nothing is run again."""

from collections.abc import Callable, Iterator
from pathlib import Path

from adaptd.log.verify.decided import Decided, decided_in
from adaptd.log.verify.reader import iter_records, segment_files, watched


def decisions(folder: Path, *, from_seq: int = 0) -> Iterator[Decided]:
    """Every readable decision of the log from record ``from_seq`` on."""
    records = iter_records(folder, from_seq=_config_before(folder, from_seq))
    return (decided for decided in decided_in(records) if decided.record["seq"] >= from_seq)


def all_decisions(folder: Path, progress: Callable[[int, int], None] | None = None) -> Iterator[Decided]:
    """Every readable decision of the log, for someone who waits for the end of it."""
    return decided_in(watched(folder, progress))


def _config_before(folder: Path, seq: int) -> int:
    """Where to begin reading so that the decision at ``seq`` can be decoded: its segment's first configuration."""
    for start in _starts(folder, len(segment_files(folder))):
        if start <= seq:
            return start
    return 0


def _starts(folder: Path, count: int) -> Iterator[int]:
    """First record numbers of segments that begin with a configuration, newest first, then 0."""
    files = segment_files(folder)
    for at in range(count - 1, 0, -1):
        head = files[at].read_bytes()[:400_000]
        if b'"kind":"config"' in head:
            line = head.split(b"\n", 2)[1]
            position = line.rfind(b'"seq":')
            if position >= 0:
                yield int(line[position + 6 :].split(b",")[0])
    yield 0
