"""The loss account in front of scenes: ``python -m tests.faults.account_worlds [--runs N] [--hours H] [WORLD ...]``.

Every run is a day of the software device under ``tick.step``: losses, coins and counts are the twin's, nothing is a copy of the
formula. Beside it the admission of before, fed with four draws a second of the same scenes: it admits what it should not.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from adaptd.brain import tick
from adaptd.brain.estimate import account
from adaptd.brain.estimate.account import M
from adaptd.lab.episode import load_episode
from adaptd.twin.device import TwinDevice
from adaptd.twin.worker import TwinWorker
from adaptd.twin.world import TrueLight
from adaptd.vocabulary import Shadow, Snapshot, Stretch
from tests.brain.estimate import old_admission
from tests.conftest import ROOT

Chance = Callable[[int, int], float]  # microseconds, share of the coin -> the loss of a frame then
DAY_US = 86_400_000_000


def scenes(kinds: tuple[tuple[float, float], ...], length_s: float) -> Callable[[Random], Chance]:
    """Scenes of exponential length, each drawn anew: (share, loss)."""

    def begin(random: Random) -> Chance:
        state = [0.0, 0.0]  # ends, chance

        def chance(t_us: int, share: int) -> float:
            while t_us >= state[0]:
                rest = random.random()
                state[1] = kinds[-1][1]
                for part, loss in kinds:
                    if rest < part:
                        state[1] = loss
                        break
                    rest -= part
                state[0] += random.expovariate(1.0 / (length_s * 1e6))
            return state[1]

        return chance

    return begin


def plain(chance: Chance) -> Callable[[Random], Chance]:
    """A world without chance of its own."""
    return lambda random: chance


@dataclass(frozen=True)
class World:
    """How losses come, what the first simulation says of time on INT8 (per cent; None: nothing), whether losses are fractions."""

    begin: Callable[[Random], Chance]
    table: float | None = None
    fractions: bool = False


def _worlds() -> dict[str, World]:
    found = {"no loss": World(plain(lambda t, q: 0.0), 99), "0.1 % everywhere": World(plain(lambda t, q: 0.001), 94)}
    tabled = {
        "1 % of scenes at 20 %": (((0.99, 0.0), (0.01, 0.2)), (89, 96, 97)),
        "5 % at 20 %": (((0.95, 0.0), (0.05, 0.2)), (57, 87, 93)),
        "2 % at 50 %": (((0.98, 0.0), (0.02, 0.5)), (75, 93, 96)),
        "20 % at 50 %": (((0.8, 0.0), (0.2, 0.5)), (4, 57, 77)),
        "20 % at 4 %, rest 0.25 %": (((0.8, 0.0025), (0.2, 0.04)), (10, 47, None)),
    }
    for name, (kinds, said) in tabled.items():
        for length_s, percent in zip((30, 300, 3600), said, strict=True):
            found[f"{name}, {length_s} s"] = World(scenes(kinds, length_s), percent)
    found["drift from 0 to 2 % over the day"] = World(plain(lambda t, q: 0.02 * t / DAY_US))
    found["everything differs in the window's last ten minutes"] = World(
        plain(lambda t, q: float(t % DAY_US >= DAY_US - 600_000_000))
    )
    found["an adversary who sees the share: 3 % while it is thin"] = World(plain(lambda t, q: 0.03 if 0 < q <= 20_000 else 0.0))
    found["boxes: losses in [0, 1], 0.2 % on average"] = World(plain(lambda t, q: 0.002), None, fractions=True)
    return found


WORLDS = _worlds()


class WorldWorker(TwinWorker):
    """The twin's worker in a world of losses of its own. ``lost_ppm`` is what really went out."""

    chance: Chance = staticmethod(lambda t, q: 0.0)
    fractions = False
    lost_ppm = 0
    delivered = 0

    def _toss(self, variant: str, tested: str, share_ppm: int, light: TrueLight, t_us: int, count: int, missed: int) -> Any:
        band, efficient, chance = light.label.name, variant != "fp16", self.chance(t_us, share_ppm)
        drawn, shadows, lost_ppm = [], [], 0
        for index in range(self._frames, self._frames + count):
            loss_ppm = int(2 * M * chance * self._draw()) if self.fractions else M * (chance > 0.0 and self._draw() < chance)
            if share_ppm and self._coin(share_ppm / M):
                drawn.append(index)
                shadows.append(Shadow(band, tested, loss_ppm))
            elif efficient:
                lost_ppm += loss_ppm
        mine = shadows if efficient else []
        stretch = Stretch(
            band=band, variant=variant, share_ppm=share_ppm, frames=count, missed=missed, shadowed=len(mine),
            differed=sum(one.loss_ppm > 0 for one in mine), loss_ppm=sum(one.loss_ppm for one in mine),
            first=self._frames, last=self._frames + count - 1, drawn=tuple(drawn),
        )  # fmt: skip
        self._frames += count
        self.lost_ppm += lost_ppm
        self.delivered += count - missed
        return stretch, tuple(shadows), 0

    def _draw(self) -> float:
        return self.random.random()

    random = Random(0)


@dataclass
class Day:
    """One run."""

    lost: float
    delivered: int
    efficient: int
    shadowed: int
    bound: float
    first_s: float | None
    over: bool
    untrue: bool


def day(world: World, seed: int, hours: float, shadow_pct: float) -> Day:
    """A day of one band in one world."""
    episode = load_episode(ROOT / "policies" / "scenarios" / "calm-day.yaml")
    policy = replace(episode.policy, shadow_ppm=int(shadow_pct * 10_000))
    ticks = int(hours * 3600)
    scenario = replace(
        episode.scenario, seed=seed, tick_us=1_000_000, duration_us=ticks * 1_000_000, light_mlx=((0, 500_000),),
        other_load_mw=((0, 400),), ambient_mc=((0, 25_000),),
    )  # fmt: skip
    bare = tuple(replace(fact, priors=()) for fact in episode.facts)
    device, worker = TwinDevice(scenario, episode.profile), WorldWorker(scenario, policy, bare)
    worker.random = Random(f"{seed}/losses")
    worker.chance, worker.fractions = world.begin(Random(f"{seed}/world")), world.fractions
    light = TrueLight(scenario, policy)
    state = tick.start(policy, episode.profile, bare, seed, 0)
    telemetry, efficient, shadowed, first_s = worker.idle, 0, 0, None
    said: Any = None
    for at in range(ticks):
        now_us = device.t_us
        state, verdict = tick.step(state, Snapshot(now_us, device.read(now_us), telemetry), policy, episode.profile)
        light.follow(device.world.light_mlx(now_us))
        done = worker.serve(verdict.point, verdict.shadow_ppm, 1e6, light, now_us, 1_000_000, verdict.most_frames)
        device.advance(1_000_000, done.active_uj)
        telemetry = done.telemetry
        efficient += done.efficient
        shadowed += telemetry.shadow_frames
        if done.efficient and first_s is None:
            first_s = at
    rules = account.observe
    window = rules(tick.account_table.rules(policy), state.account, telemetry.stretches, policy.reference)
    said = next(one for one in account.statements(tick.account_table.rules(policy), window) if one.band == "bright")
    return Day(
        worker.lost_ppm / M, worker.delivered, efficient, shadowed, said.bound_ppm_frames / M, first_s,
        worker.lost_ppm > said.allowed_ppm_frames, worker.lost_ppm > said.bound_ppm_frames,
    )  # fmt: skip


def old_admits(world: World, seed: int, hours: float) -> tuple[bool, float]:
    """Whether the admission of before admits in this world, and the world's mean loss."""
    from tests.brain.decide.plant import facts, feeder

    policy = replace(feeder(), bands=(replace(feeder().bands[-1], down_at_mlx=None),))
    table = old_admission.rules(policy)
    proofs = old_admission.start(table, policy, facts(priors=()), {})
    chance, random = world.begin(Random(f"{seed}/world")), Random(f"{seed}/old")
    admitted, total, count = False, 0.0, int(hours * 3600)
    for at in range(count):
        now = chance(at * 1_000_000, 20_000)
        total += now
        if not admitted:
            losses = tuple(Shadow("bright", "int8", M * (random.random() < now)) for _ in range(4))
            proofs = old_admission.absorb(table, proofs, losses, at)
            admitted = proofs[0].word.admitted
    return admitted, total / count


def main(argv: list[str] | None = None) -> int:
    """Print one row a world; 1 where a window was over the limit or a statement was untrue."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help="a part of a world's name")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--old-runs", type=int, default=4)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--share", type=float, default=2.0, help="the policy's shadow_pct")
    args = parser.parse_args(argv)
    print(
        "| world | windows over | untrue | lost, mean / worst | bound | on INT8 (table) | shadowed | old test: wrongly admitted |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    bad = 0
    for name, world in WORLDS.items():
        if args.worlds and not any(part in name for part in args.worlds):
            continue
        began = time.monotonic()
        days = [day(world, seed, args.hours, args.share) for seed in range(args.runs)]
        old = [old_admits(world, seed, args.hours) for seed in range(args.old_runs)]
        wrong = sum(admitted and mean > 0.005 for admitted, mean in old)
        lost = [one.lost / one.delivered for one in days]
        over, untrue = sum(one.over for one in days), sum(one.untrue for one in days)
        bad += over + untrue
        on = sum(one.efficient for one in days) / sum(one.delivered for one in days)
        shadowed = sum(one.shadowed for one in days) / sum(one.delivered for one in days)
        bound = sum(one.bound / one.delivered for one in days) / len(days)
        mean, worst = sum(lost) / len(lost), max(lost)
        said = "" if world.table is None else f" ({world.table:g})"
        print(
            f"| {name} | {over} of {len(days)} | {untrue} | {mean:.3%} / {worst:.3%} | {bound:.3%} | {on:.1%}{said} | "
            f"{shadowed:.2%} | {wrong} of {sum(mean > 0.005 for _, mean in old)} |", flush=True,
        )  # fmt: skip
        print(f"{name}: {time.monotonic() - began:.0f} s, first INT8 after {days[0].first_s} s", file=sys.stderr, flush=True)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
