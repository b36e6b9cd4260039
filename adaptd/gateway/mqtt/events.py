"""What happened between two status documents: swaps, changes of rate, refusals, faults. Pure."""

import re
from hashlib import sha256
from typing import Any, NamedTuple

from adaptd.gateway.mqtt.payloads import PROBLEM_CONDITIONS
from adaptd.gateway.mqtt.topics import Outgoing, Topics, short
from adaptd.gateway.summary import new_lines

SWAP, REFUSAL, FAULT = "swap", "refusal", "fault"
ENGINE_CHANGED = "engine_changed"
EVENT_TYPES = {SWAP: (ENGINE_CHANGED, "rate_changed"), REFUSAL: ("refused", "allowed"), FAULT: ("fault", "recovered")}
MAX_EVENTS = 20  # of one pair of documents


class Event(NamedTuple):
    """One event: its topic's name, its type (one of EVENT_TYPES), and what it says."""

    name: str
    type: str
    words: dict[str, Any]

    def message(self, topics: Topics) -> Outgoing:
        """Not retained: an event is not repeated to who comes later."""
        return topics.message(f"event/{self.name}", {"v": 1, "event_type": self.type, **self.words}, qos=1)


def events(before: dict[str, Any] | None, now: dict[str, Any]) -> list[Event]:
    """What changed from ``before`` to ``now``; nothing where there is no before."""
    if before is None:
        return []
    return [*_swaps(before, now), *_refusals(before, now), *_faults(before, now)][:MAX_EVENTS]


def _swaps(before: dict[str, Any], now: dict[str, Any]) -> list[Event]:
    then, real = before.get("operating_point") or {}, now.get("operating_point") or {}
    words = {
        "from_engine": then.get("variant"),
        "to_engine": real.get("variant"),
        "from_rate_fps": then.get("fps"),
        "to_rate_fps": real.get("fps"),
        "swaps": now.get("swaps"),
        "why": short(_cause(before, now)),
    }
    if then.get("variant") != real.get("variant"):
        return [Event(SWAP, ENGINE_CHANGED, words)]
    if _felt(then.get("fps"), real.get("fps")):
        return [Event(SWAP, "rate_changed", words)]
    return []


def _cause(before: dict[str, Any], now: dict[str, Any]) -> Any:
    """Why it is as it is now: the decision that asked for it, which is the one before where the worker has just followed."""
    return (before if before.get("asked") == now.get("operating_point") else now).get("why", "")


def _felt(then: Any, now: Any) -> bool:
    """A change of over a tenth of the rate before: smaller steps are how the rate is kept, and nobody's event."""
    if not isinstance(then, (int, float)) or not isinstance(now, (int, float)):
        return bool(then != now)
    return bool(abs(now - then) > 0.1 * abs(then))


def _refusals(before: dict[str, Any], now: dict[str, Any]) -> list[Event]:
    """A better point that is now refused, or no longer; where the daemon does not list them, its conditions."""
    if "refused" not in before or "refused" not in now:
        return _conditions(before, now)
    then, here = _points(before), _points(now)
    why = short(now.get("why", ""))
    found = [Event(REFUSAL, "refused", {**here[key], "why": why}) for key in here if key not in then]
    return found + [Event(REFUSAL, "allowed", {**then[key], "why": why}) for key in then if key not in here]


def _points(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Refused points by engine and condition; the rate moves by tenths and makes no other refusal."""
    return {
        (str(one.get("variant")), str(one.get("condition"))): {
            "condition": str(one.get("condition")),
            "engine": one.get("variant"),
            "rate_fps": one.get("fps"),
        }
        for one in document.get("refused") or ()
    }


def _conditions(before: dict[str, Any], now: dict[str, Any]) -> list[Event]:
    then, conditions = before.get("conditions") or {}, now.get("conditions") or {}
    why = short(now.get("why", ""))
    return [
        Event(REFUSAL, "allowed" if holds else "refused", {"condition": str(name), "why": why})
        for name, holds in conditions.items()
        if name not in PROBLEM_CONDITIONS and name in then and bool(then[name]) != bool(holds)
    ]


def _faults(before: dict[str, Any], now: dict[str, Any]) -> list[Event]:
    found = [
        Event(FAULT, "fault", {"text": short(words)})
        for words in new_lines(before.get("trouble") or (), now.get("trouble") or ())
    ]
    then, conditions = before.get("conditions") or {}, now.get("conditions") or {}
    for name in PROBLEM_CONDITIONS:
        if name in then and name in conditions and bool(then[name]) != bool(conditions[name]):
            kind = "recovered" if conditions[name] else "fault"
            found.append(Event(FAULT, kind, {"text": f"{name}: {'holds again' if conditions[name] else 'no longer holds'}"}))
    then_out, out = (set((one.get("engines") or {}).get("quarantined") or ()) for one in (before, now))
    found += [Event(FAULT, "fault", {"text": f"engine {name} is in quarantine"}) for name in sorted(map(str, out - then_out))]
    return found


def fault_key(box: str, text: str, utc_ms: int) -> str:
    """The key of a fault's alert: one a day for the same text, whatever numbers stand in it."""
    digest = sha256(re.sub(r"\d+", "#", text).encode()).hexdigest()[:16]
    return f"fault:{box}:{utc_ms // 86_400_000}:{digest}"
