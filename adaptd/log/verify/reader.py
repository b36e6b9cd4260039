"""Reading a log without judging it: records in order, the last one of a kind, and new ones as they come.

This is for people who look at a log, also at one being written; ``verify`` is for those who must not trust it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from adaptd.base.canonical_json import MAX_LINE, CanonicalError, decode
from adaptd.base.plain_file import MAX_SEGMENT, read_plain
from adaptd.log.format.segment import segment_number

_STAMP = ("seq", "boot", "mono_us", "utc_ms")


def segment_files(folder: Path) -> list[Path]:
    """The segments of a log in order."""
    try:
        return sorted(path for path in folder.iterdir() if segment_number(path.name) is not None and path.is_file())
    except (FileNotFoundError, NotADirectoryError):
        return []


def iter_records(folder: Path, *, from_seq: int = 0) -> Iterator[dict[str, Any]]:
    """Every readable record from number ``from_seq`` on; lines that cannot be read are left out."""
    files = segment_files(folder)
    for at, path in enumerate(files):
        if at + 1 < len(files) and _first(files[at + 1]) <= from_seq:
            continue
        for record in _records(_bytes(path)):
            if record["seq"] >= from_seq:
                yield record


def watched(folder: Path, progress: Callable[[int, int], None] | None) -> Iterator[dict[str, Any]]:
    """Every readable record; ``progress`` gets records read and records in all now and then."""
    total = 0 if progress is None else (last(folder) or {}).get("seq", 0) + 1
    for record in iter_records(folder):
        if progress is not None and record["seq"] % 1000 == 0:
            progress(record["seq"], total)
        yield record


def last(folder: Path, kind: str | None = None) -> dict[str, Any] | None:
    """The last record, or the last one of ``kind``; None where there is none."""
    for path in reversed(segment_files(folder)):
        found = [record for record in _records(_bytes(path)) if kind is None or record["kind"] == kind]
        if found:
            return found[-1]
    return None


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


def _first(path: Path) -> int:
    try:
        with path.open("rb") as file:
            header = _readable(file.readline(MAX_LINE + 1).rstrip(b"\n"))
    except OSError:
        return 0
    first = header.get("first") if header is not None else None
    return first if isinstance(first, int) else 0


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
