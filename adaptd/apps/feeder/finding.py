"""What the monitor has to say, whether it is said aloud, and what it rests on."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from adaptd.apps.feeder.store import Store


class Rule(Enum):
    DROP = "drop"
    REFUSAL = "refusal"
    WATCH = "watch"
    SCENE = "scene"


class Verdict(Enum):
    """What is done with it."""

    ALERT = "alert"  # sent, never held back
    CANNOT_TELL = "cannot tell"  # sent as a notice: something else may explain it
    WITHHELD = "withheld"  # shown, not sent: it rests on an engine whose accuracy was not proven
    WATCH = "watch"  # shown, not sent
    NOTICE = "notice"  # sent: the camera needs a look, not the pet


KINDS = {Verdict.ALERT: "clinical", Verdict.CANNOT_TELL: "notice", Verdict.NOTICE: "notice"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say; the same event always has the same key."""

    key: str
    rule: Rule
    pet: str
    verdict: Verdict
    text: str
    rests_on: dict[str, Any] = field(default_factory=dict)


Leave = Callable[[str, str, str, dict[str, Any]], None]  # key, kind, text, rests_on: raises OSError where it cannot


def note_down(store: Store, findings: Sequence[Finding], now_us: int) -> list[Finding]:
    """Write new findings down; returns those. One that is there already is left as it was first said."""
    fresh = []
    for one in findings:
        row = (one.key, now_us, one.rule.value, one.pet, one.verdict.value, one.text, json.dumps(one.rests_on, sort_keys=True))
        done = store.base.execute("INSERT OR IGNORE INTO alerts VALUES(?,?,?,?,?,?,?,?)", (*row, int(one.verdict not in KINDS)))
        if done.rowcount:
            fresh.append(one)
    return fresh


def leave_waiting(store: Store, leave: Leave) -> int:
    """Hand on what is not yet handed on, oldest first; returns how many. What fails waits for the next time.

    Handed on before it is ticked off: a crash in between leaves it twice, under one key, and the gateway delivers it once.
    """
    rows = store.base.execute('SELECT key, verdict, text, rests_on FROM alerts WHERE "left" = 0 ORDER BY made_us').fetchall()
    for key, verdict, text, rests_on in rows:
        leave(key, KINDS[Verdict(verdict)], text, json.loads(rests_on))
        store.base.execute('UPDATE alerts SET "left" = 1 WHERE key = ?', (key,))
    return len(rows)


def read_findings(store: Store, limit: int = 50) -> list[tuple[int, Finding]]:
    """The last findings with the time they were made, UTC microseconds; newest first."""
    rows = store.base.execute(
        "SELECT made_us, key, rule, pet, verdict, text, rests_on FROM alerts ORDER BY made_us DESC, key LIMIT ?", (limit,)
    )
    return [
        (int(made_us), Finding(key, Rule(rule), pet, Verdict(verdict), text, json.loads(rests_on)))
        for made_us, key, rule, pet, verdict, text, rests_on in rows
    ]
