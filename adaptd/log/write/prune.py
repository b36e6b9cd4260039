"""Forgetting with proof: whole old segments are removed, and what was removed stays on record, signed.

A ``prune`` record names the removed segments with hash and the tree's root where the rest begins. The hand-overs of their key
epochs move to a small file, so that the root key still leads to the key of the first segment that is left.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from adaptd.base.canonical_json import CanonicalError, Plain, decode, encode
from adaptd.log import KEEP_DAYS
from adaptd.log.format.epochs import HANDOVERS_FILE, parse_hand_over
from adaptd.log.format.note import NoteError, parse_note
from adaptd.log.format.segment import Header, HeaderError, first_line, parse_header, segment_name, segment_number
from adaptd.log.format.store import Store
from adaptd.log.write.ledger import Ledger

DAY_MS = 86_400_000
STEP_MS = DAY_MS
KEPT_WITH_DECISIONS = 2


@dataclass(frozen=True, slots=True)
class Old:
    """A closed segment: its first record, its hand-overs, and the wall-clock time of its last record."""

    number: int
    header: Header
    size: int
    digest: str
    last_ms: int
    handovers: tuple[str, ...]
    stepped: bool
    decisions: int


@dataclass(frozen=True, slots=True)
class Outlived:
    """Segments that may go, oldest first, and the header of the first that stays."""

    old: tuple[Old, ...]
    rest: Header


def outlived(
    store: Store, *, now_ms: int, keep_days: int = KEEP_DAYS, most: int = 10**9, unasked: bool = False
) -> Outlived | None:
    """The oldest segments, ``most`` at a time, whose last record is older than ``keep_days``. Only reads, closed segments alone.

    None when nothing is that old, and when the newest closed segment saw the wall clock step by more than a day, because then
    nobody knows how old anything is. Where nobody asked for it (``unasked``), that segment must also be younger than half of
    ``keep_days``: a device that wakes up years later may have a wrong clock. The newest two segments always stay, and so do
    the newest two that hold decisions, with all that follows them: starts and stops alone never push the decisions out.

    Raises:
        OSError: a segment cannot be read or is damaged; it is kept, and so is all that follows.
    """
    numbers = [number for name in store.names() if (number := segment_number(name)) is not None]
    if len(numbers) < 3:
        return None
    newest = _read(store, numbers[-2])
    if newest.stepped or (unasked and now_ms - newest.last_ms > keep_days * DAY_MS // 2):
        return None
    old: list[Old] = []
    for number in numbers[: _first_kept(store, numbers)][:most]:
        segment = _read(store, number)
        if segment.last_ms >= now_ms - keep_days * DAY_MS:
            break
        old.append(segment)
    return Outlived(tuple(old), _read(store, old[-1].number + 1).header) if old else None


def _first_kept(store: Store, numbers: list[int]) -> int:
    """Which of the segments begins what always stays, as its place in ``numbers``."""
    place, holding = len(numbers) - 2, 0
    for at in range(len(numbers) - 2, -1, -1):
        if _read(store, numbers[at]).decisions:
            place, holding = at, holding + 1
        if holding == KEPT_WITH_DECISIONS:
            break
    return min(place, len(numbers) - 2)


def prune(ledger: Ledger, store: Store, *, now_ms: int, keep_days: int = KEEP_DAYS) -> int:
    """Remove every segment that has outlived ``keep_days``; the number removed. Nothing goes while the log is degraded."""
    found = outlived(store, now_ms=now_ms, keep_days=keep_days) if ledger.ok else None
    if found is None:
        return 0
    remove(ledger, store, found.old, found.rest, keep_days)
    return len(found.old)


def remove(ledger: Ledger, store: Store, old: Sequence[Old], rest: Header, keep_days: int) -> None:
    """Put the removal on record, keep the hand-overs, then delete the files, oldest first. A crash between leaves a sound log."""
    fields: dict[str, Plain] = {
        "decisions": sum(one.decisions for one in old), "from": old[0].header.first, "keep_days": keep_days, "to": rest.first,
        "root": base64.b64encode(rest.tree.root()).decode(),
        "segments": [{"bytes": one.size, "first": one.header.first, "segment": one.number, "sha256": one.digest} for one in old],
    }  # fmt: skip
    ledger.append("prune", fields, durable=True)
    if not ledger.ok:
        return
    _keep_handovers(store, old)
    for one in old:
        store.remove(segment_name(one.number))
    store.sync_folder()


def _read(store: Store, number: int) -> Old:
    """Read a closed segment for what pruning needs to know of it."""
    data = store.read(segment_name(number))
    lines = data.split(b"\n")
    try:
        header, _ = parse_header(first_line(data))
        records = [decode(line) for line in lines[1:] if line]
    except (HeaderError, CanonicalError) as error:
        raise OSError(f"{segment_name(number)} is damaged ({error}) and is kept") from None
    return Old(
        number=number,
        header=header,
        size=len(data),
        digest=sha256(data).hexdigest(),
        last_ms=max((record["utc_ms"] for record in records), default=2**52),
        handovers=tuple(record["note"] for record in records if record["kind"] == "epoch"),
        decisions=sum(record["kind"] == "decision" for record in records),
        stepped=any(_long_step(record) for record in records if record["kind"] == "clock_step"),
    )


def _long_step(record: dict[str, Any]) -> bool:
    after, before = record.get("after_ms"), record.get("before_ms")
    return type(after) is not int or type(before) is not int or abs(after - before) > STEP_MS


def _keep_handovers(store: Store, old: Sequence[Old]) -> None:
    kept = store.read(HANDOVERS_FILE) if HANDOVERS_FILE in store.names() else b""
    known = _epoch(decode(kept.split(b"\n")[-2])) if kept else 0
    for one in old:
        for text in one.handovers:
            if _epoch(text) > known:
                kept += encode(text) + b"\n"
    if kept:
        store.write_file(HANDOVERS_FILE, kept)


def _epoch(text: str) -> int:
    try:
        return parse_hand_over(parse_note(text).body).epoch
    except NoteError as error:
        raise OSError(f"a hand-over cannot be read ({error}); nothing was removed") from None
