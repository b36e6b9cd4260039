"""One batch of messages, all or nothing: judged, written in one transaction, and only then acknowledged by whoever calls.

A message that is no use is put aside with the reason; one that came before is known again. Nothing here speaks to a network.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adaptd.fleet import rows, store, wire
from adaptd.fleet.numbers import Place
from adaptd.fleet.rollout import Reports
from adaptd.fleet.rows import Hour
from adaptd.fleet.store import Box
from adaptd.fleet.twins import Twins
from adaptd.fleet.wire import Heard, Refused, WireError
from adaptd.fleet.witness import Said, first_view, take
from adaptd.log.format.keys import Signer
from adaptd.log.format.note import COSIGNATURE, Note, Signature, cosigned_message, key_id, signature_line

Verify = Callable[[Sequence[tuple[str, bytes, bytes]]], Callable[[], list[bool]]]
ALARMS = {Place.GAP: "gap", Place.TWIN: "twin", Place.OVERLAP: "overlap", Place.NEW_STREAM: "new stream"}
SEALED = (wire.SUMMARY, wire.ROLLOUT, wire.TWIN)
FACE = ("board", "model", "adaptd", "policy", "policy_sha256")


@dataclass(frozen=True, slots=True)
class Answer:
    """One message to publish, retained or not."""

    topic: str
    payload: bytes
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Begun:
    """A batch whose signatures are being checked: those of ``asked``, in the order of ``answers``."""

    messages: Sequence[Heard]
    asked: Sequence[Heard]
    answers: Callable[[], list[bool]]

    def good(self) -> set[int]:
        """The identities of the messages whose signature holds; waits for the answers."""
        return {id(one) for one, holds in zip(self.asked, self.answers(), strict=True) if holds}


@dataclass(slots=True)
class Counts:
    """What became of messages since the start."""

    taken: int = 0
    repeats: int = 0
    aside: int = 0
    checkpoints: int = 0
    alarms: int = 0


@dataclass(slots=True)
class _Batch:
    """What one transaction writes."""

    touched: dict[str, Box] = field(default_factory=dict)
    logs: set[str] = field(default_factory=set)
    inbox: list[tuple[str, int, str, str]] = field(default_factory=list)
    aside: list[tuple[str, str, bytes, int, str, str]] = field(default_factory=list)
    alarms: list[tuple[str, str, str, int]] = field(default_factory=list)
    freed: list[tuple[str, str]] = field(default_factory=list)
    filled: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)


class Desk:
    """Judges batches. ``signer`` is the witness's key; ``verify`` begins to answer many (topic, payload, public key)."""

    def __init__(self, database: sqlite3.Connection, signer: Signer, verify: Verify, reports: Reports | None = None) -> None:
        self._database, self._signer, self._verify = database, signer, verify
        self._taker: dict[str, Reports | Twins] = {wire.ROLLOUT: reports or Reports(database), wire.TWIN: Twins()}
        self._boxes: dict[str, Box] = {}
        self.counts = Counts()

    def begin(self, messages: Sequence[Heard]) -> Begun:
        """Have all signatures checked that are by keys known now; meanwhile another batch may be processed."""
        asked = [(one, key) for one in messages if one.name in SEALED and (key := self._key(one.box))]
        answers = self._verify([(one.topic, one.payload, key) for one, key in asked])
        return Begun(messages, [one for one, _ in asked], answers)

    def process(self, begun: Begun) -> list[Answer]:
        """Write everything that the messages say; when this returns it is durable and they may be acknowledged.

        Raises:
            StoreError: nothing was written, nothing may be acknowledged.
        """
        batch, good = _Batch(), begun.good()
        for heard in begun.messages:
            self._one(heard, batch, id(heard) in good)
            for kept in self._freed(batch):
                self._one(kept, batch, good=False)
        try:
            with store.change(self._database) as database:
                self._write(database, batch)
        except store.StoreError:
            self._boxes.clear()
            raise
        self.counts.taken += len(batch.inbox)
        self.counts.aside += len(batch.aside)
        self.counts.alarms += len(batch.alarms)
        return batch.answers

    def box(self, name: str) -> Box:
        if name not in self._boxes:
            self._boxes[name] = store.load_box(self._database, name)
        return self._boxes[name]

    def _key(self, box: str) -> bytes:
        log = self.box(box).log
        return wire.key_bytes(log.gateway_keys[-1]) if log is not None and log.gateway_keys else b""

    def _one(self, heard: Heard, batch: _Batch, good: bool) -> None:
        try:
            if heard.name == wire.SUMMARY:
                self._summary(heard, self._hour(heard, good), batch)
            elif heard.name == wire.CHECKPOINT:
                self._checkpoint(heard, wire.parse(heard), batch)
            else:
                words = wire.parse(heard)
                self._sealed(heard, good)
                self._taker[heard.name].take(heard, words)
        except WireError as error:
            self._put_aside(heard, error.why, batch)

    def _hour(self, heard: Heard, good: bool) -> Hour:
        """The hour, proven; what is wrong with it is said in this order: JSON, schema, box, signature, shape."""
        found = rows.hour_of(heard)
        if found is None:
            wire.parse(heard)
        self._sealed(heard, good)
        if found is None:
            raise WireError(Refused.SHAPE)
        return found

    def _sealed(self, heard: Heard, good: bool) -> None:
        """Raise WireError unless one of the box's keys signed it; ``good``: one is known to have."""
        if good:
            return
        log = self.box(heard.box).log
        if log is None or not log.gateway_keys:
            raise WireError(Refused.NOT_PROVEN)
        keys = [wire.key_bytes(key) for key in reversed(log.gateway_keys)]
        if not any(self._verify([(heard.topic, heard.payload, key)])()[0] for key in keys):
            raise WireError(Refused.SIGNATURE)

    def _summary(self, heard: Heard, hour: Hour, batch: _Batch) -> None:
        box, digest = self.box(heard.box), heard.digest[:16]
        stream, first, last = hour.stream, hour.first, hour.last
        place = box.numbers.place(stream, first, last, digest, heard.received_ms)
        if place is Place.WAIT:
            self._ask_again(box, heard, batch)
            return
        if place is Place.REPEAT:
            self.counts.repeats += 1
            return
        if place is Place.GAP and self._release(heard, batch):
            self._summary(heard, hour, batch)
            return
        if place in ALARMS:
            told = f"summaries {first} to {last} of stream {stream} after {box.numbers.last} of {box.numbers.stream}"
            batch.alarms.append((heard.box, ALARMS[place], told, heard.received_ms))
        if box.numbers.asked_ms:
            batch.filled.add(heard.box)
        if place in (Place.TWIN, Place.OVERLAP):
            batch.aside.append((heard.box, heard.name, heard.payload, heard.received_ms, place.value, heard.digest))
            return
        self._keep(heard, hour, digest, batch)

    def _keep(self, heard: Heard, hour: Hour, digest: str, batch: _Batch) -> None:
        """One hour for the lake."""
        day, clock = rows.day_and_clock(hour.from_utc_ms, heard.received_ms)
        if clock != "ok":
            batch.alarms.append((heard.box, "clock", f"the box's clock is {clock}", heard.received_ms))
        batch.inbox.append((day, heard.received_ms, clock, heard.payload.decode()))
        face = {name: hour.versions.get(name) for name in FACE} | {"heat_max_c": hour.heat.max_c}
        box = self.box(heard.box)
        numbers = box.numbers.after(hour.stream, hour.last, digest)
        box = Box(box.name, box.log, numbers, heard.received_ms, face)
        self._boxes[heard.box] = batch.touched[heard.box] = box

    def _checkpoint(self, heard: Heard, words: dict[str, Any], batch: _Batch) -> None:
        box = self.box(heard.box)
        log = box.log or first_view(heard.box, words, self._enrolled(heard.box))
        verdict = take(log, words)
        self._boxes[heard.box] = batch.touched[heard.box] = replace(box, log=verdict.view, heard_ms=heard.received_ms)
        batch.logs.add(heard.box)
        if verdict.said in (Said.ROLLBACK, Said.FORK):
            batch.alarms.append((heard.box, verdict.said.value, verdict.words, heard.received_ms))
        self.counts.checkpoints += verdict.said is Said.TAKEN
        if verdict.revealed:
            batch.freed.append((heard.box, Refused.NOT_PROVEN.name))
        answer = {"v": 1, "box": heard.box, "records": verdict.view.size, "key": bool(verdict.view.gateway_keys)}
        if verdict.said is Said.ELSEWHERE:
            answer["wanted"] = verdict.words
        if verdict.note is not None and not verdict.view.broken:
            answer["note"] = cosigned(verdict.note, self._signer, heard.received_ms // 1000)
        elif verdict.view.broken:
            answer["alarm"] = verdict.view.broken
        if verdict.said not in (Said.KNOWN, Said.KEYS):
            topic = wire.topic_of(heard.box, wire.WITNESS)
            batch.answers.append(Answer(topic, json.dumps(answer, ensure_ascii=False).encode()))

    def _enrolled(self, box: str) -> str | None:
        row = self._database.execute("SELECT log_pub FROM enrolled WHERE box = ?", (box,)).fetchone()
        return None if row is None else str(row[0])

    def _freed(self, batch: _Batch) -> list[Heard]:
        """What was kept until a log showed its gateway's key, now that it has."""
        found: list[Heard] = []
        for box, why in batch.freed:
            kept = self._database.execute(
                "SELECT name, payload, received_ms FROM aside WHERE box = ? AND why = ? ORDER BY id",
                (box, why),
            )
            found += [Heard(box, *one) for one in kept]
            for one in [one for one in batch.aside if one[0] == box and one[4] == why]:
                batch.aside.remove(one)
                found.append(Heard(*one[:4]))
        batch.freed.clear()
        return found

    def _ask_again(self, box: Box, heard: Heard, batch: _Batch) -> None:
        """Hours are missing before this one. A broker that was killed forgets what it had acknowledged; the box has not."""
        self._put_aside(heard, Refused.WAITS, batch)
        if not box.numbers.asked_ms:
            box = replace(box, numbers=replace(box.numbers, asked_ms=heard.received_ms), heard_ms=heard.received_ms)
            self._boxes[heard.box] = batch.touched[heard.box] = box
        words = {"v": 1, "box": box.name, "stream": box.numbers.stream, "hours": box.numbers.last}
        topic = wire.topic_of(box.name, wire.WITNESS)
        batch.answers.append(Answer(topic, json.dumps(words).encode(), retain=False))

    def _release(self, heard: Heard, batch: _Batch) -> bool:
        """The missing hours did not come: what waited behind them is taken first. True where something waited."""
        batch.freed.append((heard.box, Refused.WAITS.name))
        waited = [one for one in self._freed(batch) if one.digest != heard.digest]
        box = self.box(heard.box)
        batch.filled.add(heard.box)
        for one in waited:
            hour, before = rows.hour(one.payload), self.box(heard.box).numbers.last
            if hour.first <= before:
                continue
            told = f"summaries {hour.first} to {hour.last} of stream {hour.stream} after {before}"
            if hour.first != before + 1:
                batch.alarms.append((heard.box, "gap", told, heard.received_ms))
            self._keep(one, hour, one.digest[:16], batch)
        return self.box(heard.box) is not box

    def _put_aside(self, heard: Heard, why: Refused, batch: _Batch) -> None:
        batch.aside.append((heard.box, heard.name, heard.payload, heard.received_ms, why.name, heard.digest))
        if why not in (Refused.NOT_PROVEN, Refused.WAITS):
            batch.alarms.append((heard.box, "refused", f"{heard.name}: {why.value}", heard.received_ms))

    def _write(self, database: sqlite3.Connection, batch: _Batch) -> None:
        proven = [(name,) for name in batch.logs if (log := batch.touched[name].log) is not None and log.gateway_keys]
        database.executemany(f"DELETE FROM aside WHERE box = ? AND why = '{Refused.NOT_PROVEN.name}'", proven)  # noqa: S608
        filled = [(name, Refused.WAITS.name) for name in batch.filled]
        database.executemany("DELETE FROM aside WHERE box = ? AND why = ?", filled)
        store.save_boxes(database, batch.touched.values())
        store.save_logs(database, [batch.touched[name] for name in batch.logs])
        database.executemany("INSERT INTO inbox (dt, received_ms, clock, body) VALUES (?, ?, ?, ?)", batch.inbox)
        database.executemany(
            "INSERT OR IGNORE INTO aside (box, name, payload, received_ms, why, digest) VALUES (?, ?, ?, ?, ?, ?)", batch.aside
        )
        for box in {one[0] for one in batch.aside}:
            database.execute(
                "DELETE FROM aside WHERE box = ?1 AND id <="
                " (SELECT id FROM aside WHERE box = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                (box, store.MAX_ASIDE),
            )
        for alarm in batch.alarms:
            store.raise_alarm(database, *alarm)
        for taker in self._taker.values():
            taker.write(database)


def cosigned(note: Note, signer: Signer, time_s: int) -> str:
    """The checkpoint with its own signatures and the witness's, C2SP cosignature/v1."""
    mine = time_s.to_bytes(8, "big") + signer.sign_bytes(cosigned_message(note.body, time_s))
    lines = [signature_line(one) for one in note.signatures]
    lines.append(signature_line(Signature(signer.name, key_id(signer.name, COSIGNATURE, signer.public), mine)))
    return f"{note.body}\n{''.join(lines)}"
