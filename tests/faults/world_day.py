"""One run of the loss account in a world of losses: the whole brain on the software device, nothing a copy of the formula.

Coins and losses are independent draws, so where one falls seldom the frames up to the next are skipped by a geometric draw: the
same law, fewer numbers. Needs pydantic and PyYAML beside the standard library.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from adaptd.brain.estimate import account, account_table
from adaptd.brain.estimate.account import M
from adaptd.brain.tick import Brain, statements
from adaptd.lab.episode import Episode, load_episode
from adaptd.twin.device import TwinDevice
from adaptd.twin.worker import TwinWorker
from adaptd.twin.world import TrueLight
from adaptd.vocabulary import BandStatement, Shadow, Snapshot, Stretch, Verdict

ROOT = Path(__file__).resolve().parents[2]
Chance = Callable[[int, int], float]  # microseconds, share of the coin -> the loss of a frame then
SECOND_US, DAY_US = 1_000_000, 86_400_000_000
SELDOM = 0.1
BAND = "bright"


@dataclass(frozen=True)
class World:
    """How losses come, what the first simulation says of time on INT8 (per cent; None: nothing), whether losses are fractions."""

    begin: Callable[[Random], Chance]
    table: float | None = None
    fractions: bool = False


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
    found["drift from 0 to 2 % over the day"] = World(plain(lambda t, q: 0.02 * (t % DAY_US) / DAY_US))
    found["everything differs in the window's last ten minutes"] = World(
        plain(lambda t, q: float(t % DAY_US >= DAY_US - 600 * SECOND_US))
    )
    found["an adversary who sees the share: 3 % while it is thin"] = World(plain(lambda t, q: 0.03 if 0 < q <= 20_000 else 0.0))
    found["boxes: losses in [0, 1], 0.2 % on average"] = World(plain(lambda t, q: 0.002), None, fractions=True)
    return found


WORLDS = _worlds()


def falls(random: Random, count: int, chance: float) -> list[int]:
    """Which of ``count`` independent draws fall."""
    if chance <= 0.0:
        return []
    if chance >= SELDOM:
        draw = random.random
        return [at for at in range(count) if draw() < chance]
    found: list[int] = []
    at, per_gap = -1, 1.0 / math.log1p(-chance)
    while True:
        at += 1 + int(math.log(1.0 - random.random()) * per_gap)
        if at >= count:
            return found
        found.append(at)


class WorldWorker(TwinWorker):
    """The twin's worker in a world of losses of its own. ``lost_ppm`` is what really went out since it was last set to 0."""

    chance: Chance = staticmethod(lambda t, q: 0.0)
    fractions = False
    lost_ppm = 0
    random = Random(0)
    coins = Random(0)

    def _toss(
        self, variant: str, tested: str, share_ppm: int, light: TrueLight, t_us: int, count: int, missed: int, band: str
    ) -> Any:
        efficient, chance = variant != "fp16", self.chance(t_us, share_ppm)
        if self.fractions:
            losses = {at: int(2 * M * chance * self.random.random()) for at in range(count)}
        else:
            losses = dict.fromkeys(falls(self.random, count, chance), M)
        coins = falls(self.coins, count, share_ppm / M) if tested else []
        seen_ppm = [losses.get(at, 0) for at in coins]
        if efficient:
            self.lost_ppm += sum(losses.values()) - sum(seen_ppm)
        first = self._frames
        self._frames += count
        stretch = Stretch(
            band=band, variant=variant, share_ppm=share_ppm, frames=count, missed=missed,
            shadowed=len(coins) if efficient else 0, differed=sum(one > 0 for one in seen_ppm) if efficient else 0,
            loss_ppm=sum(seen_ppm) if efficient else 0, first=first, last=first + count - 1,
            drawn=tuple([first + at for at in coins]),
        )  # fmt: skip
        return stretch, tuple([Shadow(band, tested, one) for one in seen_ppm]), 0


@cache
def _episode() -> Episode:
    return load_episode(ROOT / "policies" / "scenarios" / "calm-day.yaml")


def _window(said: BandStatement, lost_ppm: int, shadowed: int) -> dict[str, Any]:
    """What a window ended with, in frames, beside what really went out. ``over`` and ``untrue`` must never be."""
    return {
        "delivered": said.delivered, "efficient": said.efficient, "differed": said.differed, "shadowed": shadowed,
        "lost": lost_ppm / M, "bound": said.bound_ppm_frames / M, "over": lost_ppm > said.allowed_ppm_frames,
        "untrue": lost_ppm > said.bound_ppm_frames,
    }  # fmt: skip


class Run:
    """A box in one light band, without a prior, for some hours: what each window ended with, and the truth."""

    def __init__(self, world: World, seed: int, hours: float, shadow_pct: float) -> None:
        episode = _episode()
        self.ticks = int(hours * 3600)
        self.policy = replace(episode.policy, shadow_ppm=int(shadow_pct * 10_000))
        scenario = replace(
            episode.scenario, seed=seed, tick_us=SECOND_US, duration_us=self.ticks * SECOND_US, light_mlx=((0, 500_000),),
            other_load_mw=((0, 400),), ambient_mc=((0, 25_000),),
        )  # fmt: skip
        bare = tuple(replace(fact, priors=()) for fact in episode.facts)
        self.brain = Brain(self.policy, episode.profile, bare)
        self.device, self.worker = TwinDevice(scenario, episode.profile), WorldWorker(scenario, self.policy, bare)
        self.worker.random, self.worker.coins = Random(f"{seed}/losses"), Random(f"{seed}/coins")
        self.worker.chance, self.worker.fractions = world.begin(Random(f"{seed}/world")), world.fractions
        self.light = TrueLight(scenario, self.policy)
        self.state = self.brain.start(seed, 0)
        self.windows: list[dict[str, Any]] = []
        self.first_s: int | None = None
        self.paid_frames = 0
        self.served = self.delivered = self.shadowed = 0

    def until(self, deadline_s: float | None) -> dict[str, Any] | None:
        """Run to the end; None where the clock passed ``deadline_s`` (monotonic) first."""
        device, worker, light, brain = self.device, self.worker, self.light, self.brain
        light.follow(device.world.light_mlx(0))
        telemetry = worker.idle
        for at in range(self.ticks):
            if deadline_s is not None and at % 1000 == 0 and time.monotonic() > deadline_s:
                return None
            now_us = device.t_us
            self.state, verdict = brain.step(self.state, Snapshot(now_us, device.read(now_us), telemetry))
            self._turn(verdict)
            done = worker.serve(verdict.point, verdict.shadow_ppm, 1e6, light, now_us, SECOND_US, verdict.most_frames)
            device.advance(SECOND_US, done.active_uj)
            telemetry = done.telemetry
            self.shadowed += telemetry.shadow_frames
            self.delivered += telemetry.delivered
            self.served += done.efficient
            if done.efficient and self.first_s is None:
                self.first_s = at
            if at < 7200:
                self._owes()
        rules = account_table.rules(self.policy)
        last = account.observe(rules, self.state.account, telemetry.stretches, self.policy.reference)
        self._end(statements(replace(self.state, account=last), self.policy))
        return {
            "windows": self.windows, "first_s": self.first_s, "paid_frames": self.paid_frames, "on": self.served / self.delivered,
        }  # fmt: skip

    def _owes(self) -> None:
        """The last frame at which more was drawn than the delivered frames alone had earned."""
        one = next(one for one in self.state.account.bands if one.band == BAND)
        if one.debit_ppm > one.delivered * self.policy.max_loss_ppm:
            self.paid_frames = one.delivered

    def _turn(self, verdict: Verdict) -> None:
        if verdict.closed:
            self._end(verdict.closed)

    def _end(self, said: tuple[BandStatement, ...]) -> None:
        self.windows += [_window(one, self.worker.lost_ppm, self.shadowed) for one in said if one.band == BAND]
        self.worker.lost_ppm = self.shadowed = 0
