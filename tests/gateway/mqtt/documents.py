"""Status documents as the daemon makes them, for tests of what is published."""

import copy
from typing import Any

DOCUMENT: dict[str, Any] = {
    "state": "efficient",
    "policy": {"name": "feeder", "sha256": "43" * 32},
    "operating_point": {"variant": "int8", "fps": 15.0},
    "asked": {"variant": "int8", "fps": 15.0},
    "engines": {
        "warm": ["fp16", "int8"], "active": "int8", "backend": "ort", "precision": {"fp16": "fp32", "int8": "int8"},
        "priors": {}, "quarantined": [],
    },
    "sensors": {
        "temperature_mc": {"value": 45250, "age_ms": 10, "source": "thermal_zone0", "simulated": False},
        "power_mw": {"value": 9000, "age_ms": 0, "source": "rapl", "simulated": False},
        "light_mlx": {"missing": "no sensor found"},
    },
    "band": "bright",
    "evidence": {"bright": {"variant": "int8", "admitted": True, "samples": 6002, "bound_ppm": 2499}},
    "account": {
        "bright": {
            "window_end_utc": 1795950000000, "delivered": 1000, "efficient": 900, "shadowed": 20, "differed": 0,
            "bound_ppm": 900, "limit_ppm": 5000, "open": True,
        }
    },
    "conditions": {"below_limit": True, "proven": True, "no_fault": True, "worker_alive": True, "log_ok": True},
    "audit": {"seq": 20, "checkpoint_seq": -1, "degraded": False, "folder": ""},
    "frames": {"delivered": 100, "missed": 1, "dropped": 0, "shadow": 2},
    "swaps": 1,
    "rule": "most_worth",
    "why": "efficient: int8 at 15 fps in bright light, because it is worth most and keeps every limit.",
    "last_result": {},
    "trouble": [],
    "uptime_s": 100,
    "age_ms": 30,
    "stalled": False,
}  # fmt: skip


def document(**changes: Any) -> dict[str, Any]:
    """A status document; a changed key that is a dictionary is merged into the one that is there."""
    words = copy.deepcopy(DOCUMENT)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(words.get(key), dict):
            words[key] = {**words[key], **value}
        else:
            words[key] = value
    return words


def later(before: dict[str, Any], seconds: int = 1, **changes: Any) -> dict[str, Any]:
    """The document some seconds on: 15 frames more a second."""
    words = {**before, **changes}
    words["uptime_s"] = before["uptime_s"] + seconds
    words["frames"] = {**before["frames"], "delivered": before["frames"]["delivered"] + 15 * seconds}
    return words
