"""A summary as a row of the lake: flat, units in the names, absent as null; checked before it is acknowledged."""

from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from adaptd.fleet.wire import Refused, WireError, table, whole

DAY_MS = 86_400_000
MOST = 1 << 53
SUMS = ("engines_s", "modes_s", "bands_s", "conditions_broken_s", "gaps_s")
COUNTS = ("faults", "refusals", "engines_frames")
ACCOUNT = ("delivered", "efficient", "shadowed", "differed", "bound_ppm", "limit_ppm", "bound_frames", "allowed_frames")
VERSIONS = ("adaptd", "policy", "policy_sha256", "backend", "board", "model")
TEXT, WHOLE, REAL, FLAG = "text", "whole", "real", "flag"
# The lake's columns, beside the day in the path.
COLUMNS: dict[str, str] = {
    "box": TEXT,
    "stream": TEXT,
    "first": WHOLE,
    "last": WHOLE,
    "from_utc_ms": WHOLE,
    "to_utc_ms": WHOLE,
    "received_utc_ms": WHOLE,
    "clock": TEXT,
    "merged": WHOLE,
    "observed_s": REAL,
    "energy_j": REAL,
    "energy_s": REAL,
    "heat_mean_c": REAL,
    "heat_max_c": REAL,
    "heat_s": REAL,
    "delivered_frames": WHOLE,
    "missed_frames": WHOLE,
    "dropped_frames": WHOLE,
    "shadow_frames": WHOLE,
    "swaps": WHOLE,
    "simulated": FLAG,
    **dict.fromkeys(VERSIONS, TEXT),
    **dict.fromkeys(SUMS, "sums"),
    **dict.fromkeys(COUNTS, "counts"),
    "account": "account",
}


def check(words: dict[str, Any]) -> None:
    """Raise WireError unless every field that a row is built from is there and of its type."""
    for name in ("first", "last", "merged"):
        whole(words, name, 1)
    for name in ("from_utc_ms", "to_utc_ms", "swaps"):
        whole(words, name)
    numbers: list[Any] = [words.get("observed_s")]
    for group, keys in (("energy", ("energy_j", "measured_s")), ("heat", ("mean_c", "max_c", "measured_s"))):
        numbers += [value for key in keys if (value := table(words, group).get(key)) is not None]
    for name in SUMS:
        numbers += table(words, name).values()
    counts = [value for name in (*COUNTS, "frames") for value in table(words, name).values()]
    if not _all_of(numbers, {int, float}) or not _all_of(counts, {int}) or words["last"] < words["first"]:
        raise WireError(Refused.SHAPE)
    if not all(isinstance(row, dict) for row in table(words, "account").values()) or not isinstance(words.get("stream"), str):
        raise WireError(Refused.SHAPE)
    table(words, "versions")


def _all_of(numbers: list[Any], kinds: set[type]) -> bool:
    """Whether each is of these types exactly (True is no number) and within MOST; NaN and Infinity are not."""
    if not {type(one) for one in numbers} <= kinds:
        return False
    return all(-MOST < one < MOST for one in numbers)


def day_and_clock(words: dict[str, Any], received_ms: int) -> tuple[str, str]:
    """The day (UTC) that the row belongs to, and what is to be said of the box's clock.

    A box whose clock is more than a day ahead or five years behind is filed under the day of receipt.
    """
    from_ms = int(words["from_utc_ms"])
    clock = "ahead" if from_ms > received_ms + DAY_MS else "behind" if from_ms < received_ms - 5 * 365 * DAY_MS else "ok"
    at_ms = from_ms if clock == "ok" else received_ms
    return _day(at_ms // DAY_MS), clock


@lru_cache(maxsize=4096)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * DAY_MS / 1000, tz=timezone.utc).strftime("%Y-%m-%d")


def row(words: dict[str, Any], received_ms: int, clock: str) -> dict[str, Any]:
    """The row of a checked summary."""
    energy, heat, frames, versions = words["energy"], words["heat"], words["frames"], words["versions"]
    same = ("box", "stream", "first", "last", "from_utc_ms", "to_utc_ms", "merged", "observed_s", "swaps")
    return {
        **{name: words[name] for name in same},
        "received_utc_ms": received_ms,
        "clock": clock,
        "energy_j": energy.get("energy_j"),
        "energy_s": energy.get("measured_s"),
        "heat_mean_c": heat.get("mean_c"),
        "heat_max_c": heat.get("max_c"),
        "heat_s": heat.get("measured_s"),
        **{name: frames.get(name) for name in COLUMNS if name.endswith("_frames") and name in frames},
        "simulated": bool(words.get("simulated")),
        **{name: None if versions.get(name) is None else str(versions[name]) for name in VERSIONS},
        **{name: list(words[name].items()) for name in SUMS + COUNTS},
        "account": [
            {"band": band, **{key: _number(said.get(key)) for key in ACCOUNT}} for band, said in words["account"].items()
        ],
    }


def _number(value: object) -> int | None:
    return value if type(value) is int and abs(value) < MOST else None
