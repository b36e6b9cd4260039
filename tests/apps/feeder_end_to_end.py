"""Eating minutes end to end: rendered visits through the shipped model and the monitor, against the renderer's truth.

    python -m tests.apps.feeder_end_to_end [--rooms 6] [--visits 3] [--lux 3000 60] [--idle-min 3]

For each light: the error of the eating in the visits, and the eating that is claimed of an empty room, which over the other
23 hours of a day matters more than any visit. The error of a day is made of both: 19 minutes of eating, the rest nobody.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.apps.feeder.follow import Follower, Source
from adaptd.apps.feeder.recorder import Recorder
from adaptd.apps.feeder.settings import SECOND_US, Settings
from adaptd.apps.feeder.store import Store
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "engines" / "pet-bowl" / "training"))
DAY_MIN, EATING_MIN = 1_440.0, 19.0


@dataclass(frozen=True)
class Measured:
    """Of one room in one light with one variant; seconds."""

    eaten: float
    truth: float
    claimed_idle: float
    idle: float

    @property
    def day_error(self) -> float:
        """Error of the eating of a day of 19 minutes, as a share of it: sign kept."""
        of_visits = self.eaten / self.truth - 1
        of_idle = self.claimed_idle / self.idle * (DAY_MIN - EATING_MIN) / EATING_MIN if self.idle else 0.0
        return of_visits + of_idle


def eating_s(results: Sequence[dict[str, Any]]) -> float:
    """What the monitor makes of results."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "feeder.sqlite3", writer=True)
        recorder = Recorder(Settings(), store, lambda at: at)
        follower = Follower(
            recorder, Settings(), Source(), lambda: {"sensors": {"light_mlx": {"value": 10**6}}, "band": "bright"}
        )
        for result in results:
            follower.take(result)
        recorder.close()
        found = store.base.execute("SELECT total(eating_us) FROM eating").fetchone()[0]
        store.close()
    return float(found) / SECOND_US


def frames(film: Any, visit: Any, seconds: float, lux: float, fps: float) -> Iterator[tuple[Any, str | None, int]]:
    """Pictures of one stretch, with truth and time."""
    for number in range(int(seconds * fps)):
        picture, truth = film.picture(visit, number / fps, lux)
        yield picture, truth, int(number / fps * SECOND_US)


def measure(seed: int, lux: float, count: int, idle_s: float, fps: float, variants: Sequence[str]) -> dict[str, Measured]:
    """One room: the same pictures for every variant."""
    from render_day import DAY_SPLIT, Film, Model, visits
    from scenes import generator

    film, models = Film(seed), {name: Model(name) for name in variants}
    said: dict[str, list[dict[str, Any]]] = {name: [] for name in variants}
    idle: dict[str, list[dict[str, Any]]] = {name: [] for name in variants}
    truth_s, at = 0.0, 0
    for visit in visits(generator(seed, DAY_SPLIT, 1), count, count / 16 * EATING_MIN * 60):
        for picture, truth, when in frames(film, visit, visit.length, lux, fps):
            truth_s += (truth == "eating") / fps
            for name, model in models.items():
                said[name].append(line(model, picture, name, at + when))
        at += int((visit.length + 90) * SECOND_US)
    for picture, _, when in frames(film, None, idle_s, lux, fps):
        for name, model in models.items():
            idle[name].append(line(model, picture, name, when))
    return {name: Measured(eating_s(said[name]), truth_s, eating_s(idle[name]), idle_s) for name in variants}


def line(model: Any, picture: Any, name: str, at_us: int) -> dict[str, Any]:
    """A result in the daemon's form."""
    label, score, _ = model.answer(picture)
    return {"class": label, "score_ppm": score, "variant": name, "mono_us": at_us}


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rooms", type=int, default=6)
    parser.add_argument("--visits", type=int, default=3)
    parser.add_argument("--idle-min", type=float, default=3.0)
    parser.add_argument("--fps", type=float, default=4.0)
    parser.add_argument("--lux", type=float, nargs="+", default=[3_000.0, 60.0])
    wanted = parser.parse_args()
    begin = time.monotonic()
    print("| lux | engine | visits: error by room | empty room: min a day claimed | day: mean error | mean size | worst |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for lux in wanted.lux:
        idle_s, names = wanted.idle_min * 60, ("fp16", "int8")
        rooms = [measure(seed, lux, wanted.visits, idle_s, wanted.fps, names) for seed in range(wanted.rooms)]
        for name in names:
            found = [room[name] for room in rooms]
            visit = " ".join(f"{each.eaten / each.truth - 1:+.1%}" for each in found)
            idle = " ".join(f"{each.claimed_idle / max(each.idle, 1e-9) * DAY_MIN:.1f}" for each in found)
            errors = [each.day_error for each in found]
            size = statistics.fmean(map(abs, errors))
            mean, worst = statistics.fmean(errors), max(errors, key=abs)
            print(f"| {lux:g} | {name} | {visit} | {idle} | {mean:+.1%} | {size:.1%} | {worst:+.1%} |", flush=True)
    print(f"\n{wanted.rooms} rooms, {wanted.visits} visits each at {wanted.fps:g} frames/s, {time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
