"""What one decision costs, and how fast the software device runs.

A step takes a snapshot to a verdict; with its record it is everything that a tick computes: encoded as the change since the
decision before, written as a canonical line, hashed into the chain. The policy has 60 operating points: four variants at fifteen
rates. A decision is a pure function, so each is made several times and the least time of each is kept: what other programs take
meanwhile does not count. The CPU time of a single pass, in which nothing is thrown away, stands beside it.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from types import FrameType

from adaptd.brain import tick
from adaptd.config.shipped import policies_dir
from adaptd.lab.controllers import make
from adaptd.lab.episode import Episode, load_episode
from adaptd.lab.harness import Choice, simulate
from adaptd.lab.score import quantile
from adaptd.log.format.chain import Chain
from adaptd.log.format.decisions import DecisionCoder
from adaptd.twin.device import TwinDevice
from adaptd.twin.worker import Tick
from adaptd.vocabulary import POWER, TEMPERATURE, Snapshot, VariantFacts
from benchmarks.table import Targets, report

FIGURES: dict[str, object] = {}
POINTS = 60
VARIANTS = ("int8", "int8-small", "int4")
HOT, CALM = "factory-25-45", "calm-day"
TICKS = 6_000
PASSES = 5
TARGETS: Targets = {
    "step_record_p99_us": (250, "at most"),
    "calls_a_tick": (250, "at most"),
    f"ticks_per_s_{CALM}": (5_000, "at least"),
    f"ticks_per_s_{HOT}": (5_000, "at least"),
}


def shortened(scenario: str, ticks: int = TICKS) -> Episode:
    """The first ticks of a shipped scenario."""
    episode = load_episode(policies_dir() / "scenarios" / f"{scenario}.yaml")
    short = replace(episode.scenario, duration_us=min(episode.scenario.duration_us, ticks * episode.scenario.tick_us))
    return replace(episode, scenario=short)


def wide() -> Episode:
    """A hot scenario under a policy with four variants at fifteen rates each."""
    episode = shortened(HOT)
    reference, efficient = episode.facts[0], episode.facts[1]
    others = tuple(
        VariantFacts(name, efficient.energy_uj - 700 * at, efficient.latency_us - 90 * at, priors=efficient.priors)
        for at, name in enumerate(VARIANTS)
    )
    levels = tuple(episode.policy.target_mfps * (at + 1) // 15 for at in range(15))
    policy = replace(episode.policy, efficient=VARIANTS, levels_mfps=levels, floor_mfps=levels[4])
    assert (1 + len(policy.efficient)) * len(policy.levels_mfps) >= POINTS
    return replace(episode, policy=policy, facts=(reference, *others))


def sensed(episode: Episode) -> list[Snapshot]:
    """What the controller is shown, tick after tick."""
    seen: list[Snapshot] = []

    def note(device: TwinDevice, snapshot: Snapshot, choice: Choice, tick: Tick) -> None:
        seen.append(snapshot)

    controller = make("adaptd", episode.scenario, episode.policy, episode.profile, episode.facts)
    simulate(episode.scenario, episode.policy, episode.profile, episode.facts, controller, note)
    return seen


def timed(episode: Episode, snapshots: list[Snapshot]) -> Iterator[tuple[int, int, int]]:
    """Nanoseconds of each step, of each step with its record, and CPU time of the latter."""
    policy, profile = episode.policy, episode.profile
    brain = tick.Brain(policy, profile, episode.facts)
    state = brain.start(episode.scenario.seed, 0)
    coder, chain = DecisionCoder("0" * 64), Chain()
    for snapshot in snapshots:
        cpu, began = time.process_time_ns(), time.perf_counter_ns()
        state, verdict = brain.step(state, snapshot)
        stepped = time.perf_counter_ns()
        chain.write(0, "decision", snapshot.now_us, 0, coder.write(snapshot, verdict, snapshot.now_us))
        done = time.perf_counter_ns()
        yield stepped - began, done - began, time.process_time_ns() - cpu


def steps() -> dict[str, float]:
    """Quantiles of one decision under 60 operating points, in microseconds."""
    episode = wide()
    snapshots = sensed(episode)
    passes = [list(timed(episode, snapshots)) for _ in range(PASSES)]
    cpu = sorted(one[2] for one in passes[0])
    step, record = (sorted(min(one[at] for one in same) for same in zip(*passes, strict=True)) for at in (0, 1))
    quantiles = {"step": step, "step_record": record, "step_record_cpu_one_pass": cpu}
    return {f"{name}_p{part}_us": quantile(times, part / 100) / 1000 for name, times in quantiles.items() for part in (50, 99)}


def eight_sources(snapshot: Snapshot) -> Snapshot:
    """The same with three zones and two rails more, each as the first of its kind."""
    zones = [one for one in snapshot.raw if one.quantity == TEMPERATURE][:1]
    rails = [one for one in snapshot.raw if one.quantity == POWER][:1]
    more = [replace(one, source=f"zone{at}") for one in zones for at in range(3)]
    more += [replace(one, source=f"rail{at}") for one in rails for at in range(2)]
    return replace(snapshot, raw=(*snapshot.raw, *more))


def calls_a_tick() -> dict[str, float]:
    """Calls of functions written in Python in one step with eight sources; a comprehension is one before Python 3.12."""
    episode, made = shortened(HOT, 400), 0
    snapshots = [eight_sources(one) for one in sensed(episode)]
    brain = tick.Brain(episode.policy, episode.profile, episode.facts)
    state = brain.start(episode.scenario.seed, 0)

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal made
        made += event == "call"

    for snapshot in snapshots[:100]:
        state, _ = brain.step(state, snapshot)
    sys.setprofile(count)
    for snapshot in snapshots[100:300]:
        state, _ = brain.step(state, snapshot)
    sys.setprofile(None)
    return {"calls_a_tick": made / 200}


def ticks_per_s(scenario: str) -> float:
    """Ticks a second of the software device with adaptd in control, by CPU time, the best of some passes."""
    episode = shortened(scenario)
    times = []
    for _ in range(PASSES):
        controller = make("adaptd", episode.scenario, episode.policy, episode.profile, episode.facts)
        began = time.process_time()
        simulate(episode.scenario, episode.policy, episode.profile, episode.facts, controller)
        times.append(time.process_time() - began)
    return episode.scenario.ticks / min(times)


def measure() -> dict[str, float]:
    """All figures."""
    return {**calls_a_tick(), **steps(), **{f"ticks_per_s_{name}": ticks_per_s(name) for name in (CALM, HOT)}}


def main(argv: list[str] | None = None) -> int:
    """Print the table; the figures stay in FIGURES."""
    return report(__doc__, argv, measure, TARGETS, FIGURES)


if __name__ == "__main__":
    sys.exit(main())
