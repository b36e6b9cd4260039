"""A segment: a signed header line, then records, then (while it is written) zeros that stand for unused space."""

import base64
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adaptd.base.canonical_json import CanonicalError, decode, encode
from adaptd.log.format.keys import Signer
from adaptd.log.format.store import Store
from adaptd.log.format.tree import CompactRange

SUFFIX = ".log"
RESERVE_FILE = "reserve"
HEADER_VERSION = 1  # of the header line alone; each record carries its own

_CONTEXT = b"adaptd segment\n"
_TYPES = {
    "before": int, "epoch": int, "first": int, "key": str, "origin": str, "peaks": list, "prev": str,
    "segment": int, "sig": str, "stale": bool, "v": int,
}  # fmt: skip


class HeaderError(ValueError):
    """The first line of a segment is not a header."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment continues: ``first`` records whose tree has these peaks and whose last line hashes to ``prev``.

    ``key`` is the public key of ``epoch``; ``before`` counts the bytes of the segment before, and ``stale`` says that what
    follows there was given up after a disk error and is void.
    """

    origin: str
    segment: int
    first: int
    prev: str
    peaks: tuple[bytes, ...]
    epoch: int
    key: bytes
    before: int
    stale: bool

    @property
    def tree(self) -> CompactRange:
        return CompactRange(self.first, self.peaks)

    def _plain(self) -> dict[str, Any]:
        return {
            "before": self.before, "epoch": self.epoch, "first": self.first, "key": base64.b64encode(self.key).decode(),
            "origin": self.origin, "peaks": [peak.hex() for peak in self.peaks], "prev": self.prev,
            "segment": self.segment, "stale": self.stale, "v": HEADER_VERSION,
        }  # fmt: skip

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers."""
        return _CONTEXT + encode(self._plain())

    def line(self, signer: Signer) -> bytes:
        """The header line, without its newline."""
        signature = signer.sign_bytes(self.signed_bytes)
        return encode({**self._plain(), "sig": base64.b64encode(signature).decode()})


def first_line(data: bytes) -> bytes:
    """The header line of a segment without its newline; raises HeaderError where no line ends."""
    line, newline, _ = data.partition(b"\n")
    if not newline:
        raise HeaderError("the first line has no end")
    return line


def parse_header(line: bytes) -> tuple[Header, bytes]:
    """The header and its unverified signature; raises HeaderError unless the line is exactly what a writer makes of it."""
    try:
        plain = decode(line)
        if (
            type(plain) is not dict
            or {name: type(item) for name, item in plain.items()} != _TYPES
            or plain["v"] != HEADER_VERSION
        ):
            raise HeaderError("the first line is not a segment header")
        peaks = tuple(bytes.fromhex(peak) for peak in plain["peaks"])
        key, signature = base64.b64decode(plain["key"], validate=True), base64.b64decode(plain["sig"], validate=True)
        header = Header(
            plain["origin"],
            plain["segment"],
            plain["first"],
            plain["prev"],
            peaks,
            plain["epoch"],
            key,
            plain["before"],
            plain["stale"],
        )
        CompactRange(header.first, peaks)
        again = encode({**header._plain(), "sig": base64.b64encode(signature).decode()})
    except (CanonicalError, TypeError, ValueError) as error:
        raise HeaderError(f"the first line is not a segment header ({error})") from None
    if again != line or len(key) != 32 or len(signature) != 64:
        raise HeaderError("the first line is not a segment header")
    return header, signature


def segment_name(number: int) -> str:
    """The file name of a segment, so that names sort as numbers."""
    return f"{number:08d}{SUFFIX}"


def segment_number(name: str) -> int | None:
    """The number in a segment's file name, or None for another file."""
    stem = name.removesuffix(SUFFIX)
    return int(stem) if name == stem + SUFFIX and len(stem) == 8 and stem.isascii() and stem.isdigit() else None


class SegmentFile:
    """The segment being written. Space ahead is filled with zeros chunk by chunk, so that a commit need not grow the file."""

    def __init__(
        self, store: Store, fd: int, *, chunk: int, allocated: int = 0, billed: Callable[[int], None] | None = None
    ) -> None:
        self._store, self._fd, self._chunk = store, fd, chunk
        self._allocated = allocated
        self._billed = billed
        self.length = 0

    @classmethod
    def create(
        cls, store: Store, number: int, header: bytes, *, chunk: int, billed: Callable[[int], None] | None = None
    ) -> "SegmentFile":
        """A new segment whose header is durable when this returns."""
        name = segment_name(number)
        with contextlib.suppress(FileNotFoundError):
            store.remove(name)  # what an attempt that failed before any acknowledgement left behind
        segment = cls(store, store.create(name), chunk=chunk, billed=billed)
        try:
            segment.append(header + b"\n")
            segment.sync()
            store.sync_folder()
        except OSError:
            segment.abandon()
            with contextlib.suppress(OSError):
                store.remove(name)
            raise
        return segment

    @classmethod
    def from_reserve(cls, store: Store, number: int, header: bytes, *, room: int) -> "SegmentFile":
        """The reserve, which needs no new space, as the next segment."""
        store.rename(RESERVE_FILE, segment_name(number))
        segment = cls(store, store.open(segment_name(number)), chunk=0, allocated=room)
        try:
            segment.append(header + b"\n")
            segment.sync()
            store.sync_folder()
        except OSError:
            segment.abandon()
            raise
        return segment

    def append(self, data: bytes) -> None:
        """Write after what is there; durable only after ``sync``."""
        end = self.length + len(data)
        if end > self._allocated:
            grown = -(-(end - self._allocated) // self._chunk) * self._chunk if self._chunk else end - self._allocated
            self._store.write(self._fd, bytes(self._allocated + grown - end), end)
            self._allocated += grown
            if self._billed is not None:
                self._billed(grown)
        self._store.write(self._fd, data, self.length)
        self.length = end

    def sync(self) -> None:
        """Make everything appended durable."""
        self._store.sync(self._fd)

    def finish(self) -> None:
        """Cut off the unused space and close."""
        try:
            self._store.truncate(self._fd, self.length)
            self._store.sync(self._fd)
        finally:
            self._store.close(self._fd)

    def abandon(self) -> None:
        """Close without another word to the disk."""
        with contextlib.suppress(OSError):
            self._store.close(self._fd)


def make_reserve(store: Store, size: int) -> None:
    """Make sure the reserve exists: space that is ours when the disk is full."""
    if RESERVE_FILE not in store.names():
        store.write_file(RESERVE_FILE, bytes(size))
