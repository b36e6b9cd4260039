"""One policy through one day of a twin, hour by hour, and what it really did in which conditions."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import floor, log

from adaptd.config.policy import Policy, parse_policy
from adaptd.config.profile import parse_profile
from adaptd.lab.controllers.adaptd import Adaptd
from adaptd.lab.episode import Episode
from adaptd.lab.harness import Choice, simulate
from adaptd.lab.score import Result
from adaptd.twin.device import TwinDevice
from adaptd.twin.scenario import facts_of, parse_scenario
from adaptd.twin.worker import Tick
from adaptd.twin.world import TrueBand
from adaptd.vocabulary import BatteryReading, RawReading, Snapshot, Verdict

HOUR_US = 3_600_000_000
WARM_K = 5  # temperatures within so many kelvin are like conditions
WARM_DAYS = 3  # lived before a day, in steps of a minute: until the budget of shadow frames is spent as in the long run
WARM_TICK_US = 60_000_000
RATE_STEP = 1.25  # rates within a quarter are like conditions
Cell = tuple[str, int, str, int]  # light band, temperature step, variant, rate step

# A search plays hundreds of trials of a few texts. The strict reader takes some 50 ms a file, as long as a short trial itself;
# what it gives is frozen and may be shared. A refusal is raised anew each time.
policy_of, profile_of, scenario_of = lru_cache(32)(parse_policy), lru_cache(32)(parse_profile), lru_cache(32)(parse_scenario)


@dataclass(slots=True)
class Hour:
    """What one hour came to. Energies in joules, board energy with idle; ``cells`` are seconds by condition and choice."""

    seconds: float = 0.0
    energy_j: float = 0.0
    active_j: float = 0.0
    delivered: float = 0.0
    late: float = 0.0
    hottest_c: float = -273.0
    temperature_sum: float = 0.0
    over_limit_s: float = 0.0
    near_limit_s: float = 0.0
    budget_over_s: float = 0.0
    floor_short_s: float = 0.0
    served: dict[str, float] = field(default_factory=dict)
    time_s: dict[str, float] = field(default_factory=dict)
    cells: dict[Cell, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Played:
    """A day: its hours and its score. ``start_ppm`` is the battery's charge at its start, where there is one."""

    name: str
    hours: tuple[Hour, ...]
    result: Result
    start_ppm: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Texts:
    """Everything a day needs, as texts: what a process is sent. ``bands`` is the policy whose light bands the truth speaks of.

    ``before`` are the scenarios of the days before it, lived under the same policy; none where the box starts fresh.
    """

    scenario: str
    policy: str
    profile: str
    bands: str
    name: str = "policy"
    before: tuple[str, ...] = ()


def episode_of(texts: Texts) -> Episode:
    """The episode of these texts.

    Raises:
        ConfigError: one line a fault.
    """
    scenario, policy = scenario_of(texts.scenario), policy_of(texts.policy, texts.name)
    own = policy_of(texts.bands)
    scenario = replace(scenario, truth_bands=own.bands if own.bands != policy.bands else ())
    return Episode(scenario, policy, profile_of(texts.profile), facts_of(scenario, policy))


def play(texts: Texts) -> Played:
    """Run adaptd's own controller through the day, after the days before it where there are any."""
    return play_episode(episode_of(texts), [episode_of(replace(texts, scenario=one)) for one in texts.before])


def play_on(texts: Texts, branches: tuple[tuple[str, ...], ...]) -> list[list[Played]]:
    """The days before, once, and from there each branch: scenarios that follow one another day after day."""
    brain: Lasting | None = None
    for one in texts.before:
        episode = episode_of(replace(texts, scenario=one))
        brain = brain or _started(episode)
        _pass(brain, episode)
    found = []
    for branch in branches:
        episodes = [episode_of(replace(texts, scenario=one)) for one in branch]
        other = _started(episodes[0]) if brain is None else brain.branch()
        found.append([_watched(other, episode) for episode in episodes])
    return found


def play_episode(episode: Episode, before: Sequence[Episode] = ()) -> Played:
    """The same for episodes that were read already."""
    brain = _started(episode)
    for one in before:
        _pass(brain, one)
    return _watched(brain, episode)


def _started(episode: Episode) -> "Lasting":
    return Lasting(episode.policy, episode.profile, episode.facts, episode.scenario.seed)


def _pass(brain: "Lasting", episode: Episode) -> None:
    """A day that nobody watches, in coarse steps."""
    day = replace(episode.scenario, tick_us=max(episode.scenario.tick_us, WARM_TICK_US))
    simulate(day, episode.policy, episode.profile, episode.facts, brain)
    brain.midnight(day.duration_us)


def _watched(brain: "Lasting", episode: Episode) -> Played:
    scenario, policy, profile, facts = episode.scenario, episode.policy, episode.profile, episode.facts
    watch = _Watch(episode)
    result = simulate(scenario, policy, profile, facts, brain, watch)
    start_ppm = 1_000_000 if scenario.battery is None else scenario.battery.start_ppm
    brain.midnight(scenario.duration_us)
    return Played(scenario.name, tuple(watch.hours), result, start_ppm)


class Lasting(Adaptd):
    """adaptd's brain through several days, each a scenario of its own: clock, readings and frames are counted on.

    What it has learned and what is left of its budget of shadow frames go over midnight. A box takes three days until what it
    spends of that budget hour by hour repeats itself; a twin whose every day begins anew serves the efficient engine later.
    """

    _days_us = _frames = 0

    def midnight(self, day_us: int) -> None:
        """A day of this length is over, the next scenario begins at 0 again."""
        self._days_us += day_us
        self._frames = self.state.account.last_frame + 1

    def branch(self) -> "Lasting":
        other = copy(self)
        other._unseen = list(self._unseen)
        return other

    def restart(self, now_us: int) -> None:
        """As a daemon that died without a word."""
        super().restart(now_us + self._days_us)

    def decide(self, snapshot: Snapshot) -> Verdict:
        return super().decide(self._on(snapshot) if self._days_us else snapshot)

    def _on(self, snapshot: Snapshot) -> Snapshot:
        worker, battery = snapshot.worker, snapshot.battery
        if worker.stretches:
            moved = [replace(s, first=s.first + self._frames, last=s.last + self._frames) for s in worker.stretches]
            worker = replace(worker, stretches=tuple(moved))
        if isinstance(battery, BatteryReading):
            battery = replace(battery, at_us=battery.at_us + self._days_us)
        raw = tuple([replace(one, seq=one.seq + self._days_us) if isinstance(one, RawReading) else one for one in snapshot.raw])
        return replace(snapshot, now_us=snapshot.now_us + self._days_us, raw=raw, worker=worker, battery=battery)


class _Watch:
    """An observer that sums every tick into its hour."""

    def __init__(self, episode: Episode) -> None:
        self.hours: list[Hour] = []
        self._policy: Policy = episode.policy
        self._dt_s = episode.scenario.tick_us / 1e6
        self._band = TrueBand(episode.scenario.truth_bands or episode.policy.bands)

    def __call__(self, device: TwinDevice, snapshot: Snapshot, choice: Choice, tick: Tick) -> None:
        at = snapshot.now_us // HOUR_US
        while len(self.hours) <= at:
            self.hours.append(Hour())
        hour, dt_s, policy = self.hours[at], self._dt_s, self._policy
        temperature_c, point = device.temperature_mc / 1000, tick.telemetry.point
        hour.seconds += dt_s
        hour.energy_j += device.power_mw / 1000 * dt_s
        hour.active_j += tick.active_uj / 1e6
        hour.delivered += tick.delivered
        hour.late += tick.late
        hour.temperature_sum += temperature_c * dt_s
        hour.hottest_c = max(hour.hottest_c, temperature_c)
        limit_c = policy.limit_mc / 1000
        hour.over_limit_s += dt_s if temperature_c > limit_c else 0.0
        hour.near_limit_s += dt_s if temperature_c > limit_c - 2 else 0.0
        budget_mw = policy.budget_mw if snapshot.budget_mw is None else snapshot.budget_mw
        hour.budget_over_s += dt_s if budget_mw is not None and device.power_mw > budget_mw + 0.5 else 0.0
        hour.floor_short_s += dt_s if point.fps_mfps < policy.floor_mfps else 0.0
        for served in tick.telemetry.served:
            hour.served[served.variant] = hour.served.get(served.variant, 0.0) + served.frames
        serving = point.variant if point.fps_mfps else "none"
        count = sum(served.frames for served in tick.telemetry.served)
        parts = [(served.variant, served.frames / count) for served in tick.telemetry.served] if point.fps_mfps else []
        for name, share in parts or [(serving, 1.0)]:
            hour.time_s[name] = hour.time_s.get(name, 0.0) + share * dt_s
        band = self._band.follow(device.world.light_mlx(snapshot.now_us))
        cell = cell_of(band, temperature_c, serving, point.fps_mfps / 1000)
        hour.cells[cell] = hour.cells.get(cell, 0.0) + dt_s


def cell_of(band: str, temperature_c: float, variant: str, rate_fps: float) -> Cell:
    """The cell that conditions and a choice fall into: like choices in like conditions fall into the same one."""
    step = floor(log(rate_fps) / log(RATE_STEP) + 0.5) if rate_fps > 0 else -99
    return (band, floor(temperature_c / WARM_K), variant, step)
