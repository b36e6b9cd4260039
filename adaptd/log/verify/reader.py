"""Reading a log without judging it: records in order, the last one of a kind, and new ones as they come.

This is for people who look at a log, also at one being written; ``verify`` is for those who must not trust it.
"""

import os
import stat
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from adaptd.base.canonical_json import MAX_LINE, CanonicalError, decode
from adaptd.base.folder import MAX_SEGMENT, read_plain
from adaptd.log.format.segment import HeaderError, first_line, parse_header, segment_number

_WHOLE = b'\n{"bind":'
_STAMP = ("seq", "boot", "mono_us", "utc_ms")


def segment_files(folder: Path) -> list[Path]:
    """The segments of a log in order."""
    try:
        return sorted(path for path in folder.iterdir() if segment_number(path.name) is not None and path.is_file())
    except (FileNotFoundError, NotADirectoryError):
        return []


def iter_records(
    folder: Path, *, from_seq: int = 0, to_seq: int | None = None, told: Callable[[str], None] | None = None
) -> Iterator[dict[str, Any]]:
    """Every readable record from number ``from_seq`` on and before ``to_seq``; lines that cannot be read are left out.

    ``told`` is called with one line for each file and each run of records that is left out because it cannot be read.
    """
    say = told or _silent
    expected: int | None = None
    for path in _from(segment_files(folder), from_seq):
        if _first(path) is None:
            say(f"{path.name}: {_no_header(path)}")
        for record in _records(_bytes(path)):
            if to_seq is not None and record["seq"] >= to_seq:
                return
            if expected is not None and record["seq"] > expected:
                say(_lost(expected, record["seq"] - 1))
            expected = max(record["seq"] + 1, expected or 0)
            if record["seq"] >= from_seq:
                yield record


def of_kinds(
    folder: Path, kinds: frozenset[str], *, newest_first: bool = False, told: Callable[[str], None] | None = None
) -> Iterator[dict[str, Any]]:
    """Every readable record of these kinds, found by its bytes: other lines are not looked at, so half a year takes seconds.

    ``told`` is called with one line for each file and each line of such a kind that cannot be read.
    """
    say, marks = told or _silent, [_mark(kind) for kind in sorted(kinds)]
    files = segment_files(folder)
    for path in reversed(files) if newest_first else files:
        if _first(path) is None:
            say(f"{path.name}: {_no_header(path)}")
        data = _bytes(path)
        found = []
        for at in sorted({data.rfind(b"\n", 0, place) + 1 for mark in marks for place in _places(data, mark)}):
            end = data.find(b"\n", at)
            record = next(_records(data[at:] if end < 0 else data[at:end]), None)
            if record is None:
                say(f"{path.name}: the line at byte {at} cannot be read")
            elif record["kind"] in kinds:
                found.append(record)
        yield from reversed(found) if newest_first else found


def _mark(kind: str) -> bytes:
    """What every line of this kind holds; inside a string the quotes would be escaped."""
    return f'"kind":"{kind}"'.encode()


def _places(data: bytes, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)


def starts(folder: Path) -> list[int]:
    """The number of the first record of every segment whose header can be read, in order."""
    return [first for path in segment_files(folder) if (first := _first(path)) is not None]


def unreadable(folder: Path) -> list[str]:
    """One line for each segment file that holds no readable header, as a power cut at a rotation leaves it."""
    return [f"{path.name}: {_no_header(path)}" for path in segment_files(folder) if _first(path) is None]


def marked(folder: Path, kind: str) -> int:
    """How many lines call themselves ``kind``, by their bytes alone: what a reader found is held against it."""
    mark = _mark(kind)
    return sum(_bytes(path).count(mark) for path in segment_files(folder))


def _lost(first: int, last: int) -> str:
    return f"record {first} cannot be read" if first == last else f"records {first} to {last} cannot be read"


def _silent(words: str) -> None:
    del words


def _from(files: list[Path], from_seq: int) -> list[Path]:
    """The files from the one that holds record ``from_seq`` on: only a readable header says what may be left out."""
    for at in range(len(files) - 1, 0, -1):
        first = _first(files[at])
        if first is not None and 0 < first <= from_seq:
            return files[at:]
    return files


def _no_header(path: Path) -> str:
    """Why a segment file has no readable header, for people."""
    data = _bytes(path)
    what = "is empty" if not data else "holds only zeros" if not data.strip(b"\0") else "begins with no readable header"
    return f"{what}, so no record of it can be placed; 'adaptd audit verify' says whether one is missing"


def watched(folder: Path, progress: Callable[[int, int], None] | None) -> Iterator[dict[str, Any]]:
    """Every readable record; ``progress`` gets records read and records in all now and then."""
    total = 0 if progress is None else (last(folder) or {}).get("seq", 0) + 1
    for record in iter_records(folder):
        if progress is not None and record["seq"] % 1000 == 0:
            progress(record["seq"], total)
        yield record


def last(folder: Path, kind: str | None = None) -> dict[str, Any] | None:
    """The last record, or the last one of ``kind``; None where there is none."""
    mark = b"" if kind is None else _mark(kind)
    for path in reversed(segment_files(folder)):
        lines = (line for line in reversed(_bytes(path).rstrip(b"\0").split(b"\n")) if mark in line)
        found = next((one for line in lines for one in _records(line) if kind is None or one["kind"] == kind), None)
        if found is not None:
            return found
    return None


def from_the_end(folder: Path, told: Callable[[str], None] | None = None) -> Iterator[list[dict[str, Any]]]:
    """The readable records, newest stretch first; each begins where decisions can be read without what is before, none is empty.

    That is a configuration or a whole decision, whose line begins with ``bind``. ``told`` as in ``iter_records``.
    """
    say, later = told or _silent, list[dict[str, Any]]()
    for path in reversed(segment_files(folder)):
        data = _bytes(path)
        if _first(path) is None:
            say(f"{path.name}: {_no_header(path)}")
        end = len(data)
        while end:
            at = data.rfind(_WHOLE, 0, end) + 1
            later = list(_records(data[at:end])) + later
            _tell_missing(later, say)
            if at and later:
                yield later
                later = []
            end = at
    if later:
        yield later


def _tell_missing(records: list[dict[str, Any]], say: Callable[[str], None]) -> None:
    for one, other in pairwise(records):
        if other["seq"] > one["seq"] + 1:
            say(_lost(one["seq"] + 1, other["seq"] - 1))


def follow(folder: Path, *, from_seq: int, wait: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    """Records from ``from_seq`` on, then new ones as they are committed; ``wait`` is called between looks, False ends it."""
    current, offset = "", 0
    while True:
        for path in segment_files(folder):
            if path.name < current:
                continue
            if path.name != current:
                current, offset = path.name, 0
            lines = _whole_lines(path, offset)
            offset += len(lines)
            for record in _records(lines):
                if record["seq"] >= from_seq:
                    from_seq = record["seq"] + 1
                    yield record
        if not wait():
            return


def _whole_lines(path: Path, offset: int) -> bytes:
    """What stands in a segment from ``offset`` on, up to the last line that has an end; zeros are space not written yet."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(MAX_SEGMENT)
    except OSError:  # pruned in the meantime
        return b""
    data = data.partition(b"\0")[0]
    return data[: data.rfind(b"\n") + 1]


def _bytes(path: Path) -> bytes:
    """A segment's bytes; nothing where it was pruned in the meantime or is no file that a log makes."""
    try:
        return read_plain(path, MAX_SEGMENT)
    except OSError:
        return b""


def first_record(path: Path) -> dict[str, Any] | None:
    """The first record of one segment; None where there is none or the segment was pruned in the meantime."""
    return next(_records(_bytes(path)), None)


def _first(path: Path) -> int | None:
    """The number of the first record that a segment's header names; None where the header cannot be read."""
    try:
        header = parse_header(first_line(_head(path)))[0]
    except (OSError, HeaderError):
        return None
    return header.first


def _head(path: Path) -> bytes:
    """A segment's first line, of a plain file alone: a pipe under that name is not waited for."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return b""
        return file.readline(MAX_LINE + 1)


def _records(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.split(b"\n"):
        record = _readable(line)
        if record is not None and type(record.get("kind")) is str and all(type(record.get(name)) is int for name in _STAMP):
            yield record


def _readable(line: bytes) -> dict[str, Any] | None:
    try:
        value = decode(line)
    except CanonicalError:
        return None
    record: dict[str, Any] | None = value if type(value) is dict else None
    return record
