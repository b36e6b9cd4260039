"""Two weeks of a box outdoors, ten draws: ``python -m tests.lab.two_weeks [--draws 10] [--days 14] [--seed 9501] [--jobs N]``.

Days that warm and cool the air by up to 30 K, weeks that grow hotter or colder, clouds, dust that raises the thermal resistance
by 30 % until the end, a fan that dies for hours (the resistance grows by a quarter more), and dead thermometers that are planted.
Counted: latched faults while no sensor was dead, seconds over limit and critical, and how many of the dead sensors were noticed.
Each draw is kept in the file ``--save`` as it comes; a second call makes only those that are missing there, ``--time-box 25m``
begins none after that time. Needs pydantic and PyYAML beside the standard library. A compiled core makes it three times as fast.
"""

import argparse
import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from adaptd.lab.episode import Episode, run
from adaptd.lab.harness import Choice
from adaptd.lab.randomised import random_episode
from adaptd.lab.score import Result
from adaptd.twin.device import TwinDevice
from adaptd.twin.words import PPM, Curve, StagedFault
from adaptd.twin.worker import Tick
from adaptd.vocabulary import Snapshot
from tests.faults.account_worlds import seconds
from tests.lab.kept import Kept, Row

KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "two-weeks.jsonl"
S = 1_000_000
HOUR_S, DAY_S = 3600, 86_400
DUST, FAN = 0.30, 0.25
KINDS = ("missing", "stuck", "zero", "nan")
SUMMED = (
    "false_latches",
    "over_critical_s",
    "over_limit_s",
    "dead_sensors",
    "noticed",
    "unproven_frames",
    "statements_broken",
)
AFTER_S = 600  # a sensor that comes back is heard again within this


@dataclass(slots=True)
class Watch:
    """Looks at every tick of a run: latched faults, and which planted faults were noticed."""

    planted: tuple[StagedFault, ...]
    false_latches: int = 0
    noticed: set[int] = field(default_factory=set)
    latched: bool = False

    def __call__(self, device: TwinDevice, snapshot: Snapshot, choice: Choice, tick: Tick) -> None:
        """One tick."""
        said: dict[str, bool] = dict(choice.conditions)  # type: ignore[attr-defined]
        dead = [n for n, one in enumerate(self.planted) if one.from_us <= snapshot.now_us < one.to_us + AFTER_S * S]
        if dead and not (said["temperature_known"] and said["no_fault"]):
            self.noticed.add(dead[0])
        if not said["no_fault"] and not self.latched and not dead:
            self.false_latches += 1
        self.latched = not said["no_fault"]


def world(seed: int, number: int, days: float) -> Episode:
    """Draw ``number`` of ``seed``: board, net, policy and wrong profile of a random hour, in the weather of ``days`` days."""
    base, draw = random_episode(seed, number), Random(f"two weeks/{seed}/{number}")
    seconds = int(days * DAY_S)
    hottest = max(value or 0 for _, value in base.scenario.ambient_mc) / 1000
    swing, season = draw.uniform(8, 30), draw.uniform(-8, 8)
    dust = draw.choice((0.0, DUST))
    fans = [draw.randrange(seconds) for _ in range(draw.randint(0, 2))]
    worst = (1 + dust) * (1 + FAN if fans else 1)
    top = hottest - (worst - 1) * draw.uniform(10, 20)  # dust and fans take kelvins of the headroom that the hour had

    def air(t: int) -> float:
        return top - swing * (1 - math.sin(2 * math.pi * (t / DAY_S - 0.375))) / 2 + min(0.0, season) * t / seconds

    scenario = replace(
        base.scenario,
        name=f"two-weeks-{seed}-{number}",
        duration_us=seconds * S,
        ambient_mc=tuple((t * S, round(air(t) * 1000)) for t in range(0, seconds + 1, 900)),
        light_mlx=_light(draw, seconds),
        other_load_mw=_repeated(base.scenario.other_load_mw, seconds),
        slow_down_ppm=_repeated(base.scenario.slow_down_ppm, seconds),
        budget_mw=((0, None),),
        r_ppm=_resistance(seconds, dust, sorted(fans)),
        faults=_dead(draw, seconds),
    )
    return replace(base, scenario=scenario)


def _light(draw: Random, seconds: int) -> Curve:
    """Sun by the hour, and clouds that take up to nine tenths of it within seconds."""
    curve = []
    for t in range(0, seconds + 1, 300):
        sun = max(0.0, math.sin(2 * math.pi * (t / DAY_S - 0.25)))
        curve.append((t * S, round((1 + 40_000 * sun * draw.choice((1.0, 1.0, 0.5, 0.1))) * 1000)))
    return tuple(curve)


def _repeated(hour: Curve, seconds: int) -> Curve:
    """An hour's curve again and again."""
    return tuple((t_us + start * S, value) for start in range(0, seconds, HOUR_S) for t_us, value in hour if t_us < HOUR_S * S)


def _resistance(seconds: int, dust: float, fans: list[int]) -> Curve:
    """Dust that settles evenly, and each fan dead for six hours, within a minute of dying."""
    curve: list[tuple[int, int | None]] = []
    for t in range(0, seconds + 1, 60):
        dead = any(died <= t < died + 6 * HOUR_S for died in fans)
        curve.append((t * S, round(PPM * (1 + dust * t / seconds) * (1 + FAN * dead))))
    return tuple(curve)


def _dead(draw: Random, seconds: int) -> tuple[StagedFault, ...]:
    """One thermometer an eighth of the time apart that is dead for half an hour, in every second draw or so none at all."""
    if draw.random() < 0.4:
        return ()
    starts = [round((n + draw.uniform(0.2, 0.7)) * seconds / 8) for n in range(8)]
    return tuple(StagedFault("temperature", draw.choice(KINDS), at * S, (at + 1800) * S, False) for at in starts)


def lived(seed: int, number: int, days: float) -> dict[str, Any]:
    """The figures of one draw."""
    episode = world(seed, number, days)
    watch, began = Watch(episode.scenario.faults), time.monotonic()
    result: Result = run(episode, "adaptd", watch)
    planted = len(episode.scenario.faults)
    return {
        "draw": number, "policy": episode.policy.name, "days": days, "false_latches": watch.false_latches,
        "over_critical_s": result.over_critical_us / S, "over_limit_s": result.over_limit_us / S,
        "dead_sensors": planted, "noticed": len(watch.noticed), "unproven_frames": result.unproven_frames,
        "statements_broken": result.statements_broken, "rate_changes_felt_per_h": round(result.rate_changes_felt / days / 24, 2),
        "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


def lived_in_time(seed: int, number: int, days: float, ends_s: float | None) -> Row | None:
    """The same, and None where the time (monotonic seconds, of this machine) was over before it began."""
    return None if ends_s is not None and time.monotonic() > ends_s else lived(seed, number, days)


def live_all(kept: Kept, wanted: dict[str, tuple[int, int, float]], jobs: int, ends_s: float | None) -> None:
    """Make the rows that are missing, over so many processes."""
    missing = {name: draw for name, draw in wanted.items() if name not in kept.rows}
    with ProcessPoolExecutor(jobs) as pool:
        running = {pool.submit(lived_in_time, *draw, ends_s): name for name, draw in missing.items()}
        for future in as_completed(running):
            row = future.result()
            if row is not None:
                kept.row(running[future], lambda row=row: row)  # type: ignore[misc]


def main(words: list[str] | None = None) -> int:
    """Print each draw and the sums; 1 where a draw or a sensor was missed, a fault latched falsely or critical was passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="number of the first draw")
    parser.add_argument("--days", type=float, default=14.0)
    parser.add_argument("--seed", type=int, default=9501)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--save", type=Path, default=KEPT, metavar="FILE", help="file of the rows: a second call resumes")
    parser.add_argument(
        "--time-box", type=seconds, default=None, metavar="TIME", help="begin no draw after this time, such as 25m"
    )
    asked = parser.parse_args(words)
    numbers = range(asked.first, asked.first + asked.draws)
    wanted = {f"seed {asked.seed} draw {n} days {asked.days:g}": (asked.seed, n, asked.days) for n in numbers}
    kept = Kept(asked.save)
    live_all(kept, wanted, asked.jobs, None if asked.time_box is None else time.monotonic() + asked.time_box)
    rows = [kept.rows[name] for name in wanted if name in kept.rows]
    sums = {key: sum(row[key] for row in rows) for key in SUMMED}
    print(f"{len(rows)} of {len(wanted)} draws: " + "  ".join(f"{key} {value}" for key, value in sums.items()))
    bad = sums["false_latches"] or sums["over_critical_s"] or sums["noticed"] < sums["dead_sensors"]
    return int(bool(bad) or len(rows) < len(wanted))


if __name__ == "__main__":
    sys.exit(main())
