"""Successive halving: all candidates on a few frames, the better half on three times as many, and so on, within a box of time.

Energy is the meter's where the machine has one; else busy processor time at an assumed draw a core, and called so. Whatever was
measured is kept in a file by what it rests on, so that asking again costs nothing. (Jamieson and Talwalkar, AISTATS 2016.)
"""

import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adaptd.bundle_build.explore.space import Candidate, Space
from adaptd.bundle_build.progress import Progress, silent
from adaptd.bundle_build.qualify.meters import Meter

RUNGS = (8, 24, 72)
WARM = 2
ASSUMED_CORE_MW = 6000  # class assumed: what a busy desktop-class core draws above idle; only its differences count here

Clock = Callable[[], tuple[int, int]]


@dataclass(slots=True)
class Tried:
    """What a candidate measured, over ``frames`` of the last rung it reached."""

    candidate: Candidate
    frames: int
    latency_us: int
    energy_uj: int
    soft_ppm: int
    loss_ppm: int
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """Every tried point, the plan of record (None where nothing keeps the limit), and how energy was known."""

    tried: list[Tried]
    plan: Tried | None
    energy_words: str
    out_of_time: bool


@dataclass(slots=True)
class Search:
    """What a search needs besides the space. ``most_loss_ppm`` of the held-out frames may differ, on average."""

    most_loss_ppm: int
    time_box_us: int
    clock: Clock
    meter: Meter | None = None
    energy_words: str = ""
    cache: Path | None = None
    machine: str = ""
    progress: Progress = silent


def run(space: Space, search: Search) -> Outcome:
    """Halve down to the best few; the plan of record takes the least energy of those that keep the limit."""
    began_us = search.clock()[0]
    kept = _cache(search.cache)
    alive = space.candidates()
    best: dict[Candidate, Tried] = {}
    out_of_time = False
    for rung, frames in enumerate(RUNGS):
        for done, candidate in enumerate(alive, 1):
            if search.clock()[0] - began_us > search.time_box_us:
                out_of_time = True
                break
            best[candidate] = _tried(space, search, candidate, frames, kept)
            search.progress(f"trying {frames} frames each", done, len(alive))
        if out_of_time or rung == len(RUNGS) - 1:
            break
        alive = sorted(best, key=lambda one: _score(best[one], search))[: max(2, len(best) // 2 ** (rung + 1))]
    tried = sorted(best.values(), key=lambda one: _score(one, search))
    sound = [one for one in tried if one.loss_ppm <= search.most_loss_ppm]
    furthest = max((one.frames for one in sound), default=0)
    finalists = [one for one in sound if one.frames == furthest]
    words = search.energy_words or f"busy processor time x {ASSUMED_CORE_MW / 1000:g} W a core, assumed: there is no meter"
    return Outcome(tried, min(finalists, key=lambda one: one.energy_uj, default=None), words, out_of_time)


def _score(one: Tried, search: Search) -> tuple[bool, int]:
    """Those that keep the limit first, then by energy."""
    return one.loss_ppm > search.most_loss_ppm, one.energy_uj


def _tried(space: Space, search: Search, candidate: Candidate, frames: int, kept: dict[str, dict[str, Any]]) -> Tried:
    key = f"{space.key(candidate)}/{search.machine}/{frames}"
    if key in kept:
        return Tried(candidate, **{**kept[key], "cached": True})
    apart = space.distance(candidate)
    latency_us, energy_uj = _measure(space, search, candidate, frames)
    one = Tried(candidate, frames, latency_us, energy_uj, apart.soft_ppm, apart.loss_ppm // max(1, apart.n))
    if search.cache is not None:
        row = {name: value for name, value in asdict(one).items() if name not in ("candidate", "cached")}
        kept[key] = row
        with search.cache.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "row": row}) + "\n")
    return one


def _measure(space: Space, search: Search, candidate: Candidate, frames: int) -> tuple[int, int]:
    """Median latency, and energy of one inference."""
    runner = space.load(candidate)
    for at in range(WARM):
        runner.infer(at)
    before_uj = 0 if search.meter is None else search.meter.read_uj()
    _, busy_from_us = search.clock()
    latencies = []
    for at in range(frames):
        started_us = search.clock()[0]
        runner.infer(at)
        latencies.append(search.clock()[0] - started_us)
    busy_us = search.clock()[1] - busy_from_us
    energy_uj = busy_us * ASSUMED_CORE_MW // 1000 if search.meter is None else search.meter.read_uj() - before_uj
    return int(statistics.median(latencies)), max(1, energy_uj // frames)


def _cache(path: Path | None) -> dict[str, dict[str, Any]]:
    """What was measured before; lines that cannot be read are left out."""
    if path is None or not path.is_file():
        return {}
    found: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
            found[row["key"]] = row["row"]
        except (ValueError, KeyError, TypeError):
            continue
    return found
