"""adaptd's status document in the words of VDA 5050 2.0 (VDA/VDMA, interface between AGV and master control). Pure.

``information``: engine and rate, light, the loss account, how long the battery lasts. ``errors``: what somebody should look at,
always WARNING: a box that inspects cannot stop a vehicle, and FATAL would say that it does not run. ``batteryState``: the battery
that adaptd plans with. What is not known is left out; no number stands for it. The standard wants a battery in every ``state``
message, so without one there is none (``state`` gives None), and the rest is said on a topic of its own.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from adaptd.gateway.mqtt.payloads import PROBLEM_CONDITIONS, account_words
from adaptd.gateway.mqtt.topics import short

VERSION = "2.0.0"
ONLINE, OFFLINE, BROKEN = "ONLINE", "OFFLINE", "CONNECTIONBROKEN"
MOST_ERRORS = 20
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,80}")


@dataclass(frozen=True, slots=True)
class Vehicle:
    """Who speaks, as the standard's topics and headers name it."""

    manufacturer: str
    serial: str

    def topic(self, name: str) -> str:
        """``uagv/v2/MANUFACTURER/SERIAL/name``."""
        return f"uagv/v2/{self.manufacturer}/{self.serial}/{name}"


def vehicle_of(text: str) -> Vehicle:
    """Read ``MANUFACTURER/SERIAL``.

    Raises:
        ValueError: a name would not do in a topic; one line.
    """
    manufacturer, _, serial = text.partition("/")
    if not (_NAME.fullmatch(manufacturer) and _NAME.fullmatch(serial)):
        raise ValueError(f"--vda5050: {text[:80]!r} names no vehicle, give MANUFACTURER/SERIAL of letters, digits and _ . : -")
    return Vehicle(manufacturer, serial)


def header(vehicle: Vehicle, number: int, utc_ms: int) -> dict[str, Any]:
    """What every message begins with. ``number`` counts the messages of one topic."""
    at = datetime.fromtimestamp(utc_ms / 1000, tz=timezone.utc)
    return {
        "headerId": number & 0xFFFFFFFF,
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{utc_ms % 1000:03d}Z",
        "version": VERSION,
        "manufacturer": vehicle.manufacturer,
        "serialNumber": vehicle.serial,
    }


def parts(document: dict[str, Any] | None, words: str = "") -> dict[str, Any]:
    """``information``, ``errors`` and, where a battery is known, ``batteryState``. None: no daemon answers, ``words`` say why."""
    if document is None:
        return {"information": [], "errors": [_error("adaptd.unreachable", words or "the daemon does not answer")]}
    battery = battery_state(document)
    found: dict[str, Any] = {"information": information(document), "errors": errors(document)}
    return found if battery is None else {**found, "batteryState": battery}


def state(vehicle: Vehicle, number: int, utc_ms: int, found: dict[str, Any]) -> dict[str, Any] | None:
    """A whole ``state`` message of a unit that drives nowhere and has no order; None where no battery is known."""
    if "batteryState" not in found:
        return None
    return {
        **header(vehicle, number, utc_ms),
        "orderId": "",
        "orderUpdateId": 0,
        "lastNodeId": "",
        "lastNodeSequenceId": 0,
        "driving": False,
        "operatingMode": "AUTOMATIC",
        "nodeStates": [],
        "edgeStates": [],
        "actionStates": [],
        "safetyState": {"eStop": "NONE", "fieldViolation": False},
        **found,
    }


def connection(vehicle: Vehicle, number: int, utc_ms: int, how: str) -> dict[str, Any]:
    """A ``connection`` message, retained by the broker; BROKEN is the last will."""
    return {**header(vehicle, number, utc_ms), "connectionState": how}


def information(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What is so, most important first."""
    point = document.get("operating_point") or {}
    engine = {"engine": point.get("variant"), "rate_fps": point.get("fps"), "state": document.get("state")}
    found = [_info("adaptd.engine", str(document.get("why") or ""), engine)]
    if document.get("band"):
        found.append(_info("adaptd.light", f"{document['band']} light", {"band": document["band"]}))
    endurance = document.get("endurance") or {}
    if "hours_left" in endurance:
        lasting = {"hours_left": endurance["hours_left"], "reachable": endurance.get("reachable")}
        found.append(_info("adaptd.endurance", str(endurance.get("words", "")), lasting))
    for band, row in account_words(document).items():
        words = {"band": band, **{name: row.get(name) for name in ("bound_ppm", "limit_ppm", "objects_missed", "objects_added")}}
        found.append(_info("adaptd.account", str(row.get("words", "")), words, level="DEBUG"))
    return found


def errors(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What somebody should look at."""
    conditions = document.get("conditions") or {}
    found = [
        _error(f"adaptd.{name}", f"{name.replace('_', ' ')} no longer holds")
        for name in PROBLEM_CONDITIONS
        if conditions.get(name) is False
    ]
    found += [_error("adaptd.fault", str(line)) for line in document.get("trouble") or ()]
    quarantined = (document.get("engines") or {}).get("quarantined") or ()
    found += [_error("adaptd.engine", f"engine {name} is in quarantine", {"engine": name}) for name in quarantined]
    endurance = document.get("endurance") or {}
    if "missing" in endurance:
        found.append(_error("adaptd.battery", f"nobody knows how long the battery lasts: {endurance['missing']}"))
    elif endurance.get("reachable") is False and not endurance.get("fed"):
        found.append(_error("adaptd.endurance", str(endurance.get("words", "the goal cannot be reached"))))
    return found[:MOST_ERRORS]


def battery_state(document: dict[str, Any]) -> dict[str, Any] | None:
    """Charge in percent and whether something feeds the board; None where nobody knows."""
    endurance = document.get("endurance") or {}
    charge = endurance.get("charge_pct")
    if not isinstance(charge, (int, float)) or isinstance(charge, bool):
        return None
    return {"batteryCharge": float(charge), "charging": bool(endurance.get("fed"))}


def _info(kind: str, text: str, words: dict[str, Any], level: str = "INFO") -> dict[str, Any]:
    return {"infoType": kind, "infoLevel": level, "infoDescription": short(text), "infoReferences": _references(words)}


def _error(kind: str, text: str, words: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "errorType": kind,
        "errorLevel": "WARNING",
        "errorDescription": short(text),
        "errorReferences": _references(words or {}),
    }


def _references(words: dict[str, Any]) -> list[dict[str, str]]:
    """Keys and values as the standard has them, both text; what is not known is left out."""
    return [{"referenceKey": name, "referenceValue": str(value)} for name, value in words.items() if value is not None]
