"""What one box tells its fleet about itself: a few numbers of its fitted twin, and no picture.

Scales are on the logarithm, because a resistance that is twice the profile's is as far off as one that is half of it. Counts of
frames that were compared and differed are sufficient for a rate; a mean with its standard deviation is for a normal.
"""

import json
import re
from dataclasses import dataclass, field
from math import log
from pathlib import Path
from typing import Any

FILE = "twin.json"
MOST_BYTES = 4 << 20
NO_ENCLOSURE = "unknown"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")  # files are named after board and enclosure


class StatisticsError(Exception):
    """A box's numbers cannot be used. ``str(error)`` is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Known:
    """A number with one standard deviation."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class BoxStatistics:
    """``log_r`` and ``log_tau`` are logarithms of factors on the profile's poles; ``differs`` counts (compared, differed).

    ``features`` are what boxes are grouped by: room, base power, energies and pace, each in its own unit. ``band_h``: hours of
    its usual day in each light band, empty where its twin does not say.
    """

    box: str
    board: str
    enclosure: str
    log_r: Known
    log_tau: Known
    differs: dict[tuple[str, str], tuple[int, int]]
    features: dict[str, float]
    band_h: dict[str, float] = field(default_factory=dict)


def load(folder: Path) -> BoxStatistics:
    """The statistics of the fitted twin in ``folder``, which is named after its box.

    Raises:
        StatisticsError: there is none, or it is damaged.
    """
    path = folder / FILE
    try:
        if path.stat().st_size > MOST_BYTES:
            raise StatisticsError(f"{path}: has over {MOST_BYTES >> 20} MiB, which no fitted twin has")
        return of(folder.name, json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise StatisticsError(f"{path}: cannot be read ({error.strerror}), make it with `adaptd twin fit`") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StatisticsError(f"{path}: is damaged ({error}), make it again with `adaptd twin fit`") from None


def of(box: str, plain: dict[str, Any]) -> BoxStatistics:
    """The statistics inside a ``twin.json``; ValueError, KeyError or TypeError where it is none."""
    found = plain["estimates"]
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for row in found["differs"]:
        n, bad = int(row["compared"]), int(row["differed"])
        if not 0 <= bad <= n:
            raise ValueError(f"{bad} of {n} frames differed")
        counts[str(row["band"]), str(row["variant"])] = n, bad
    features = {
        "log_r": _scale(found["r_scale"]).mean,
        "log_tau": _scale(found["tau_scale"]).mean,
        "log_base_w": log(max(0.05, float(found["base_w"]["least"]))),
        **{f"log_mj_{name}": log(float(one["value"])) for name, one in found["energy_mj"].items()},
        **{f"log_ms_{name}": log(float(one["value"])) for name, one in found["latency_ms"].items()},
    }
    band_h = {str(band): float(hours) for band, hours in found.get("band_h", {}).items()}
    if any(not 0 <= hours <= 24 for hours in band_h.values()):
        raise ValueError(f"a day has 24 hours, not {band_h}")
    if room := found.get("ambient_c"):
        features["ambient_c"] = float(room["mean"])
    return BoxStatistics(
        box=box,
        board=_name(plain["profile"]),
        enclosure=_name(plain.get("enclosure") or NO_ENCLOSURE),
        log_r=_scale(found["r_scale"]),
        log_tau=_scale(found["tau_scale"]),
        differs=counts,
        features=features,
        band_h=band_h,
    )


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is no name of small letters, digits and hyphens")
    return value


def _scale(plain: dict[str, Any]) -> Known:
    value, sd = float(plain["value"]), float(plain["sd"])
    if not 0 < value < 1e6 or not 0 <= sd < 1e6:
        raise ValueError(f"a scale of {value} with a standard deviation of {sd}")
    return Known(log(value), max(1e-3, sd / value))
