"""Successive halving: all candidates on a few frames, the better half on three times as many, and so on, within a box of time.

Energy above idle is the meter's where the machine has one; else time at an assumed draw, and called so. Whatever was measured is
kept in a file by what it rests on, so that asking again costs nothing. (Jamieson and Talwalkar, AISTATS 2016.)
"""

import json
import statistics
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.bundle_build import BuildError, Progress, silent
from adaptd.bundle_build.explore.space import Candidate, Space
from adaptd.bundle_build.qualify.meters import Meter

RUNGS = (8, 24, 72)
METERED_US = (300_000, 900_000, 2_700_000)  # a counter moves ten times a second: a shorter run shows it nothing, or too much
WARM = 2
ASSUMED_CORE_MW = 6000  # class assumed: what a busy desktop-class core draws above idle; only its differences count here

Clock = Callable[[], tuple[int, int]]
ROW = ("rung", "frames", "latency_us", "energy_uj", "soft_ppm", "loss_ppm")


@dataclass(slots=True)
class Tried:
    """What a candidate measured on the last ``rung`` it reached, over ``frames`` runs; energy and loss are of one picture."""

    candidate: Candidate
    rung: int
    frames: int
    latency_us: int
    energy_uj: int
    soft_ppm: int
    loss_ppm: int


@dataclass(frozen=True, slots=True)
class Objective:
    """The policy's own: worth of the frames in time, up to the target rate, less their energy; the loss is a limit."""

    target_mfps: int
    frame_value_uj: int
    deadline_us: int
    most_loss_ppm: int

    def worth_mw(self, one: Tried) -> int:
        """What serving it brings, mW: at the target rate or as fast as it runs; a frame past the deadline is worth nothing."""
        rate_mfps = min(self.target_mfps, one.candidate.form.cameras * 1_000_000_000 // max(1, one.latency_us))
        value_uj = self.frame_value_uj if one.latency_us <= self.deadline_us else 0
        return rate_mfps * (value_uj - one.energy_uj) // 1_000_000

    def rank(self, one: Tried) -> tuple[bool, int, int]:
        """The best first: those that keep the limit on the loss, by worth, then by energy."""
        return one.loss_ppm > self.most_loss_ppm, -self.worth_mw(one), one.energy_uj


@dataclass(frozen=True, slots=True)
class Outcome:
    """Every tried point, the best first, the plan of record (None where nothing keeps the limit), and how energy was known.

    ``failed``: candidates that could not be built or run, with the reason.
    """

    tried: list[Tried]
    plan: Tried | None
    energy_words: str
    out_of_time: bool
    objective: Objective
    failed: dict[str, str]


@dataclass(slots=True)
class Search:
    """What a search needs besides the space. ``idle_mw`` is what ``meter`` reads while nothing runs."""

    objective: Objective
    time_box_us: int
    clock: Clock
    meter: Meter | None = None
    energy_words: str = ""
    idle_mw: int = 0
    assumed_mw: int = ASSUMED_CORE_MW
    cache: Path | None = None
    machine: str = ""
    progress: Progress = silent


def run(space: Space, search: Search) -> Outcome:
    """Halve down to the best few; the plan of record is worth most by the policy of those within its limit that are served."""
    began_us = search.clock()[0]
    kept = _cache(search.cache)
    alive = space.candidates()
    best: dict[Candidate, Tried] = {}
    failed: dict[str, str] = {}
    out_of_time = False
    for rung, frames in enumerate(RUNGS):
        for done, candidate in enumerate(alive, 1):
            if search.clock()[0] - began_us > search.time_box_us:
                out_of_time = True
                break
            try:
                best[candidate] = _tried(space, search, candidate, rung, kept)
            except BuildError as error:
                failed[candidate.words] = str(error)
            search.progress(f"trying {frames} frames each", done, len(alive))
        if out_of_time or rung == len(RUNGS) - 1:
            break
        alive = _survivors(best, search.objective, len(best) // 2 ** (rung + 1))
    tried = sorted(best.values(), key=search.objective.rank)
    sound = [one for one in tried if one.loss_ppm <= search.objective.most_loss_ppm and not one.candidate.unserved]
    furthest = max((one.rung for one in sound), default=0)
    plan = min((one for one in sound if one.rung == furthest), key=search.objective.rank, default=None)
    words = search.energy_words or f"busy processor time x {search.assumed_mw / 1000:g} W a core, assumed: there is no meter"
    return Outcome(tried, plan, words, out_of_time, search.objective, failed)


def _survivors(best: dict[Candidate, Tried], objective: Objective, count: int) -> list[Candidate]:
    """The better part, two at least; the best that can be served is always among them, whatever is measured beside."""
    ranked = sorted(best, key=lambda one: objective.rank(best[one]))
    kept = ranked[: max(2, count)]
    if all(one.unserved for one in kept):
        kept += [one for one in ranked if not one.unserved][:1]
    return kept


def _tried(space: Space, search: Search, candidate: Candidate, rung: int, kept: dict[str, dict[str, int]]) -> Tried:
    key = f"{space.key(candidate)}/{search.machine}/{search.idle_mw > 0}/{rung}"
    if key in kept:
        return Tried(candidate, **kept[key])
    apart = space.distance(candidate)
    frames, latency_us, energy_uj = _measure(space, search, candidate, rung)
    one = Tried(
        candidate, rung=rung, frames=frames, latency_us=latency_us, energy_uj=energy_uj, soft_ppm=apart.soft_ppm,
        loss_ppm=apart.loss_ppm // max(1, apart.n),
    )  # fmt: skip
    if search.cache is not None:
        kept[key] = {name: getattr(one, name) for name in ROW}
        with search.cache.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "row": kept[key]}) + "\n")
    return one


def _measure(space: Space, search: Search, candidate: Candidate, rung: int) -> tuple[int, int, int]:
    """Runs, their median latency, and energy above idle of one picture. A meter wants a time as well as a number of runs."""
    least_us = 0 if search.meter is None else METERED_US[rung]
    with closing(space.load(candidate)) as runner:
        for at in range(WARM):
            runner.infer(at)
        before_uj = 0 if search.meter is None else search.meter.read_uj()
        from_us, busy_from_us = search.clock()
        latencies: list[int] = []
        while len(latencies) < RUNGS[rung] or search.clock()[0] - from_us < least_us:
            started_us = search.clock()[0]
            runner.infer(len(latencies))
            latencies.append(search.clock()[0] - started_us)
        to_us, busy_to_us = search.clock()
        if search.meter is None:
            energy_uj = (busy_to_us - busy_from_us) * search.assumed_mw // 1000
        else:
            energy_uj = search.meter.read_uj() - before_uj - (to_us - from_us) * search.idle_mw // 1000
    frames = len(latencies)
    return frames, int(statistics.median(latencies)), max(1, energy_uj // (frames * candidate.form.cameras))


def _cache(path: Path | None) -> dict[str, dict[str, int]]:
    """What was measured before; lines that cannot be read are left out."""
    if path is None or not path.is_file():
        return {}
    found: dict[str, dict[str, int]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row: dict[str, Any] = json.loads(line)
            found[str(row["key"])] = {name: int(row["row"][name]) for name in ROW}
        except (ValueError, KeyError, TypeError):
            continue
    return found
