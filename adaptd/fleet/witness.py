"""What a witness knows of one box's log, and what it says to the next checkpoint. Pure: bytes in, verdict out.

A checkpoint is taken when the log's own key signed it and the tree that the witness holds grows into it by the blocks that are
shown. Anything else is said: the log went back, or became another one, or the proof begins somewhere else than where we stand.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, TypeVar

from adaptd.fleet.wire import Refused, WireError, box_named_after, table, whole
from adaptd.log.format.epochs import HandOver, parse_hand_over
from adaptd.log.format.keys import note_holds
from adaptd.log.format.note import (
    ED25519,
    Checkpoint,
    Note,
    NoteError,
    VerifierKey,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
)
from adaptd.log.format.tree import CompactRange, leaf_hash, node_hash

T = TypeVar("T")
MAX_BLOCKS = 256
REMEMBERED = 256
KEYS_REMEMBERED = 64


class Said(Enum):
    """What became of a checkpoint."""

    TAKEN = "taken"
    KNOWN = "known"  # a repeat of one that was taken
    KEYS = "keys"  # hand-overs alone
    ELSEWHERE = "elsewhere"  # the proof begins at another size than where the witness stands: the box is asked for another
    ROLLBACK = "rollback"
    FORK = "fork"


@dataclass(frozen=True, slots=True)
class LogView:
    """What is held of one log: its root key, the key in force and the one before it, the tree so far, what was taken before."""

    root_key: str  # the text of log.pub
    epoch: int
    keys: tuple[bytes, ...]  # the public key of ``epoch``, and behind it those before, newest first
    size: int = 0
    peaks: tuple[bytes, ...] = ()
    taken: tuple[tuple[int, str], ...] = ()  # size and root in hex, newest last
    gateway_keys: tuple[str, ...] = ()  # base64, newest last
    broken: str = ""  # a rollback or fork was seen: nothing is countersigned until a person has looked

    @property
    def origin(self) -> str:
        return parse_verifier_key(self.root_key).name


@dataclass(frozen=True, slots=True)
class Verdict:
    """The view after a message, and what to say of it. ``note`` is the checkpoint's body and signatures where one was taken."""

    said: Said
    view: LogView
    note: Note | None = None
    words: str = ""
    revealed: tuple[str, ...] = field(default=())


def first_view(box: str, words: dict[str, Any], enrolled: str | None) -> LogView:
    """The view of a log that was never heard of: its root key must be the enrolled one, or the one the box is named after.

    Raises:
        WireError: it is neither, or no key.
    """
    text = str(words.get("log_pub", "")).strip()
    wanted = text == enrolled.strip() if enrolled is not None else box_named_after(text) == box
    try:
        key = parse_verifier_key(text) if wanted else None
    except NoteError:
        key = None
    if key is None:
        raise WireError(Refused.KEY)
    return LogView(text, 0, (key.public,))


def take(view: LogView, words: dict[str, Any]) -> Verdict:
    """Hold a checkpoint message against the view.

    Raises:
        WireError: it is malformed, or not signed by this log. Nothing changes then.
    """
    for signed, handed in [_parsed(text, parse_hand_over) for text in words.get("handovers") or ()]:
        if handed.epoch > view.epoch + 1:
            return Verdict(Said.ELSEWHERE, view, words=f"the hand-over to key epoch {view.epoch + 1} is missing")
        if handed.epoch == view.epoch + 1:
            view = _handed_over(view, signed, handed)
        elif _second_heir(view, signed, handed):
            return _broken(view, Said.ROLLBACK, f"its key of epoch {handed.epoch} was made twice, after {handed.seq} records")
    if "note" not in words:
        return Verdict(Said.KEYS, view)
    signed, checkpoint = _signed_by(view, words["note"])
    if checkpoint.size < view.size or (checkpoint.size, checkpoint.root.hex()) in view.taken:
        return _older(view, checkpoint)
    if checkpoint.size == view.size and view.size:
        return _broken(view, Said.FORK, f"two different histories of {view.size} records are both signed by its key")
    table(words, "growth")
    start = whole(words["growth"], "from")
    if start != view.size:
        told = f"a proof from {view.size} records on is needed, this one begins at {start}"
        return Verdict(Said.ELSEWHERE, view, words=told)
    grown, lines = _grown(view, words["growth"], checkpoint.size)
    if grown is None or grown.root() != checkpoint.root:
        return _broken(view, Said.FORK, f"the first {view.size} records are not those that were witnessed")
    after = replace(
        view,
        size=grown.size,
        peaks=grown.peaks,
        taken=(*view.taken, (grown.size, checkpoint.root.hex()))[-REMEMBERED:],
        gateway_keys=(*view.gateway_keys, *(key for key in _gateway_keys(lines) if key not in view.gateway_keys))[-4:],
    )
    return Verdict(Said.TAKEN, after, signed, revealed=tuple(key for key in after.gateway_keys if key not in view.gateway_keys))


def _parsed(text: object, parse: Callable[[str], T]) -> tuple[Note, T]:
    try:
        signed = parse_note(str(text))
        return signed, parse(signed.body)
    except NoteError:
        raise WireError(Refused.NOTE) from None


def _handed_over(view: LogView, signed: Note, handed: HandOver) -> LogView:
    """The view under the next key, which the key in force has named."""
    if handed.origin != view.origin or not note_holds(signed, VerifierKey(view.origin, ED25519, view.keys[0])):
        raise WireError(Refused.NOTE)
    return replace(view, epoch=handed.epoch, keys=(handed.public, *view.keys)[:KEYS_REMEMBERED])


def _second_heir(view: LogView, signed: Note, handed: HandOver) -> bool:
    """Whether a key that had named its successor before has now named another: the log was put back and went on from there."""
    place = view.epoch - handed.epoch
    if place + 1 >= len(view.keys) or view.keys[place] == handed.public:
        return False
    return note_holds(signed, VerifierKey(view.origin, ED25519, view.keys[place + 1]))


def _signed_by(view: LogView, text: object) -> tuple[Note, Checkpoint]:
    signed, checkpoint = _parsed(text, parse_checkpoint)
    good = any(note_holds(signed, VerifierKey(view.origin, ED25519, key)) for key in view.keys[:2])
    if checkpoint.origin != view.origin or not good:
        raise WireError(Refused.NOTE)
    return signed, checkpoint


def _older(view: LogView, checkpoint: Checkpoint) -> Verdict:
    if (checkpoint.size, checkpoint.root.hex()) in view.taken:
        return Verdict(Said.KNOWN, view)
    if any(size == checkpoint.size for size, _ in view.taken):
        return _broken(view, Said.FORK, f"two different histories of {checkpoint.size} records are both signed by its key")
    return _broken(view, Said.ROLLBACK, f"the log went back to {checkpoint.size} records, {view.size} were witnessed")


def _broken(view: LogView, said: Said, words: str) -> Verdict:
    return Verdict(said, replace(view, broken=view.broken or f"{said.value}: {words}"), words=words)


def _grown(view: LogView, growth: dict[str, Any], size: int) -> tuple[CompactRange | None, list[str]]:
    """The view's tree with the blocks put behind it, and the lines that were shown; None where they do not end at ``size``."""
    blocks, shown = growth.get("blocks"), growth.get("shown")
    if not isinstance(blocks, list) or not isinstance(shown, list) or len(blocks) > MAX_BLOCKS:
        raise WireError(Refused.SHAPE)
    at, peaks, lines = view.size, list(view.peaks), []
    for place, block in enumerate(blocks):
        try:
            count, text = block
            if place in shown:
                lines.append(text)
                root = leaf_hash(text.encode())
                count = 1
            else:
                root = bytes.fromhex(text)
        except (TypeError, ValueError, AttributeError):
            raise WireError(Refused.SHAPE) from None
        if type(count) is not int or count < 1 or count & (count - 1) or at % count or len(root) != 32:
            raise WireError(Refused.SHAPE)
        at = _append(peaks, at, count, root)
    return (CompactRange(at, peaks) if at == size else None), lines


def _append(peaks: list[bytes], at: int, count: int, root: bytes) -> int:
    """Put a perfect subtree of ``count`` records behind ``at`` records; the new size."""
    bit = count
    while at & bit:
        root = node_hash(peaks.pop(), root)
        bit <<= 1
    peaks.append(root)
    return at + count


def _gateway_keys(lines: list[str]) -> list[str]:
    """The gateway keys that shown records put on record."""
    found = []
    for line in lines:
        try:
            record = json.loads(line)
            if record["kind"] == "order" and record["order"] == "gateway_key":
                found.append(str(record["public"]))
        except (ValueError, KeyError, TypeError):
            raise WireError(Refused.SHAPE) from None
    return found
