"""Every record of a log in order, each confirmed by what follows it, and the exact place where that ends.

A record is passed on once the line after it (or the next header, or the head) names its hash. Where two lines disagree, the one
after them tells which of the two was changed.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from adaptd.base.canonical_json import MAX_LINE, CanonicalError, decode
from adaptd.base.folder import MAX_SEGMENT, read_plain
from adaptd.log.format.chain import Chain, ChainError
from adaptd.log.format.epochs import parse_hand_over
from adaptd.log.format.keys import signature_holds
from adaptd.log.format.note import NoteError, parse_note
from adaptd.log.format.segment import Header, HeaderError, first_line, parse_header, segment_number
from adaptd.log.format.verdicts import LogFault, Outcome
from adaptd.log.verify.trust import Trust

Progress = Callable[[int, int], None]  # bytes read, bytes in all

_ROOT_WANTED = (b'"kind":"checkpoint"', b'"kind":"epoch"')


@dataclass(slots=True)
class Piece:
    """One segment file: its number, its bytes, and its header if the first line is one."""

    number: int
    path: Path
    size: int

    def read(self) -> bytes:
        return read_plain(self.path, MAX_SEGMENT)


def pieces(folder: Path) -> list[Piece]:
    """The segment files in order of their numbers; what is no plain file under such a name fails when it is read."""
    found = []
    try:
        for path in folder.iterdir():
            number = segment_number(path.name)
            if number is not None:
                found.append(Piece(number, path, path.stat().st_size if path.is_file() else 0))
    except OSError:
        return []
    return sorted(found, key=lambda piece: piece.number)


def size_of(folder: Path) -> int:
    """Bytes in all segment files."""
    return sum(piece.size for piece in pieces(folder))


def _prev(line: bytes) -> str | None:
    """The hash that a line gives for the line before it, or None."""
    try:
        record = decode(line)
    except CanonicalError:
        return None
    named = record.get("prev") if type(record) is dict else None
    return named if type(named) is str else None


class Walk:
    """Walks the files of one log. ``marks`` are tree sizes whose root and last line are to be remembered in ``roots``."""

    def __init__(
        self, folder: Path, trust: Trust, marks: set[int], acknowledged: tuple[int, str] | None, progress: Progress | None
    ) -> None:
        self._pieces = pieces(folder)
        self._trust, self._marks, self._acknowledged, self._progress = trust, marks, acknowledged, progress
        self.chain = Chain()
        self.roots: dict[int, tuple[bytes, str]] = {}
        self.torn_bytes = self.stale_bytes = self.unused_bytes = 0
        self.headers = 0
        self.line = b""  # of the record that was passed on last
        self.first_header: Header | None = None
        self._read = 0
        self._next_signature = b""
        self._next_prev: str | None = None

    def records(self, begin: Callable[[Header], None]) -> Iterator[tuple[dict[str, Any], bytes | None]]:
        """Each confirmed record with the root before it where its kind needs one. Raises LogFault where the log ends to hold.

        ``begin`` is called with the first header before its signature is checked.
        """
        total = sum(piece.size for piece in self._pieces)
        before = 0
        for at, piece in enumerate(self._pieces):
            data = piece.read()
            if at and piece.number != self._pieces[at - 1].number + 1:
                raise LogFault(Outcome.DAMAGED, self.chain.size, f"the segment before {piece.path.name} is missing")
            header = self._header(data, piece, before, at == 0, begin)
            following = self._next_header(at)
            end = len(data)
            if following is not None and following.stale and following.before <= end:
                end, self.stale_bytes = following.before, self.stale_bytes + end - following.before
            start = len(data) if header is None else data.index(b"\n") + 1
            yield from self._lines(data[start:end], following, last=at + 1 == len(self._pieces))
            before = end
            self._read += piece.size
            if self._progress is not None:
                self._progress(self._read, total)

    def _header(self, data: bytes, piece: Piece, before: int, first: bool, begin: Callable[[Header], None]) -> Header | None:
        """Check a segment's header against the chain so far; None for a last file that never became a segment."""
        size = self.chain.size
        try:
            header, signature = parse_header(first_line(data))
        except HeaderError as error:
            if piece is self._pieces[-1] and not first and self._all_acknowledged():
                self.torn_bytes += len(data.rstrip(b"\0")) or 1
                return None
            raise LogFault(Outcome.DAMAGED, size, f"{piece.path.name}: {error}") from None
        if header.segment != piece.number:
            raise LogFault(Outcome.DAMAGED, size, f"{piece.path.name} holds segment {header.segment}")
        if first:
            self._begin(header, begin)
            self._trust.check_header(header, signature, header.first)
        else:
            self._continue(header, signature, before)
        self._trust.signed = max(self._trust.signed, header.first)
        self.headers += 1
        return header

    def _begin(self, header: Header, begin: Callable[[Header], None]) -> None:
        self.first_header = header
        if header.first == 0 and (header.before or header.stale or header.segment or header.prev != self.chain.last):
            raise LogFault(Outcome.DAMAGED, 0, "the first segment of a log continues another one")
        self.chain = Chain(header.tree, header.prev)
        begin(header)
        self._mark()

    def _continue(self, header: Header, signature: bytes, before: int) -> None:
        """The header of a later segment; where it is sound and the chain is not, the segment before it is to blame."""
        size = self.chain.size
        same = header.first == size and header.prev == self.chain.last and header.peaks == self.chain.tree.peaks
        try:
            self._trust.check_header(header, signature, size)
        except LogFault as fault:
            raise LogFault(fault.outcome if same and header.before == before else Outcome.DAMAGED, size, fault.reason) from None
        if same and header.before == before:
            return
        if header.first > size:
            raise LogFault(Outcome.DAMAGED, size, f"records {size} to {header.first - 1} are missing")
        follows = self._next_prev == self.chain.last  # the record after it says that this header is the odd one
        back = not follows and (header.before == before or header.prev != self.chain.last)
        at = header.first if header.first < size else size - back
        raise LogFault(Outcome.DAMAGED, max(0, at), f"the records before segment {header.segment} are not the ones it continues")

    def _next_header(self, at: int) -> Header | None:
        """The header of the segment that follows, its signature, and what the first record behind it names, all unverified."""
        self._next_signature, self._next_prev = b"", None
        if at + 1 >= len(self._pieces) or not self._pieces[at + 1].path.is_file():
            return None
        with self._pieces[at + 1].path.open("rb") as file:
            try:
                header, self._next_signature = parse_header(first_line(file.readline(MAX_LINE + 1)))
            except HeaderError:
                return None
            line, newline, _ = file.readline(MAX_LINE + 1).partition(b"\n")
        self._next_prev = _prev(line) if newline else None
        return header

    def _lines(self, data: bytes, following: Header | None, *, last: bool) -> Iterator[tuple[dict[str, Any], bytes | None]]:
        """The records of one segment. The last one of a closed segment is confirmed by the header that follows."""
        if last:
            whole, data = len(data), data.rstrip(b"\0")
            self.unused_bytes = whole - len(data)
        lines = data.split(b"\n")
        tail = lines.pop()
        held: tuple[dict[str, Any], bytes | None] | None = None
        held_line = b""
        chain, marks, wanted = self.chain, self._marks, _ROOT_WANTED
        for at, line in enumerate(lines):
            root = chain.tree.root() if wanted[0] in line or wanted[1] in line else None
            try:
                record = chain.read(line)
            except ChainError as error:
                self._blame(error, lines, at, following, last=last)
                self.torn_bytes += len(b"\n".join(lines[at:])) + len(tail)
                tail = b""
                break
            if held is not None:
                self.line = held_line
                yield held
            held, held_line = (record, root), line
            if chain.size in marks:
                self._mark()
        if tail:
            self._torn(len(tail), last=last)
        if held is not None:
            self._confirm_last(following, held[0])
            self.line = held_line
            yield held

    def _blame(self, error: ChainError, lines: list[bytes], at: int, following: Header | None, *, last: bool) -> None:
        """Raise the fault of a line that does not follow, unless it lies behind everything that was acknowledged."""
        seq = self.chain.size
        if error.blame_previous and at and self._named(lines, at, following) == sha256(lines[at]).hexdigest():
            seq -= 1
        if last and self._acknowledged is not None and seq >= self._acknowledged[0]:
            return
        raise LogFault(Outcome.DAMAGED, seq, f"record {seq}: {error}")

    def _named(self, lines: list[bytes], at: int, following: Header | None) -> str | None:
        """The hash that whatever follows line ``at`` gives for it."""
        if at + 1 < len(lines):
            return _prev(lines[at + 1])
        if following is not None:
            return following.prev
        return self._acknowledged[1] if self._acknowledged is not None else None

    def _torn(self, length: int, *, last: bool) -> None:
        if not last or self._acknowledged is None or self.chain.size < self._acknowledged[0]:
            raise LogFault(Outcome.DAMAGED, self.chain.size, f"record {self.chain.size} is cut off")
        self.torn_bytes += length

    def _confirm_last(self, following: Header | None, record: dict[str, Any]) -> None:
        """The last line of a segment against the next header or the head, before its record is believed."""
        size, last = self.chain.size, self.chain.last
        other = following is not None and following.first == size and last not in (following.prev, self._next_prev)
        if following is not None and other and self._sound(following, record):
            raise LogFault(Outcome.DAMAGED, size - 1, f"record {size - 1} is not the one that the next segment continues")
        if self._acknowledged is not None and self._acknowledged[0] == size and self._acknowledged[1] != last:
            raise LogFault(Outcome.DAMAGED, size - 1, f"record {size - 1} is not the one that was acknowledged")

    def _sound(self, following: Header, record: dict[str, Any]) -> bool:
        """Whether the next header is signed by the key in force, or by the one that ``record`` hands over to."""
        keys = [self._trust.key.public]
        if record["kind"] == "epoch":
            with contextlib.suppress(NoteError):
                keys.append(parse_hand_over(parse_note(str(record.get("note"))).body).public)
        return following.key in keys and signature_holds(following.key, self._next_signature, following.signed_bytes)

    def _all_acknowledged(self) -> bool:
        return self._acknowledged is not None and self._acknowledged[0] <= self.chain.size

    def _mark(self) -> None:
        if self.chain.size in self._marks:
            self.roots[self.chain.size] = (self.chain.tree.root(), self.chain.last)
