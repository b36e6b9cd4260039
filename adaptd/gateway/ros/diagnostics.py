"""A status document as one DiagnosticStatus a part: engine, heat, power, light, log. What is missing is STALE, never OK. Pure."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Level(IntEnum):
    """diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True, slots=True)
class Part:
    """One status: its name, level, a sentence, and values as text with the unit in the key."""

    name: str
    level: Level
    message: str
    values: tuple[tuple[str, str], ...]


def parts(document: dict[str, Any] | None, reason: str = "the daemon does not answer") -> list[Part]:
    """Every part of a status document; all of them STALE where there is none."""
    if document is None:
        return [Part(f"adaptd: {name}", Level.STALE, reason, ()) for name in ("engine", "heat", "power", "light", "log")]
    limits = document.get("limits") or {}
    return [
        _engine(document),
        _sensor(document, "heat", "temperature_mc", "temperature_c", limits.get("limit_mc"), limits.get("critical_mc")),
        _sensor(document, "power", "power_mw", "power_w", limits.get("budget_mw")),
        _sensor(document, "light", "light_mlx", "illuminance_lx"),
        _log(document),
    ]


def measured(document: dict[str, Any] | None, key: str) -> float | None:
    """A sensor's value in its unit (C, W, lx); None where it is missing."""
    reading = ((document or {}).get("sensors") or {}).get(key) or {}
    return reading["value"] / 1000 if "value" in reading else None


def _engine(document: dict[str, Any]) -> Part:
    point, state = document.get("operating_point") or {}, str(document.get("state"))
    level = Level.ERROR if state in ("fault", "stopped") else Level.WARN if state == "protect" else Level.OK
    if document.get("stalled"):
        level = Level.STALE
    values = (("engine", str(point.get("variant"))), ("rate_fps", str(point.get("fps"))), ("state", state))
    return Part("adaptd: engine", level, str(document.get("why", ""))[:300], values)


def _sensor(document: dict[str, Any], name: str, key: str, unit: str, warn: int | None = None, bad: int | None = None) -> Part:
    """A reading against its thresholds in thousandths of its unit."""
    reading = (document.get("sensors") or {}).get(key) or {"missing": "the daemon does not report it"}
    if "value" not in reading:
        return Part(f"adaptd: {name}", Level.STALE, f"no reading: {reading.get('missing', 'unknown')}", ())
    value, level = reading["value"], Level.OK
    if warn is not None and value > warn:
        level = Level.WARN
    if bad is not None and value > bad:
        level = Level.ERROR
    said = "(simulated) " if reading.get("simulated") else ""
    words = f"{said}{value / 1000:g}" + ("" if warn is None else f", limit {warn / 1000:g}")
    values = ((unit, f"{value / 1000:g}"), ("source", str(reading.get("source"))), ("age_ms", str(reading.get("age_ms"))))
    return Part(f"adaptd: {name}", level, words, values)


def _log(document: dict[str, Any]) -> Part:
    audit = document.get("audit") or {}
    level = Level.ERROR if audit.get("degraded") else Level.OK
    words = "records are not durable, the reference serves" if level is Level.ERROR else "every record is durable"
    return Part("adaptd: log", level, words, (("record", str(audit.get("seq"))), ("signed_to", str(audit.get("checkpoint_seq")))))
