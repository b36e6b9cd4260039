"""From a status document to what is published: one JSON object a topic, units in the keys, absence as null with a reason. Pure.

Readings are not retained: a broker that repeats an old value after a restart would make a dead sensor look alive.
"""

import re
from typing import Any

from adaptd.gateway.mqtt.topics import OFFLINE, ONLINE, Outgoing, Topics, short

PROBLEM_MODES = ("fault", "stopped", "protect")
PROBLEM_CONDITIONS = ("no_fault", "worker_alive", "log_ok")
MAX_CELLS, MOST_WITH_WORDS = 128, 16  # bands of the account, times cameras; more of them leave out the words of each
MAX_CAMERAS = 16

_CAMERA = re.compile(r"[A-Za-z0-9_-]{1,32}")
# topic, key in status, key in the payload, units of status in one of the payload
SENSORS = (
    ("temperature", "temperature_mc", "temperature_c", 1000),
    ("power", "power_mw", "power_w", 1000),
    ("light", "light_mlx", "illuminance_lx", 1000),
)


def available(topics: Topics, *, here: bool) -> Outgoing:
    """The gateway is here, or is leaving; the last will is the second."""
    return Outgoing(topics.available, (ONLINE if here else OFFLINE).encode(), retain=True, qos=1)


def daemon(topics: Topics, *, answers: bool) -> Outgoing:
    """Whether the daemon behind the gateway answers."""
    return Outgoing(topics.daemon, (ONLINE if answers else OFFLINE).encode(), retain=True, qos=1)


def readings(topics: Topics, document: dict[str, Any], energy: dict[str, Any]) -> list[Outgoing]:
    """Everything of one status document. ``energy`` is ``{"energy_wh": number or None, "measured_s": seconds}``."""
    sensors = document.get("sensors") or {}
    found = [topics.message("state", state_words(document))]
    found += [topics.message(name, sensor_words(sensors.get(key), field, unit)) for name, key, field, unit in SENSORS]
    found.append(topics.message("energy", {"v": 1, **energy}))
    found.append(topics.message("frames", frame_words(document)))
    found.append(topics.message("engines", engine_words(document)))
    found.append(topics.message("log", log_words(document)))
    if account := account_words(document):
        found.append(topics.message("account", {"v": 1, "bands": account}))
    found += [topics.message(f"camera/{name}", camera_words(name, row)) for name, row in cameras_of(document).items()]
    return found


def silent(topics: Topics, reason: str) -> list[Outgoing]:
    """What is published while the daemon does not answer: every reading absent, with the reason."""
    found = [topics.message("state", {"v": 1, "state": None, "missing": short(reason), "problem": None})]
    found += [topics.message(name, {"v": 1, field: None, "missing": short(reason)}) for name, _, field, _ in SENSORS]
    return found


def state_words(document: dict[str, Any]) -> dict[str, Any]:
    """What it does and why."""
    real, asked = document.get("operating_point") or {}, document.get("asked") or {}
    return {
        "v": 1,
        "state": document.get("state"),
        "engine": real.get("variant"),
        "rate_fps": real.get("fps"),
        "asked_engine": asked.get("variant"),
        "asked_rate_fps": asked.get("fps"),
        "band": document.get("band") or None,
        "why": short(document.get("why", "")),
        "rule": document.get("rule"),
        "conditions_broken": [str(name) for name, holds in (document.get("conditions") or {}).items() if not holds],
        "problem": has_problem(document),
        "policy": (document.get("policy") or {}).get("name"),
        "uptime_s": document.get("uptime_s"),
        "age_ms": document.get("age_ms"),
        "stalled": bool(document.get("stalled")),
    }


def has_problem(document: dict[str, Any]) -> bool:
    """Whether somebody should look: a protective mode, a lost worker, a log that does not write, an engine in quarantine."""
    conditions = document.get("conditions") or {}
    return (
        document.get("state") in PROBLEM_MODES
        or any(conditions.get(name) is False for name in PROBLEM_CONDITIONS)
        or bool((document.get("audit") or {}).get("degraded"))
        or bool((document.get("engines") or {}).get("quarantined"))
        or bool(document.get("stalled"))
    )


def sensor_words(reading: dict[str, Any] | None, field: str, unit: int) -> dict[str, Any]:
    """A reading in its unit, or null with the reason. Zero is written only where zero was measured."""
    reading = reading or {"missing": "the daemon does not report it"}
    if "value" not in reading:
        return {"v": 1, field: None, "missing": short(reading.get("missing", "unknown"))}
    return {
        "v": 1,
        field: reading["value"] / unit,
        "age_ms": reading.get("age_ms"),
        "source": reading.get("source"),
        "simulated": bool(reading.get("simulated")),
    }


def frame_words(document: dict[str, Any]) -> dict[str, Any]:
    """Frames since the daemon started."""
    frames = document.get("frames") or {}
    words = {f"{name}_frames": frames.get(name) for name in ("delivered", "missed", "dropped", "shadow")}
    return {"v": 1, **words, "swaps": document.get("swaps"), "since_s": document.get("uptime_s")}


def engine_words(document: dict[str, Any]) -> dict[str, Any]:
    """Which engines are warm, and which serves."""
    engines = document.get("engines") or {}
    names = ("active", "backend", "warm", "precision", "quarantined")
    return {"v": 1, **{name: engines.get(name) for name in names}}


def log_words(document: dict[str, Any]) -> dict[str, Any]:
    """Where the log stands: newest record, newest signed record (null while none is), and whether it fails to write."""
    audit = document.get("audit") or {}
    newest, signed = audit.get("seq"), audit.get("checkpoint_seq")
    return {
        "v": 1,
        "newest_record": newest if _counts(newest) else None,
        "signed_to_record": signed if _counts(signed) else None,
        "degraded": bool(audit.get("degraded")),
    }


def account_words(document: dict[str, Any]) -> dict[str, Any]:
    """The loss account band by band, loss also in percent, as status has it; empty where the daemon keeps none."""
    account = document.get("account")
    if not isinstance(account, dict):
        return {}
    words = {}
    for band, row in list(account.items())[:MAX_CELLS]:
        if isinstance(row, dict):
            kept = row if len(account) <= MOST_WITH_WORDS else {key: row[key] for key in row if key != "words"}
            words[str(band)] = {**kept, "bound_pct": _percent(row.get("bound_ppm")), "limit_pct": _percent(row.get("limit_ppm"))}
    return words


def cameras_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Several cameras by name; empty where one without a name is served. A name that cannot stand in a topic is left out."""
    cameras = document.get("cameras")
    rows = list(cameras.items())[:MAX_CAMERAS] if isinstance(cameras, dict) else []
    return {name: row for name, row in rows if isinstance(row, dict) and _CAMERA.fullmatch(str(name))}


def camera_words(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """One of several cameras: what arrives, what was delivered since the start, and the newest result."""
    source, frames, last = (row.get(key) or {} for key in ("source", "frames", "last_result"))
    return {
        "v": 1,
        "camera": name,
        "source": source.get("state"),
        "arriving_fps": source.get("fps"),
        "asked_fps": source.get("asked_fps"),
        **{f"{key}_frames": frames.get(key) for key in ("delivered", "missed", "dropped", "shadow")},
        "label": last.get("label"),
        "score_pct": _percent(last.get("score_ppm")),
        "engine": last.get("variant"),
    }


def _percent(ppm: Any) -> float | None:
    return round(ppm / 10_000, 4) if isinstance(ppm, int) else None


def _counts(number: Any) -> bool:
    return isinstance(number, int) and number >= 0
