"""What others may ask of the controller while it runs: a power budget, and to hold the reference for a while.

A robot's power manager, a supply that sags, a person who wants to look: each order names who gave it (the uid of the socket's
peer), ends by itself, and is on record. What is refused changes nothing.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any

VERBS = ("/v1/budget", "/v1/hold")
MOST_W, LEAST_W = 10_000.0, 0.001
LONGEST_S = 86_400.0
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Order:
    """One order that holds until ``until_us`` (None: until the next one): milliwatts, or 1 for a held reference."""

    value: int
    until_us: int | None
    who: str


class Orders:
    """The orders that hold now. The clock is handed in."""

    def __init__(self) -> None:
        self._budget: Order | None = None
        self._hold: Order | None = None

    def take_budget(self, body: dict[str, Any], uid: int, now_us: int) -> str:
        """``{budget_w, for_s?}``: the budget from now on; ``budget_w: null`` gives the policy's back. Why refused, or empty."""
        if set(body) - {"budget_w", "for_s", "reason"} or "budget_w" not in body:
            return "a budget is {budget_w, for_s, reason}, the last two may be left out, budget_w: null gives the policy's back"
        watts, until_us = body["budget_w"], _until(body.get("for_s"), now_us)
        if watts is None:
            self._budget = None
            return ""
        if not _number(watts) or not LEAST_W <= watts <= MOST_W:
            return f"budget_w is {watts!r}, a number of watts above 0 and up to {MOST_W:g} is needed"
        if until_us == 0:
            return f"for_s is {body['for_s']!r}, a number of seconds above 0 and up to {LONGEST_S:g} is needed"
        if fault := _reason_fault(body, needed=False):
            return fault
        self._budget = Order(round(watts * 1000), until_us, f"uid {uid}")
        return ""

    def take_hold(self, body: dict[str, Any], uid: int, now_us: int) -> str:
        """``{minutes, reason}``: the reference serves for so long; ``minutes: 0`` ends it. Why refused, or empty."""
        if set(body) - {"minutes", "reason"} or "minutes" not in body:
            return "a hold is {minutes, reason}, minutes: 0 ends it"
        minutes = body["minutes"]
        if not _number(minutes) or not 0 <= minutes <= LONGEST_S / 60:
            return f"minutes is {minutes!r}, a number from 0 to {LONGEST_S / 60:g} is needed"
        if minutes and (fault := _reason_fault(body, needed=True)):
            return fault
        self._hold = Order(1, now_us + round(minutes * 60e6), f"uid {uid}") if minutes else None
        return ""

    def heed(self, verb: str, body: dict[str, Any], uid: int, now_us: int) -> tuple[str, dict[str, Any]]:
        """Take an order or refuse it: one line for people, and the fields of its record."""
        take = self.take_budget if verb == "/v1/budget" else self.take_hold
        refused = take(body, uid, now_us)
        asked = {str(name)[:40]: str(value)[:LONGEST_REASON] for name, value in sorted(body.items())[:4]}
        words = f"{verb} from uid {uid} {f'refused: {refused}' if refused else 'taken'}"
        return words, {"verb": verb, "uid": uid, "refused": refused, "asked": asked}

    def budget_mw(self, now_us: int, other_mw: int | None = None) -> int | None:
        """The budget that was asked for and still holds, or another one from outside where that is stricter."""
        self._budget = _still(self._budget, now_us)
        asked_mw = None if self._budget is None else self._budget.value
        return min((mw for mw in (other_mw, asked_mw) if mw is not None), default=None)

    def held(self, now_us: int) -> bool:
        """Whether the reference is to serve."""
        self._hold = _still(self._hold, now_us)
        return self._hold is not None

    def words(self, now_us: int) -> dict[str, Any]:
        """What holds now, for status."""
        found: dict[str, Any] = {}
        for name, order in (("budget", _still(self._budget, now_us)), ("hold", _still(self._hold, now_us))):
            if order is not None:
                left = None if order.until_us is None else (order.until_us - now_us) // 1_000_000
                found[name] = {"by": order.who, "left_s": left, **({"budget_mw": order.value} if name == "budget" else {})}
        return found


def _still(order: Order | None, now_us: int) -> Order | None:
    return None if order is None or (order.until_us is not None and now_us >= order.until_us) else order


def _until(seconds: Any, now_us: int) -> int | None:
    """When an order ends; None for never, 0 where the number is none."""
    if seconds is None:
        return None
    return now_us + round(seconds * 1e6) if _number(seconds) and 0 < seconds <= LONGEST_S else 0


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def _reason_fault(body: dict[str, Any], *, needed: bool) -> str:
    reason = body.get("reason", "")
    if not isinstance(reason, str) or len(reason) > LONGEST_REASON or (needed and not reason.strip()):
        return f"reason is needed, text of 1 to {LONGEST_REASON} characters" if needed else "reason is no text, write a short one"
    return ""
