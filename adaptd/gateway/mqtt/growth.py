"""How a log grew from one size to another, as somebody can check it who holds nothing but the tree at the smaller size.

The records between are hashed in the largest aligned blocks (RFC 6962 subtrees), about two for each doubling; a record that must
be seen is shown whole. Hand-overs of the signing key are collected on the way. Pure but for reading the log's files.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

EPOCH = b'"kind":"epoch"'
HANDOVERS = "handovers"
Block = tuple[int, str]  # how many records, and the block's root in hex; for one record that is shown: 1 and its line


class GrowthError(Exception):
    """The growth cannot be shown. ``str(error)`` says why."""


@dataclass(frozen=True, slots=True)
class Growth:
    """From ``start`` records to ``size``; ``shown`` holds the places of the blocks that are lines."""

    start: int
    size: int
    blocks: tuple[Block, ...]
    shown: tuple[int, ...]
    handovers: tuple[str, ...]

    def words(self) -> dict[str, Any]:
        return {"from": self.start, "blocks": [list(one) for one in self.blocks], "shown": list(self.shown)}


@dataclass(frozen=True, slots=True)
class _Segment:
    path: Path
    first: int
    peaks: tuple[str, ...]
    ends: int | None  # bytes that count; None in the newest


@dataclass(slots=True)
class _Walk:
    """Blocks of the records from ``at`` on: hashes of equal blocks that stand side by side become one."""

    at: int
    blocks: list[Block] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    handovers: list[str] = field(default_factory=list)

    def record(self, line: bytes, *, show: bool) -> None:
        if show:
            self.shown.append(len(self.blocks))
            self.blocks.append((1, line.decode()))
        else:
            self._add(1, sha256(b"\x00" + line).digest())
        self.at += 1
        if EPOCH in line:
            self.handovers += _note_of(line)

    def _add(self, count: int, root: bytes) -> None:
        begins = self.at
        fence = self.shown[-1] if self.shown else -1
        while len(self.blocks) - 1 > fence and self.blocks[-1][0] == count and (begins - count) % (2 * count) == 0:
            root = sha256(b"\x01" + bytes.fromhex(self.blocks.pop()[1]) + root).digest()
            begins, count = begins - count, 2 * count
        self.blocks.append((count, root.hex()))


def growth(folder: Path, start: int, size: int, show: bytes = b"") -> Growth:
    """How the log in ``folder`` grew from ``start`` to ``size`` records; lines that contain ``show`` are shown whole.

    From 0 on, what lies before the newest segment that is needed is told by the peaks in that segment's header.

    Raises:
        GrowthError: the records from ``start`` on are not all there (pruned), or the log ends before ``size``.
        OSError: the folder cannot be read.
    """
    segments = _segments(folder)
    begin = max((one for one in segments if one.first <= (start or size)), key=lambda one: one.first, default=None)
    if begin is None or not 0 <= start <= size:
        raise GrowthError(f"{folder}: records from {start} to {size} are not there any more")
    walk = _Walk(start)
    if start == 0:
        walk = _Walk(begin.first, _peaks(begin), handovers=_older_handovers(folder, segments, begin))
    for number, line in _records(segments, begin):
        if number >= size:
            break
        if number >= walk.at:
            walk.record(line, show=bool(show) and show in line)
    if walk.at != size:
        raise GrowthError(f"{folder}: ends after {walk.at} records, {size} were to be shown")
    return Growth(start, size, tuple(walk.blocks), tuple(walk.shown), tuple(walk.handovers))


def segment_names(folder: Path) -> list[str]:
    """The names of the log's segments, in order. Raises OSError where the folder cannot be listed."""
    return sorted(name for name in os.listdir(folder) if name.endswith(".log") and name[:-4].isdigit())


def _segments(folder: Path) -> list[_Segment]:
    """The segments with a header that can be read, in order."""
    names = segment_names(folder)
    heads = [(folder / name, head) for name in names if (head := _header(folder / name)) is not None]
    ends: list[int | None] = [int(head["before"]) for _, head in heads[1:]]
    pairs = zip(heads, [*ends, None], strict=False)
    return [_Segment(path, int(head["first"]), tuple(head["peaks"]), end) for (path, head), end in pairs]


def _header(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            head = json.loads(file.readline(65_536))
        return head if {"first", "peaks", "before"} <= head.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def _records(segments: list[_Segment], begin: _Segment) -> Iterator[tuple[int, bytes]]:
    """Every whole line from ``begin`` on with its number."""
    for one in segments[segments.index(begin) :]:
        try:
            data = one.path.read_bytes()[: one.ends]
        except FileNotFoundError:
            raise GrowthError(f"{one.path}: was pruned while it was read") from None
        lines = data.partition(b"\0")[0].split(b"\n")[1:-1]
        yield from enumerate(lines, one.first)


def _peaks(begin: _Segment) -> list[Block]:
    counts = [1 << bit for bit in range(begin.first.bit_length() - 1, -1, -1) if begin.first >> bit & 1]
    return list(zip(counts, begin.peaks, strict=True))


def _older_handovers(folder: Path, segments: list[_Segment], begin: _Segment) -> list[str]:
    """The hand-overs before ``begin``: those kept from pruned segments, then those of the segments that are there."""
    found: list[str] = []
    with contextlib.suppress(FileNotFoundError):
        found += [str(json.loads(line)) for line in (folder / HANDOVERS).read_bytes().split(b"\n") if line]
    for one in segments[: segments.index(begin)]:
        for line in one.path.read_bytes()[: one.ends].split(b"\n"):
            if EPOCH in line:
                found += _note_of(line)
    return found


def _note_of(line: bytes) -> list[str]:
    try:
        record = json.loads(line)
        return [str(record["note"])] if record["kind"] == "epoch" else []
    except (ValueError, KeyError, TypeError):
        return []
