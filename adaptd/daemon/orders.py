"""What the owner asked for from outside: hold the reference for a while, or stay below a budget. They only ever restrict, but
for the battery's goal, which moves energy between hours and touches no limit.

An order changes what the decision is told, never the decision: while the reference is held the efficient variants count as set
aside, and a budget counts where it is lower than the one that holds anyway. So the snapshot on record has it, and a replay
of the log comes to the same decisions. Who asked, why and for how long is a record of its own. A restart lifts every order.
"""

import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from adaptd.daemon.endurance import Mission, is_number
from adaptd.serve.api import Change
from adaptd.vocabulary import Snapshot

VERBS = ("/v1/hold", "/v1/budget", "/v1/endurance", "/v1/gateway_key", "/v1/restart")
AGAIN = 75  # exit code of a run that is to begin anew (EX_TEMPFAIL)
PUBLIC_KEY_CHARACTERS = 44  # 32 bytes in base64
LONGEST_MINUTES = 1440
MAX_WORDS = 200
Note = Callable[[str, dict[str, Any]], object]


class Orders:
    """The orders that hold now. ``note`` puts each on record."""

    def __init__(self, note: Note) -> None:
        self._tell: Note = note
        self._ids: dict[str, Any] = {}
        self._held_until_us = 0
        self._budget_mw: int | None = None
        self._hold: dict[str, Any] = {}
        self._budget: dict[str, Any] = {}
        self.mission = Mission()
        self.again = False  # a restart was asked for: the run ends, and whoever started it begins anew

    def take(self, change: Change, now_us: int) -> str:
        """Heed one request; why not, empty when it is heeded."""
        reason = change.body.get("reason")
        if not isinstance(reason, str) or not reason.strip() or len(reason) > MAX_WORDS:
            return f"reason: say why, in 1 to {MAX_WORDS} characters"
        asked = {"by": asked_by(change), "reason": reason}
        self._ids = ids(change)
        if change.verb == "/v1/gateway_key":
            return self._take_key(change.body.get("public"), asked)
        if change.verb == "/v1/hold":
            return self._take_hold(change.body.get("minutes"), asked, now_us)
        if change.verb == "/v1/budget":
            return self._take_budget(change.body.get("watts"), asked)
        if change.verb == "/v1/restart":
            self._note("order", {"order": "restart", **asked})
            self.again = True
            return ""
        return self.mission.take(change.body, asked, now_us, self._note)

    def on(self, snapshot: Snapshot, efficient: tuple[str, ...]) -> Snapshot:
        """The snapshot with the orders in it; the battery's goal comes from ``mission``."""
        if self._hold and snapshot.now_us >= self._held_until_us:
            self._note("order", {"order": "hold_over", **self._hold})
            self._hold = {}
        if self._hold:
            aside = dict.fromkeys((*snapshot.worker.quarantined, *efficient))
            snapshot = replace(snapshot, worker=replace(snapshot.worker, quarantined=tuple(aside)))
        if self._budget_mw is None:
            return snapshot
        if snapshot.budget_mw is not None and snapshot.budget_mw <= self._budget_mw:
            return snapshot
        return replace(snapshot, budget_mw=self._budget_mw, budget_by=self._budget["by"])

    def _note(self, kind: str, fields: dict[str, Any]) -> None:
        """A record of an order, with who asked as the kernel tells it."""
        self._tell(kind, {**fields, **({} if fields["order"] == "hold_over" else self._ids)})

    def done(self, change: Change) -> str:
        """What holds now that the order was heeded, in one line."""
        minutes, watts, hours = (change.body.get(name) for name in ("minutes", "watts", "hours"))
        if change.verb == "/v1/hold":
            return f"the reference alone serves for {minutes} min" if minutes else "the hold is over"
        if change.verb == "/v1/budget":
            return f"the power budget is {watts:g} W at most" if watts else "the policy's power budget holds again"
        if change.verb == "/v1/endurance":
            until = change.body.get("until")
            goal = f"until {until}" if until is not None else f"{hours:g} h"
            return f"the battery is to last {goal}" if until is not None or hours else "the policy's battery goal holds again"
        return "the key is on record" if change.verb == "/v1/gateway_key" else "adaptd ends and begins anew"

    def words(self, now_us: int) -> dict[str, Any]:
        """For the status document: the orders that hold; empty where none does."""
        found: dict[str, Any] = {}
        if self._hold:
            found["hold"] = {**self._hold, "left_s": max(0, (self._held_until_us - now_us) // 1_000_000)}
        if self._budget_mw is not None:
            found["budget"] = {**self._budget, "budget_mw": self._budget_mw}
        if self.mission.order:
            found["endurance"] = self.mission.order
        return found

    def _take_hold(self, minutes: object, asked: dict[str, Any], now_us: int) -> str:
        if type(minutes) is not int or not 0 <= minutes <= LONGEST_MINUTES:
            return f"minutes: give a whole number from 1 to {LONGEST_MINUTES}, or 0 to end the hold"
        self._held_until_us, self._hold = now_us + minutes * 60_000_000, asked if minutes else {}
        self._note("order", {"order": "hold", "minutes": minutes, **asked})
        return ""

    def _take_key(self, public: object, asked: dict[str, Any]) -> str:
        """Nothing changes; the record says which key the gateway signs with, and the log's key vouches for the record."""
        text = public if isinstance(public, str) else ""
        if len(text) != PUBLIC_KEY_CHARACTERS or not text.isascii() or not text.isprintable():
            return f"public: give an Ed25519 public key in base64, {PUBLIC_KEY_CHARACTERS} characters"
        self._note("order", {"order": "gateway_key", "public": text, **asked})
        return ""

    def _take_budget(self, watts: object, asked: dict[str, Any]) -> str:
        if not is_number(watts, 0, 10_000):
            return "watts: give a number from 0.1 to 10000, or 0 to go back to the policy's budget"
        self._budget_mw, self._budget = round(1000 * watts) or None, asked
        self._note("order", {"order": "budget", "budget_mw": self._budget_mw or 0, **asked})
        return ""


def asked_by(change: Change) -> str:
    """Who asked: the name that a gateway gives, and always the user id that the kernel reports, with its process and unit."""
    name = change.body.get("by")
    named = name[:64] if isinstance(name, str) and name.isprintable() else ""
    pid = f", pid {change.pid}" if change.pid else ""
    kernel = f"uid {change.uid}{pid}{f', unit {change.unit}' if change.unit else ''}"
    return f"{named} ({kernel})" if named else kernel


def ids(change: Change) -> dict[str, Any]:
    """The same as data for the record: ``uid`` always, ``pid`` and ``unit`` where the kernel named them."""
    known = {"pid": change.pid, "unit": change.unit}
    return {"uid": change.uid, **{name: value for name, value in known.items() if value}}


@dataclass(slots=True)
class Asked:
    """What signals ask for, as plain flags: a handler runs between two steps of the loop's own thread and must wait for no lock.

    SIGTERM and SIGINT stop, SIGHUP reloads the policy, SIGUSR1 shows the state.
    """

    stop: bool = False
    reload: bool = False
    dump: bool = False

    def install(self) -> None:
        """Be told from now on."""

        def flag(number: int, frame: object) -> None:
            del frame
            self.stop |= number in (signal.SIGTERM, signal.SIGINT)
            self.reload |= number == signal.SIGHUP
            self.dump |= number == signal.SIGUSR1

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, flag)
