"""The head file: two slots of 512 bytes, written in turn, that say up to where the log has been acknowledged.

Each slot is ``adaptd-head-1 CRC`` on a line, then a signed note whose body is not a checkpoint, so that an old checkpoint
can not be passed off as a head, then zeros. A crash can tear the slot being written; the other one still stands.
"""

import base64
import zlib
from dataclasses import dataclass

from adaptd.log.format import note
from adaptd.log.format.keys import Signer

SLOT_BYTES = 512
FILE_BYTES = 2 * SLOT_BYTES
HEAD_FILE = "head"

_MARK = "adaptd-head-1"
_BODY = "adaptd acknowledged"


@dataclass(frozen=True, slots=True)
class LogHead:
    """The acknowledged log: ``size`` records under ``root``, the last one hashing to ``last`` (hex). ``turn`` counts writes."""

    origin: str
    turn: int
    size: int
    root: bytes
    last: str

    @property
    def body(self) -> str:
        return f"{_BODY}\n{self.origin}\n{self.turn}\n{self.size}\n{base64.b64encode(self.root).decode()}\n{self.last}\n"


def slot_bytes(head: LogHead, signer: Signer) -> bytes:
    """One slot, padded with zeros to 512 bytes."""
    text = signer.sign(head.body).encode()
    slot = f"{_MARK} {zlib.crc32(text):08x}\n".encode() + text
    return slot.ljust(SLOT_BYTES, b"\0")


def offset_of(turn: int) -> int:
    """Where the slot of this turn is written."""
    return turn % 2 * SLOT_BYTES


def parse_slot(slot: bytes) -> tuple[LogHead, note.Note] | None:
    """What one slot says, with its note still unverified; None for an empty, torn or changed slot."""
    first, _, rest = slot.partition(b"\n")
    text = rest.rstrip(b"\0")
    try:
        if first.decode("ascii") != f"{_MARK} {zlib.crc32(text):08x}":
            return None
        signed = note.parse_note(text.decode())
        return _head(signed.body), signed
    except ValueError:
        return None


def _head(body: str) -> LogHead:
    mark, origin, turn, size, root, last, end = body.split("\n")
    head = LogHead(origin, int(turn), int(size), note.unbase64(root), last)
    if mark != _BODY or end or head.body != body or len(last) != 64:
        raise note.NoteError("not a head")
    return head


def parse_head(data: bytes) -> list[tuple[LogHead, note.Note] | None]:
    """Both slots of the file, in their places."""
    return [parse_slot(data[at : at + SLOT_BYTES].ljust(SLOT_BYTES, b"\0")) for at in (0, SLOT_BYTES)]


def newest(slots: list[tuple[LogHead, note.Note] | None]) -> LogHead | None:
    """The readable slot with the higher turn."""
    return max((slot[0] for slot in slots if slot is not None), key=lambda head: head.turn, default=None)
