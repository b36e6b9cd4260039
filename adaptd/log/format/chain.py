"""One line after the other: canonical bytes, running numbers, the hash of the line before, and the tree over all of them."""

from hashlib import sha256
from typing import Any

from adaptd.base.canonical_json import MAX_LINE, CanonicalError, Plain, decode, encode
from adaptd.log.format.tree import CompactRange

VERSION = 2  # of the records that are written
READABLE = (1, 2)
NO_LINE = "0" * 64  # ``prev`` of the first record

_CHAIN_TYPES = (("boot", int), ("kind", str), ("mono_us", int), ("utc_ms", int), ("v", int), ("prev", str))
_ENDINGS = {f',"v":{version}}}'.encode(): version for version in READABLE}
_LENGTH = len(next(iter(_ENDINGS)))
_ZERO = ord("0")


class ChainError(ValueError):
    """A line does not follow. ``blame_previous`` says that the fault may lie in the line before it."""

    def __init__(self, reason: str, *, blame_previous: bool = False) -> None:
        super().__init__(reason)
        self.blame_previous = blame_previous


class Chain:
    """The log up to some record: ``size`` records, the hash of the last line, the tree."""

    __slots__ = ("last", "tree", "version")

    def __init__(self, tree: CompactRange | None = None, last: str = NO_LINE, version: int = READABLE[0]) -> None:
        self.tree = tree or CompactRange()
        self.last = last
        self.version = version  # of the newest record; it never falls

    @property
    def size(self) -> int:
        return self.tree.size

    def copy(self) -> "Chain":
        return Chain(self.tree.copy(), self.last, self.version)

    def write(self, boot: int, kind: str, mono_us: int, utc_ms: int, fields: dict[str, Plain]) -> bytes:
        """Make the next line, without its newline, and add it."""
        stamp = {
            "boot": boot,
            "kind": kind,
            "mono_us": mono_us,
            "prev": self.last,
            "seq": self.size,
            "utc_ms": utc_ms,
            "v": VERSION,
        }
        line = encode({**fields, **stamp})
        self.add(line)
        return line

    def add(self, line: bytes) -> None:
        """Add a line that is known to follow."""
        self.tree.append_hash(sha256(b"\x00" + line).digest())
        self.last = sha256(line).hexdigest()

    def read(self, line: bytes) -> dict[str, Any]:
        """Check that ``line`` follows, add it and return its record; raises ChainError and then changes nothing."""
        record = self._read_usual(line)
        if record is None:
            record = self._read_any(line)
        if record["v"] < self.version:
            raise ChainError(f"a record of version {record['v']} after one of version {self.version}")
        self.version = record["v"]
        self.add(line)
        return record

    def _read_any(self, line: bytes) -> dict[str, Any]:
        """The record of any line that follows; raises ChainError for one that does not."""
        try:
            found = decode(line)
        except CanonicalError as error:
            raise ChainError(str(error)) from None
        record = check_stamp(found, self.size)
        if record["prev"] != self.last:
            raise ChainError("its field prev is not the hash of the line before", blame_previous=True)
        return record

    def _read_usual(self, line: bytes) -> dict[str, Any] | None:
        """The record of a line that ends in the chain fields that are due; None for every other line, good or bad.

        All other keys of such a line sort before ``prev``, as those of decisions do. Then the canonical form of the whole is the
        canonical form of the rest with the due ending, and only the rest need be read.
        """
        due = f',"prev":"{self.last}","seq":{self.tree.size},"utc_ms":'.encode()
        at = line.rfind(b',"prev":"')
        version = _ENDINGS.get(line[-_LENGTH:])
        if at < 0 or version is None or not line.startswith(due, at) or len(line) > MAX_LINE:
            return None
        stamp = line[at + len(due) : -_LENGTH]
        if not stamp.isdigit() or len(stamp) > 15 or stamp[0] == _ZERO:
            return None
        try:
            record = decode(line[:at] + b"}")
        except CanonicalError:
            return None
        if type(record) is not dict or not record or next(reversed(record)) >= "prev":
            return None
        if type(record.get("boot")) is not int or type(record.get("kind")) is not str or type(record.get("mono_us")) is not int:
            return None
        record["prev"], record["seq"], record["utc_ms"], record["v"] = self.last, self.tree.size, int(stamp), version
        return record


def check_stamp(record: Any, seq: int) -> dict[str, Any]:
    """The record, where it carries every chain field and the number ``seq``; raises ChainError for anything else."""
    if type(record) is not dict or record.get("seq") != seq or type(record.get("seq")) is not int:
        number = record.get("seq") if type(record) is dict else None
        raise ChainError(f"the line carries {f'the number {number!r:.20}' if number is not None else 'no number'} and not {seq}")
    for name, kind in _CHAIN_TYPES:
        if type(record.get(name)) is not kind:
            raise ChainError(f"the field {name} is missing or of the wrong type")
    if record["v"] not in READABLE:
        raise ChainError(f"it is of version {record['v']}, and this verifier reads {' and '.join(map(str, READABLE))}")
    found: dict[str, Any] = record
    return found
