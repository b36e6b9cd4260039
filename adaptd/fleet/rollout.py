"""A policy or a pack in waves, in hawkBit's words: groups, a success threshold starts the next, an error threshold ends it.

Each box checks what it is offered and may refuse it. A wave that passes the error threshold stops the roll-out and withdraws it
from every box that was offered it; nobody has to be there. A pack is too large for a message: its hash and address are offered.
 ``advance`` is pure; the rest is its memory in the store.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from hashlib import sha256
from typing import Any

from msgspec.json import decode

from adaptd.fleet import wire
from adaptd.fleet.wire import Heard, Refused, WireError, whole

WAVES_PCT = (1, 10, 100)
MAX_POLICY_BYTES = 49_152


class State(str, Enum):
    """Where a roll-out stands; hawkBit's names where it has one."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"  # hawkBit pauses here; this one also withdraws


class Outcome(str, Enum):
    """What a box says of an offer."""

    ACCEPTED = "accepted"  # its daemon took the policy; probation runs
    GOOD = "good"  # probation is over and no limit was broken
    REFUSED = "refused"  # its own check said no, or its owner takes no offers
    BACK = "back"  # a limit was broken, the box went back to its own policy


SUCCESS, ERROR = {Outcome.GOOD}, {Outcome.REFUSED, Outcome.BACK}


class RolloutError(Exception):
    """The roll-out cannot be started. ``str(error)`` is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class PackAt:
    """A pack that is offered: its hash and length, and where boxes fetch it (empty: it is brought to them)."""

    sha256: str
    bytes: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One policy's text, or one pack, on its way. ``groups`` are the boxes of each wave, ``wave`` the one under way."""

    name: str
    text: str = ""
    id: int = 0
    groups: tuple[tuple[str, ...], ...] = ()
    success_threshold_pct: int = 90
    error_threshold_pct: int = 5
    probation_s: int = 3600
    wave: int = 0
    state: State = State.RUNNING
    why: str = ""
    issued: int = 0
    pack: PackAt | None = None

    @property
    def sha256(self) -> str:
        return sha256(self.text.encode()).hexdigest() if self.pack is None else self.pack.sha256

    @property
    def offered(self) -> tuple[str, ...]:
        """Every box that has been offered it so far."""
        return tuple(box for group in self.groups[: self.wave + 1] for box in group)


def groups_of(boxes: Sequence[str], seed: str) -> tuple[tuple[str, ...], ...]:
    """The boxes of each wave: cumulative shares, rounded down but at least one box, in an order that only the seed decides."""
    order = sorted(boxes, key=lambda box: sha256(f"{seed}\n{box}".encode()).digest())
    ends = [max(1, len(order) * share // 100) for share in WAVES_PCT]
    starts = [0, *ends[:-1]]
    return tuple(tuple(order[start:end]) for start, end in zip(starts, ends, strict=True) if end > start)


def advance(rollout: Rollout, outcomes: dict[str, Outcome]) -> Rollout:
    """The roll-out after these outcomes: the same, its next wave, finished, or stopped."""
    if rollout.state is not State.RUNNING:
        return rollout
    group = rollout.groups[rollout.wave]
    errors = sum(outcomes.get(box) in ERROR for box in group)
    if 100 * errors > rollout.error_threshold_pct * len(group):
        why = f"wave {rollout.wave + 1}: {errors} of {len(group)} boxes refused it or went back"
        return replace(rollout, state=State.STOPPED, why=f"{why}, {rollout.error_threshold_pct} % may", issued=rollout.issued + 1)
    good = sum(outcomes.get(box) in SUCCESS for box in group)
    if 100 * good < rollout.success_threshold_pct * len(group):
        return rollout
    if rollout.wave + 1 == len(rollout.groups):
        return replace(rollout, state=State.FINISHED, why=f"{good} of {len(group)} boxes of the last wave are good")
    return replace(rollout, wave=rollout.wave + 1)


def offer_words(rollout: Rollout, box: str) -> dict[str, Any]:
    """What is offered to a box: the policy or the pack, or its withdrawal."""
    words = {"v": 1, "box": box, "rollout": rollout.id, "issued": rollout.issued, "name": rollout.name}
    words |= {"kind": "policy" if rollout.pack is None else "pack", "sha256": rollout.sha256}
    if rollout.state is State.STOPPED:
        return {**words, "action": "withdraw"}
    words |= {"action": "take", "probation_s": rollout.probation_s}
    if rollout.pack is None:
        return {**words, "text": rollout.text}
    return {**words, "bytes": rollout.pack.bytes, "url": rollout.pack.url}


def begin(database: sqlite3.Connection, wanted: Rollout, board: str, now_ms: int) -> Rollout:
    """Put a new roll-out into the store, with a number and groups; the server begins its first wave.

    Boxes under alarm take no part.

    Raises:
        RolloutError: no box fits, the policy is too large, or another roll-out is under way.
    """
    if (size := len(wanted.text.encode())) > MAX_POLICY_BYTES:
        raise RolloutError(f"{wanted.name}: has {size} bytes, at most {MAX_POLICY_BYTES} can be rolled out")
    if running := [one for one in load_all(database) if one.state is State.RUNNING]:
        raise RolloutError(f"roll-out {running[0].id} ({running[0].name}) is under way, wait for its end or stop it")
    rows = database.execute("SELECT name, json_extract(face, '$.board'), json_extract(log, '$.broken') FROM box").fetchall()
    boxes = [box for box, on, broken in rows if (not board or on == board) and not broken]
    if not boxes:
        known = ", ".join(sorted({str(on) for _, on, _ in rows})) or "none"
        raise RolloutError(f"no box with board {board or 'any'} has been heard, known boards: {known}")
    with database:
        (number,) = database.execute("SELECT coalesce(max(id), 0) + 1 FROM rollout").fetchone()
        one = replace(wanted, id=number, groups=groups_of(boxes, f"{number}"), issued=now_ms)
        save(database, one)
    return one


def stop(database: sqlite3.Connection, number: int, why: str) -> bool:
    """End a roll-out by hand; False where it does not run."""
    found = [one for one in load_all(database) if one.id == number and one.state is State.RUNNING]
    for one in found:
        save(database, replace(one, state=State.STOPPED, why=why, issued=one.issued + 1))
    return bool(found)


def load_all(database: sqlite3.Connection) -> list[Rollout]:
    """Every roll-out, oldest first."""
    return [decode(text, type=Rollout) for (text,) in database.execute("SELECT words FROM rollout ORDER BY id")]


def save(database: sqlite3.Connection, rollout: Rollout) -> None:
    database.execute("INSERT OR REPLACE INTO rollout VALUES (?, ?)", (rollout.id, json.dumps(asdict(rollout))))


def outcomes(database: sqlite3.Connection, number: int) -> dict[str, Outcome]:
    """The newest word of every box on a roll-out."""
    return {box: Outcome(said) for box, said in database.execute("SELECT box, outcome FROM told WHERE rollout = ?", (number,))}


class Reports:
    """What boxes say of offers, gathered during a batch and written with it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._waiting: list[tuple[int, str, str, str, int]] = []

    def take(self, heard: Heard, words: dict[str, Any]) -> None:
        """One report; raises WireError where it is none."""
        try:
            outcome = Outcome(words.get("outcome"))
        except ValueError:
            raise WireError(Refused.SHAPE) from None
        self._waiting.append(
            (whole(words, "rollout", 1), heard.box, outcome.value, str(words.get("words", ""))[:300], heard.received_ms)
        )

    def write(self, database: sqlite3.Connection) -> None:
        """Write them; the last word of a box counts, but good and bad ends are not taken back by an older word."""
        database.executemany(
            "INSERT INTO told VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET outcome = excluded.outcome,"
            " words = excluded.words, at_ms = excluded.at_ms WHERE excluded.outcome != 'accepted'",
            self._waiting,
        )
        self._waiting.clear()


def offers_due(database: sqlite3.Connection, told: dict[int, tuple[int, State]]) -> list[tuple[str, dict[str, Any]]]:
    """Carry every roll-out on, and what is to be published now: (topic, words). ``told`` remembers what was."""
    due = []
    for one in load_all(database):
        after = advance(one, outcomes(database, one.id))
        if after != one:
            save(database, after)
        before_wave, before_state = told.get(one.id, (-1, State.RUNNING))
        fresh = after.offered if after.state is State.STOPPED and before_state is State.RUNNING else ()
        if after.state is not State.STOPPED:
            fresh = tuple(box for group in after.groups[before_wave + 1 : after.wave + 1] for box in group)
        due += [(wire.topic_of(box, wire.OFFER), offer_words(after, box)) for box in fresh]
        told[one.id] = (after.wave, after.state)
    return due
