"""Which key speaks for which records: the root key, its hand-overs, the head file, and witnesses."""

import base64
import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.base.canonical_json import CanonicalError, decode
from adaptd.base.folder import MAX_SMALL, read_plain
from adaptd.log.format import note
from adaptd.log.format.epochs import HANDOVERS_FILE, parse_hand_over
from adaptd.log.format.head import HEAD_FILE, LogHead, offset_of, parse_head
from adaptd.log.format.keys import cosignature_time, note_holds, signature_holds
from adaptd.log.format.segment import Header
from adaptd.log.format.verdicts import LogFault, Outcome, Removal

MAX_WITNESS_FILE = 65_536


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A checkpoint that was seen outside the device: by witnesses, or by whoever kept a copy of the note.

    ``cosigned``: the known witnesses whose cosignature holds, each with its time stamp in seconds of UTC.
    """

    size: int
    root: bytes
    signed: note.Note
    cosigned: tuple[tuple[str, int], ...] = ()


class Trust:
    """The key in force at the record being read. It starts with the root key and moves only by signed hand-overs."""

    def __init__(self, root: note.VerifierKey) -> None:
        self.origin = root.name
        self.epoch = 0
        self.key = root
        self._epochs: list[tuple[int, note.VerifierKey]] = []  # from which record on which key, after the root key
        self._first = root
        self.signed = 0

    def adopt_handovers(self, data: bytes, header: Header) -> None:
        """Walk the hand-overs kept from pruned segments up to the key of the first header that is left, and check the rest."""
        walking = self
        for line in data.split(b"\n")[:-1]:
            if walking is self and self.epoch == header.epoch:
                walking = copy.deepcopy(self)  # a removal that was cut short keeps more hand-overs than are needed yet
            try:
                text = decode(line)
            except CanonicalError as error:
                raise LogFault(Outcome.DAMAGED, header.first, f"the file {HANDOVERS_FILE}: {error}") from None
            walking.hand_over(text, header.first, None, None)
        if (self.epoch, self.key.public) != (header.epoch, header.key) or (data and not data.endswith(b"\n")):
            raise LogFault(
                Outcome.DAMAGED, header.first, f"the file {HANDOVERS_FILE} does not lead to the key of the first segment"
            )

    def check_header(self, header: Header, signature: bytes, seq: int) -> None:
        """Raise LogFault unless the header is signed by the key in force."""
        if header.origin != self.origin:
            raise LogFault(Outcome.FORGED, seq, f"segment {header.segment} belongs to the log {header.origin}, not {self.origin}")
        if (header.epoch, header.key) != (self.epoch, self.key.public):
            raise LogFault(Outcome.FORGED, seq, f"the header of segment {header.segment} names another key than the one in force")
        if not signature_holds(self.key.public, signature, header.signed_bytes):
            raise LogFault(Outcome.FORGED, seq, f"the signature of segment {header.segment}'s header does not hold")

    def checkpoint(self, text: object, seq: int, root: bytes) -> None:
        """Take the note of the checkpoint record ``seq``, before which the tree has ``root``."""
        signed = _parse(text, self.signed)
        try:
            found = note.parse_checkpoint(signed.body)
        except note.NoteError as error:
            raise LogFault(Outcome.FORGED, self.signed, f"the checkpoint in record {seq}: {error}") from None
        if (found.origin, found.size, found.root) != (self.origin, seq, root):
            raise LogFault(Outcome.FORGED, self.signed, f"the checkpoint in record {seq} does not describe the records before it")
        self._check_note(signed, f"checkpoint in record {seq}")
        self.signed = seq

    def hand_over(self, text: object, fault_seq: int, seq: int | None, root: bytes | None) -> None:
        """Take a hand-over; with ``seq`` and ``root`` it must be the one of that record."""
        signed = _parse(text, fault_seq)
        try:
            found = parse_hand_over(signed.body)
        except note.NoteError as error:
            raise LogFault(Outcome.FORGED, fault_seq, str(error)) from None
        fits = seq is None or (found.seq, found.root) == (seq, root)
        if found.origin != self.origin or found.epoch != self.epoch + 1 or not fits:
            raise LogFault(Outcome.FORGED, fault_seq, f"the hand-over to key epoch {found.epoch} is out of place")
        self._check_note(signed, f"hand-over to key epoch {found.epoch}")
        self.key = note.VerifierKey(self.origin, note.ED25519, found.public)
        self._epochs.append((found.seq, self.key))
        self.epoch = found.epoch
        self.signed = max(self.signed, found.seq)

    def check_head(self, head: LogHead, signed: note.Note, roots: dict[int, tuple[bytes, str]]) -> None:
        """Raise LogFault unless the key in force at the head's size signed it and it names the root and last line found there."""
        root, last = roots[head.size]
        if last != head.last:
            raise LogFault(
                Outcome.DAMAGED, max(0, head.size - 1), "the last acknowledged line is not the one that was acknowledged"
            )
        if head.origin != self.origin or head.root != root:
            raise LogFault(Outcome.FORGED, self.signed, "the head file does not describe the records")
        if not any(note_holds(signed, key) for key in self._keys_at(head.size)):
            raise LogFault(Outcome.FORGED, self.signed, "the signature of the head file does not hold")

    @property
    def sealed(self) -> int:
        """How many records were signed by keys that were handed over, and erased, since."""
        return self._epochs[-1][0] if self._epochs else 0

    def own(self, one: Witnessed) -> bool:
        """Whether the log itself signed a witnessed checkpoint, with a key that was in force at its size."""
        return any(note_holds(one.signed, key) for key in self._keys_at(one.size))

    def _keys_at(self, size: int) -> list[note.VerifierKey]:
        """The key in force after ``size`` records; right after a hand-over the one before it as well."""
        keys = [self._first]
        for seq, key in self._epochs:
            if seq < size:
                keys = [keys[-1], key] if seq == size - 1 else [key]
        return keys

    def _check_note(self, signed: note.Note, what: str) -> None:
        if not note_holds(signed, self.key):
            raise LogFault(Outcome.FORGED, self.signed, f"the signature of the {what} does not hold")


def _parse(text: object, seq: int) -> note.Note:
    try:
        return note.parse_note(text if type(text) is str else "")
    except note.NoteError as error:
        raise LogFault(Outcome.FORGED, seq, str(error)) from None


@dataclass(frozen=True, slots=True)
class Slots:
    """The head file as found: the readable slots, newest first, and whether both were readable and in their places."""

    heads: tuple[tuple[LogHead, note.Note], ...]
    whole: bool


def read_heads(folder: Path) -> Slots:
    """Read the head file; a missing one has no slots."""
    try:
        data = read_plain(folder / HEAD_FILE, MAX_SMALL)
    except OSError:
        return Slots((), whole=False)
    slots = parse_head(data)
    good = [slot for at, slot in enumerate(slots) if slot is not None and offset_of(slot[0].turn) == at * len(data) // 2]
    good.sort(key=lambda slot: -slot[0].turn)
    turns = [slot[0].turn for slot in good]
    return Slots(tuple(good), whole=len(data) == 1024 and len(good) == 2 and turns[0] == turns[1] + 1)


def read_witness(path: Path, witnesses: tuple[note.VerifierKey, ...]) -> Witnessed:
    """Read a checkpoint note that was kept outside the device, with the cosignatures of known witnesses it carries.

    Raises NoteError with one line when the file is no checkpoint.
    """
    try:
        data = path.read_bytes()[: MAX_WITNESS_FILE + 1]
        signed = note.parse_note(data.decode())
    except (OSError, UnicodeDecodeError, note.NoteError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise note.NoteError(f"{path}: not a checkpoint note ({why}); 'adaptd audit checkpoint' prints one") from None
    found = note.parse_checkpoint(signed.body)
    times = ((key.name, cosignature_time(signed, key)) for key in witnesses)
    cosigned = tuple((name, time_s) for name, time_s in times if time_s is not None)
    return Witnessed(found.size, found.root, signed, cosigned)


def silent_witness(notes: tuple[Witnessed, ...], witnesses: tuple[note.VerifierKey, ...]) -> str:
    """The first given witness that cosigned none of the notes, or the first note that no given witness cosigned; else empty."""
    heard = {name for one in notes for name, _ in one.cosigned}
    for key in witnesses:
        if key.name not in heard:
            return f"the witness {key.name} has not cosigned any checkpoint that was given with --witness"
    for one in notes:
        if witnesses and not one.cosigned:
            return f"no witness whose key was given has cosigned the checkpoint over {one.size} records"
    return ""


def removal_of(record: dict[str, Any]) -> Removal | None:
    """What a ``prune`` record says was removed; None where it is not written the way a writer does."""
    names = ("utc_ms", "keep_days", "from", "to")
    utc_ms, keep_days, first, rest = (record.get(name) for name in names)
    if type(utc_ms) is not int or type(keep_days) is not int or type(first) is not int or type(rest) is not int:
        return None
    decisions = record.get("decisions")
    return Removal(utc_ms, keep_days, max(0, rest - first), decisions if type(decisions) is int else None)


def check_pruned(first: Header, prunes: list[dict[str, Any]]) -> None:
    """Raise LogFault unless a prune record says that everything before ``first`` was removed, with this root."""
    root = base64.b64encode(first.tree.root()).decode()
    for record in prunes:
        if record.get("to") == first.first and record.get("root") == root:
            return
        segments = record.get("segments")
        if type(segments) is list and any(type(one) is dict and one.get("first") == first.first for one in segments):
            return  # the removal was recorded and then cut short
    raise LogFault(Outcome.DAMAGED, 0, f"records 0 to {first.first - 1} are missing and no prune record accounts for them")
