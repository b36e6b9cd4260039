"""Wrongs planted among honest boxes, in every kind of message that a box sends: what a server finds, and what it makes up.

Honest boxes restart, repeat, merge hours, send their twin anew and report on roll-outs of policies and packs. Of the planted ones
some have a forked or rolled-back log or a hole in their hours, and their twins and reports go on as if nothing were wrong; others
speak with a stranger's key, of tomorrow, in a later schema, or in another box's name.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adaptd.fleet import rollout, store, wire
from adaptd.fleet.desk import Desk
from adaptd.fleet.serve import load_signer
from adaptd.fleet.softbox import HOUR_MS, Message, SoftBox
from adaptd.fleet.twins import TEXTS
from adaptd.fleet.verify import check_now
from adaptd.fleet.wire import Heard
from tests.fleet.test_tune import written
from tests.fleet.test_witness import twin_of

START_MS = 1_795_910_400_000
DAY_MS = 24 * HOUR_MS
LOG_WRONGS = ("fork", "rollback", "gap")
MESSAGE_WRONGS = (
    "a stranger's twin", "a twin of tomorrow", "a twin of a later schema",
    "a stranger's report", "a report in another box's name", "a report of a later schema",
)  # fmt: skip
Hear = Callable[..., None]


class Speech:
    """What boxes say of their twins and of roll-outs."""

    def __init__(self, folder: Path) -> None:
        self._twin = json.loads((written(folder, 1.4, "fanless-box") / "twin.json").read_text())

    def twin(self, box: SoftBox, /, made_ms: int = START_MS, **changes: Any) -> Message:
        """A box's twin, fitted at ``made_ms``."""
        words = {"v": 1, "box": box.name, "utc_ms": made_ms, "twin": self._twin, **dict.fromkeys(TEXTS, "-")}
        return box.sealed(wire.TWIN, words | changes)

    def report(self, box: SoftBox, /, outcome: str, number: int = 2, **changes: Any) -> Message:
        """What became of a policy (1) or a pack (2) on a box."""
        return box.sealed(wire.ROLLOUT, {"v": 1, "box": box.name, "rollout": number, "outcome": outcome, "words": "-"} | changes)

    def all_well(self, box: SoftBox, made_ms: int) -> list[Message]:
        """A new twin, and a pack that is taken and found good."""
        return [self.twin(box, made_ms), self.report(box, "accepted"), self.report(box, "good")]


def alarms(folder: Path, planted: int, honest: int) -> dict[str, Any]:
    """Plant ``planted`` wrongs in logs and hours and half as many in other messages; what was found, missed and made up."""
    database = store.connect(folder / "lake")
    desk, draw, speech = Desk(database, load_signer(folder / "lake"), check_now), random.Random(17), Speech(folder / "twin")

    def hear(*messages: Message, later_ms: int = 0) -> None:
        now_ms = START_MS + 100 * HOUR_MS + later_ms
        desk.process(desk.begin([Heard(*topic.split("/")[2:], payload, now_ms) for topic, payload in messages]))

    kinds = [LOG_WRONGS[at % 3] for at in range(planted)] + [MESSAGE_WRONGS[at % 6] for at in range(planted // 2)]
    draw.shuffle(kinds)
    guilty: dict[str, str] = {}
    every = honest // len(kinds)
    for number in range(honest + len(kinds)):
        box = SoftBox()
        _honestly(box, hear, speech, draw)
        if number % (every + 1) == 0 and kinds:
            guilty[box.name] = kinds.pop()
            _plant(guilty[box.name], box, hear, speech, draw)
    return _judged(database, guilty, honest)


def _honestly(box: SoftBox, hear: Hear, speech: Speech, draw: random.Random) -> None:
    """Some hours of a box that restarts, repeats itself, merges hours, is fitted twice and takes a policy and a pack."""
    first = [box.checkpoint(), box.hour(), speech.twin(box), speech.report(box, "accepted", 1), speech.report(box, "good", 1)]
    for _ in range(draw.randint(0, 6)):
        box.record("decision")
    if draw.random() < 0.5:
        box.hand_over()
    second = [box.hour(), box.checkpoint(), *speech.all_well(box, START_MS + DAY_MS), box.hour()]
    merged = box.summary()
    merged.update(last=merged["last"] + 1, merged=2)
    box.number += 1
    again = [*first[draw.randint(0, 4) :], *second, *second[draw.randint(0, 5) :]]
    hear(*first, *again, box.sealed(wire.SUMMARY, merged))


def _plant(kind: str, box: SoftBox, hear: Hear, speech: Speech, draw: random.Random) -> None:
    """One wrong; twins and reports of the box go on."""
    if kind == "gap":
        for _ in range(draw.randint(1, 5)):
            box.hour()
        hear(box.hour(), *speech.all_well(box, START_MS + 2 * DAY_MS))
        hear(box.hour(), later_ms=HOUR_MS)
    elif kind in LOG_WRONGS:
        _put_back(kind, box, hear, speech, draw)
    else:
        hear(_wrong_message(kind, box, speech), *speech.all_well(box, START_MS + 2 * DAY_MS))


def _put_back(kind: str, box: SoftBox, hear: Hear, speech: Speech, draw: random.Random) -> None:
    """The box's disk is put back to an older copy, which goes on from there: under the same keys, twins and reports too."""
    old = twin_of(box)
    for _ in range(draw.randint(3, 20)):
        box.record("decision")
    hear(box.checkpoint(), *speech.all_well(box, START_MS + 2 * DAY_MS))
    size = len(box.leaves) - 1
    while kind == "fork" and len(old.leaves) < size + draw.randint(0, 9):
        old.record("forged")
    if kind == "rollback" and draw.random() < 0.5:
        old.hand_over()
    past = kind == "fork" and len(old.leaves) > size
    hear(*speech.all_well(old, START_MS + 3 * DAY_MS), old.checkpoint(size if past else None))


def _wrong_message(kind: str, box: SoftBox, speech: Speech) -> Message:
    """A twin or a report that must not count."""
    stranger = SoftBox(root=box.root)  # the same name, a gateway's key that is on no record
    later_ms = START_MS + 2 * DAY_MS
    return {
        "a stranger's twin": lambda: speech.twin(stranger, later_ms),
        "a twin of tomorrow": lambda: speech.twin(box, START_MS + 30 * DAY_MS),
        "a twin of a later schema": lambda: speech.twin(box, later_ms, v=2),
        "a stranger's report": lambda: speech.report(stranger, "back"),
        "a report in another box's name": lambda: speech.report(box, "back", box="0" * 12),
        "a report of a later schema": lambda: speech.report(box, "back", v=2),
    }[kind]()


def _judged(database: Any, guilty: dict[str, str], honest: int) -> dict[str, Any]:
    found: dict[str, list[tuple[str, str]]] = {}
    for box, kind, words, *_ in store.alarms(database):
        found.setdefault(box, []).append((kind, words))
    missed = [f"{kind}: {found.get(box)}" for box, kind in guilty.items() if not _named(kind, found.get(box, ()))]
    broken = {box for box, kind in guilty.items() if kind in ("fork", "rollback")}
    pack = rollout.PackAt("0" * 64, 1)
    offered = rollout.begin(database, rollout.Rollout("pack", pack=pack), "", START_MS).groups
    backs = database.execute("SELECT count(*) FROM told WHERE outcome = 'back'").fetchone()[0]
    ahead = database.execute("SELECT count(*) FROM twin WHERE made_ms > ?", (START_MS + 3 * DAY_MS,)).fetchone()[0]
    return {
        "planted": len(guilty),
        "found": len(guilty) - len(missed),
        "honest": honest,
        "false": len(set(found) - set(guilty)),
        "kinds": Counter(guilty.values()),
        "missed": missed,
        "wrong_reports_that_count": backs,
        "wrong_twins_that_count": ahead,
        "packs_offered_to_forked_boxes": len(broken & {box for group in offered for box in group}),
    }


def _named(kind: str, said: Sequence[tuple[str, str]]) -> bool:
    """Whether one of the alarms names what was planted. A log put back is a rollback or a fork, as far as it has grown."""
    kinds = {one for one, _ in said}
    if kind in ("fork", "rollback"):
        return bool(kinds & {"fork", "rollback"})
    if kind == "gap":
        return "gap" in kinds
    about = f"{wire.TWIN}: " if "twin" in kind else f"{wire.ROLLOUT}: "
    return any(one == "refused" and words.startswith(about) for one, words in said)
