"""Random missions on a battery: how near to the reserve they end, and how many frames they deliver of the best plan in hindsight.

Boards, nets, wrong profiles, light, other loads and contention are drawn as in the random hours, over two to five hours and in
air that leaves energy as the only thing that binds. The battery truly holds what a plan between floor and target needs, and its
label is a fifth off, up or down. The best plan in hindsight knows every tick to come, and the true battery: each tick has an
energy of its cheapest frame, the floor is served throughout, and the cheapest ticks are filled up to the target first.
"""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np

from adaptd.config.endurance import Endurance
from adaptd.lab.bench import Progress, spread
from adaptd.lab.episode import Episode, run
from adaptd.lab.harness import Choice
from adaptd.lab.randomised import random_episode
from adaptd.lab.timeline import Array, timeline
from adaptd.twin.device import TwinDevice
from adaptd.twin.words import PPM, BatteryTruth, Curve, Scenario
from adaptd.twin.worker import Tick
from adaptd.vocabulary import Snapshot, Verdict

TICK_US = 2_000_000
LABEL_OFF = 0.2
RESERVE = (0.05, 0.2)
BETWEEN = (0.15, 0.85)  # of the way from the floor's energy to the target's
HOURS = (2, 5)
NEAR_PPM = 30_000


@dataclass(frozen=True, slots=True)
class Mission:
    """One mission: what was left beside the reserve at the hour asked, and frames beside the best plans in hindsight.

    ``best`` may serve every engine that keeps the accuracy promise in the scene at hand and proves nothing, which nobody could;
    ``unshadowed`` serves the engines that adaptd had proven in that tick, and shadows nothing; ``proven`` serves the same and
    pays for as many shadow frames a frame. All three know light, contention and battery to come, and may draw
    as much as adaptd did where that went below the reserve; heat binds in no mission.
    """

    number: int
    hours: float
    label_scale: float
    lasted: bool
    off_reserve_ppm: int
    frames: float
    best: float
    unshadowed: float
    proven: float
    felt_an_hour: float

    @property
    def near(self) -> bool:
        """Whether it lasted, and ended within three per cent of the battery from the reserve."""
        return self.lasted and abs(self.off_reserve_ppm) <= NEAR_PPM

    def to_plain(self) -> dict[str, Any]:
        return {
            "mission": self.number,
            "hours": round(self.hours, 2),
            "label_over_truth": round(self.label_scale, 3),
            "lasted": self.lasted,
            "off_reserve_pct": round(self.off_reserve_ppm / 10_000, 2),
            "frames": round(self.frames),
            "share_of_best": round(self.frames / self.best, 4),
            "share_of_unshadowed": round(self.frames / self.unshadowed, 4),
            "share_of_proven": round(self.frames / self.proven, 4),
            "rate_changes_felt_an_hour": round(self.felt_an_hour, 1),
        }


@dataclass(slots=True)
class Watcher:
    """In which ticks an efficient variant might serve, and what share of the frames ran on both engines."""

    allowed: list[bool] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    def unshadowed(self) -> "Watcher":
        """The same evidence as if it had cost nothing."""
        return Watcher(self.allowed, [0.0] * len(self.shares))

    def __call__(self, device: TwinDevice, snapshot: Snapshot, choice: Choice, tick: Tick) -> None:
        self.shares.append(choice.shadow_ppm / PPM)
        if isinstance(choice, Verdict):
            self.allowed.append(dict(choice.conditions)["efficient_allowed"])


def mission(seed: int, number: int) -> Episode:
    """Mission ``number`` of the sweep ``seed``: always the same."""
    draw = Random(f"mission/{seed}/{number}")  # noqa: S311 - repeatable on purpose
    hour = random_episode(seed, number)
    hours = draw.randint(*HOURS)
    scenario = replace(
        hour.scenario,
        name=f"mission-{seed}-{number}",
        duration_us=hours * 3_600_000_000,
        tick_us=TICK_US,
        ambient_mc=((0, 15_000),),
        budget_mw=((0, None),),
        light_mlx=_again(hour.scenario.light_mlx, hours),
        other_load_mw=_again(hour.scenario.other_load_mw, hours),
        slow_down_ppm=_again(hour.scenario.slow_down_ppm, hours),
    )
    policy = replace(hour.policy, budget_mw=None)
    reserve = draw.uniform(*RESERVE)
    needed_j = _between(hour, scenario, draw.uniform(*BETWEEN))
    true_uj = needed_j / (1.0 - reserve) * 1e6
    scale = draw.choice((1.0 - LABEL_OFF, 1.0 + LABEL_OFF))
    battery = BatteryTruth(round(true_uj * scale), capacity_scale_ppm=round(PPM / scale), step_ppm=10_000, noise_ppm=2_000)
    policy = replace(policy, endurance=Endurance(round(reserve * PPM), lasts_us=scenario.duration_us))
    return Episode(replace(scenario, battery=battery), policy, hour.profile, hour.facts)


def _again(curve: Curve, hours: int) -> Curve:
    """The hour's curve once an hour, each one after the other."""
    return tuple(
        (at_us + hour * 3_600_000_000, value) for hour in range(hours) for at_us, value in curve if at_us < 3_600_000_000
    )


def _between(hour: Episode, scenario: Scenario, part: float) -> float:
    """Joules between what the floor needs and what the target needs, cheapest engine at every moment."""
    passive_j, dt_s, frame_j, low, high = _ticks(replace(hour, scenario=scenario), None)
    floor_j, target_j = (passive_j + float((fps * frame_j).sum()) * dt_s for fps in (low, high))
    return floor_j + part * (target_j - floor_j)


def _ticks(episode: Episode, seen: Watcher | None) -> tuple[float, float, Array, Array, Array]:
    """Passive joules in all, seconds a tick; per tick the cheapest frame's energy, the floor and the most that can be served."""
    policy, names = episode.policy, tuple(fact.name for fact in episode.facts)
    scenario = episode.scenario
    if seen is not None:  # what was proven counts, not what is true
        scenario = replace(scenario, truth=replace(scenario.truth, disagreement=()))
    line = timeline(scenario, policy, episode.profile, episode.facts, names)
    may, frame_j = line.reach_fps > 0, line.frame_j
    if seen is not None:
        rest = line.ticks - len(seen.allowed)
        may[:, 1:] &= np.array(seen.allowed + [False] * rest)[:, None]
        frame_j = frame_j + np.array(seen.shares + [0.0] * rest)[:, None] * frame_j[:, ::-1]  # the other engine beside
    energies = np.where(may, frame_j, np.inf)
    chosen = energies.argmin(axis=1)
    rows = np.arange(line.ticks)
    most = np.minimum(policy.target_mfps / 1000, line.reach_fps[rows, chosen])
    low = np.minimum(policy.floor_mfps / 1000, most)
    return float(line.passive_w.sum()) * line.dt_s, line.dt_s, energies[rows, chosen], low, most


def best_frames(episode: Episode, seen: Watcher | None = None, left_ppm: int = PPM) -> float:
    """Frames of the best plan in hindsight: the floor throughout, then the cheapest ticks up to what can be served.

    It ends at the reserve, or at ``left_ppm`` of the battery where that is less: who went below the reserve has had that energy.
    """
    battery, policy = episode.scenario.battery, episode.policy
    if battery is None or policy.endurance is None:
        raise ValueError("a mission has a battery and a goal")
    true_j = battery.capacity_uj * battery.capacity_scale_ppm / PPM / 1e6
    passive_j, dt_s, frame_j, low, high = _ticks(episode, seen)
    keeps_ppm = min(policy.endurance.reserve_ppm, left_ppm)
    left_j = true_j * (battery.start_ppm - keeps_ppm) / PPM - passive_j - float((low * frame_j).sum()) * dt_s
    order = np.argsort(frame_j)
    wanted_j = ((high - low) * frame_j * dt_s)[order]
    part = np.clip((left_j - (np.cumsum(wanted_j) - wanted_j)) / np.maximum(wanted_j, 1e-12), 0.0, 1.0)
    return float(low.sum() * dt_s + ((high - low)[order] * part).sum() * dt_s)


def fly(seed: int, number: int) -> Mission:
    episode, seen = mission(seed, number), Watcher()
    result, battery, goal = run(episode, "adaptd", seen), episode.scenario.battery, episode.policy.endurance
    if battery is None or goal is None or result.lasted_us is None or result.battery_end_ppm is None:
        raise ValueError("a mission has a battery and a goal")
    hours = episode.scenario.duration_us / 3.6e9
    return Mission(
        number=number,
        hours=hours,
        label_scale=PPM / battery.capacity_scale_ppm,
        lasted=result.lasted_us >= episode.scenario.duration_us,
        off_reserve_ppm=result.battery_end_ppm - goal.reserve_ppm,
        frames=result.frames_delivered,
        best=best_frames(episode, None, result.battery_end_ppm),
        unshadowed=best_frames(episode, seen.unshadowed(), result.battery_end_ppm),
        proven=best_frames(episode, seen, result.battery_end_ppm),
        felt_an_hour=result.rate_changes_felt / hours,
    )


def fly_all(count: int, seed: int, jobs: int | None, progress: Progress | None) -> list[Mission]:
    return spread(fly, [(seed, number) for number in range(count)], jobs, progress)


def summary(missions: list[Mission], seed: int) -> dict[str, Any]:
    plans = ("best", "unshadowed", "proven")
    shares, unshadowed, proven = (sorted(one.frames / getattr(one, key) for one in missions) for key in plans)
    off = [abs(one.off_reserve_ppm) / 10_000 for one in missions]
    return {
        "missions": len(missions),
        "seed": seed,
        "lasted": sum(one.lasted for one in missions),
        "within_3_pct_of_reserve": sum(one.near for one in missions),
        "mean_off_reserve_pct": round(sum(off) / len(off), 3),
        "worst_off_reserve_pct": round(max(off), 3),
        "mean_share_of_best": round(sum(shares) / len(shares), 4),
        "worst_share_of_best": round(shares[0], 4),
        "at_least_97_pct_of_best": sum(share >= 0.97 for share in shares),
        "mean_share_of_unshadowed": round(sum(unshadowed) / len(unshadowed), 4),
        "median_share_of_proven": round(proven[len(proven) // 2], 4),
        "mean_share_of_proven": round(sum(proven) / len(proven), 4),
        "worst_share_of_proven": round(proven[0], 4),
        "at_least_97_pct_of_proven": sum(share >= 0.97 for share in proven),
        "mean_felt_changes_an_hour": round(sum(one.felt_an_hour for one in missions) / len(missions), 2),
        "each": [one.to_plain() for one in missions],
    }
