"""What a log folder holds when a writer opens it: the end of the chain, what a crash tore, and what must not be missing."""

import contextlib
from dataclasses import dataclass, field
from typing import Any

from adaptd.base.canonical_json import CanonicalError, decode
from adaptd.log.format.chain import Chain, ChainError, check_stamp
from adaptd.log.format.decisions import ended_clean, stretches_in
from adaptd.log.format.epochs import HandOver, parse_hand_over
from adaptd.log.format.head import HEAD_FILE, LogHead, newest, parse_head
from adaptd.log.format.keys import note_holds, signature_holds
from adaptd.log.format.note import ED25519, Note, NoteError, VerifierKey, parse_note
from adaptd.log.format.segment import HeaderError, first_line, parse_header, segment_name, segment_number
from adaptd.log.format.store import Store
from adaptd.vocabulary import Stretch


class LogDamagedError(RuntimeError):
    """The folder lacks records that had been acknowledged, or is not a log. The text is one line with the remedy."""

    good: tuple[int, str] | None = None  # records that follow one another, and the hash of the last one's line


@dataclass(slots=True)
class Found:
    """The end of a log: its chain, its last segment and how many of that file's bytes are sound."""

    chain: Chain
    origin: str
    epoch: int
    public: bytes
    segment: int
    kept_bytes: int
    torn_bytes: int
    boot: int | None = None
    mono_us: int = 0
    unborn: list[str] = field(default_factory=list)
    open_acts: list[int] = field(default_factory=list)
    stopped: bool = False
    config: dict[str, Any] | None = None
    state: Any = None
    unseen: list[Stretch] = field(default_factory=list)  # frames served after ``state``
    head: LogHead | None = None
    last_at_head: str | None = None
    keys: set[bytes] = field(default_factory=set)  # public keys that the segments read here name; one of them signed the head


def find_end(store: Store) -> Found | None:
    """Read the last segment against the head file; None for a folder without a log.

    Raises LogDamagedError where acknowledged records are missing or changed, or where header or head are not signed: such a log
    must not be continued, because signing it anew would vouch for what someone else made of it.
    """
    names = [name for name in store.names() if segment_number(name) is not None]
    slots = parse_head(store.read(HEAD_FILE)) if HEAD_FILE in store.names() else []
    head = newest(slots)
    unborn: list[str] = []
    while names:
        data = store.read(names[-1])
        try:
            header, signature = parse_header(first_line(data))
        except HeaderError:
            unborn.append(names.pop())
            continue
        if not signature_holds(header.key, signature, header.signed_bytes):
            raise _unsigned(store, f"the header of {names[-1]}")
        found = Found(Chain(header.tree, header.prev), header.origin, header.epoch, header.key, header.segment, 0, 0)
        found.unborn, found.head, found.keys = unborn, head, {header.key}
        _recall(found, store, names[:-1], header.first)
        _recall_keys(found, store, names[:-1], header.first, min((slot[0].size for slot in slots if slot is not None), default=0))
        _follow(found, data)
        try:
            _check_head(store, found, [slot[1] for slot in slots if slot is not None])
        except LogDamagedError as error:
            error.good = (found.chain.size, found.chain.last)
            raise
        return found
    if head is not None and head.size:
        raise _missing(store, 0, head.size)
    return None


def _recall(found: Found, store: Store, names: list[str], end: int) -> None:
    """Take what the last segment with records says of boots, configuration and open intents; its chain is not judged here."""
    for name in reversed(names):
        if found.boot is not None:
            return
        first, *lines = store.read(name).split(b"\n")
        try:
            found.keys.add(parse_header(first)[0].key)
        except HeaderError:
            return
        for line in lines:
            try:
                record = decode(line)
                check_stamp(record, record["seq"])
            except (ChainError, CanonicalError, TypeError, KeyError):
                break
            if record["seq"] >= end:
                break
            _note_record(found, record)


def _recall_keys(found: Found, store: Store, names: list[str], first: int, size: int) -> None:
    """The keys back to the segment in which ``size`` records were acknowledged: one of them signed the older slot of the head.

    A hand-over and two starts that are cut short leave two segments between that slot and the end of the log.
    """
    for name in reversed(names):
        if first < size:
            return
        head, *lines = store.read(name).split(b"\n")
        try:
            header = parse_header(head)[0]
        except HeaderError:
            return
        first = header.first
        found.keys.add(header.key)
        for line in lines:
            with contextlib.suppress(CanonicalError):
                record = decode(line) if b'"kind":"epoch"' in line else None
                hand_over = _handed_over(record) if type(record) is dict else None
                if hand_over is not None:
                    found.keys.add(hand_over.public)


def _follow(found: Found, data: bytes) -> None:
    """Follow the chain through the last segment up to the first line that does not hold."""
    chain, at = found.chain, data.index(b"\n") + 1
    found.last_at_head = chain.last if found.head is not None and found.head.size == chain.size else None
    while (end := data.find(b"\n", at)) >= 0:
        try:
            record = chain.read(data[at:end])
        except ChainError:
            break
        if found.head is not None and found.head.size == chain.size:
            found.last_at_head = chain.last
        _note_record(found, record)
        at = end + 1
    found.kept_bytes = at
    found.torn_bytes = len(data[at:].rstrip(b"\0"))


def _note_record(found: Found, record: dict[str, Any]) -> None:
    found.boot, found.mono_us = record["boot"], record["mono_us"]
    kind = record["kind"]
    found.stopped = ended_clean(record) or (found.stopped and kind == "checkpoint")
    if kind == "act":
        found.open_acts.append(record["seq"])
    elif kind == "result" and record.get("act") in found.open_acts:
        found.open_acts.remove(record["act"])
    elif kind == "decision":
        found.unseen += stretches_in(record)
    elif kind == "heartbeat":
        found.state, found.unseen = record.get("state"), []
    elif kind == "config":
        found.state, found.unseen = record.get("state"), []
        found.config = record
    elif kind == "epoch":
        hand_over = _handed_over(record)
        if hand_over is not None:
            found.epoch, found.public = hand_over.epoch, hand_over.public
            found.keys.add(hand_over.public)


def _handed_over(record: dict[str, Any]) -> HandOver | None:
    """What an ``epoch`` record says, or None where it cannot be read."""
    try:
        return parse_hand_over(parse_note(record.get("note", "")).body)
    except (NoteError, TypeError):
        return None


def _check_head(store: Store, found: Found, signed: list[Note]) -> None:
    if found.head is None:
        raise LogDamagedError(
            f"{store.folder}: the head file is missing or unreadable, so nobody can say what was acknowledged; "
            f"check with 'adaptd audit verify {store.folder}', then move the folder away to start a new log"
        )
    if found.head.size > found.chain.size:
        raise _missing(store, found.chain.size, found.head.size)
    if found.last_at_head is not None and found.last_at_head != found.head.last:
        raise _missing(store, found.head.size - 1, found.head.size)
    keys = [VerifierKey(found.origin, ED25519, public) for public in found.keys | {found.public}]
    if not all(any(note_holds(one, key) for key in keys) for one in signed):
        raise _unsigned(store, "the head file")


def _unsigned(store: Store, what: str) -> LogDamagedError:
    return LogDamagedError(
        f"{store.folder}: {what} is not signed by this log's key, so what was acknowledged cannot be known; "
        f"check with 'adaptd audit verify {store.folder}', then move the folder away to start a new log"
    )


def _missing(store: Store, size: int, acknowledged: int) -> LogDamagedError:
    return LogDamagedError(
        f"{store.folder}: records {size} to {acknowledged - 1} had been acknowledged and are missing or changed; "
        f"check with 'adaptd audit verify {store.folder}', then move the folder away to start a new log"
    )


def clear_end(store: Store, found: Found) -> bool:
    """Remove files that never became segments and cut what a crash tore; False where the tear could not be cut."""
    for name in found.unborn:
        store.remove(name)
    try:
        fd = store.open(segment_name(found.segment))
        try:
            store.truncate(fd, found.kept_bytes)
            store.sync(fd)
        finally:
            store.close(fd)
    except OSError:
        return False
    store.sync_folder()
    return True
