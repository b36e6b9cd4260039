"""Hours with stalls on a board with two power modes, drawn from a seed: who keeps the share of late frames that is allowed.

    python -m tests.lab.stalls [--seeds 101 102 103] [--hours 20]

A detector in FP16 on an Orin Nano Super, in MAXN_SUPER or in 15W as measured (policies/scenarios/modes), scaled to nets of one to
five times the size. The deadline lies between the stalls of both: in 15W nearly all of them are late, in MAXN_SUPER one in four
or five. Stalls hit 0.45 to 0.9 % of the frames, 0.3 s long on average, and 0.3 % may be late. The negative
control decides by mean and deviation alone. "Held" is the board left in MAXN_SUPER: what nobody could better.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random

from adaptd.brain import pricing
from adaptd.lab.episode import Episode, load_episode, run
from adaptd.twin.words import PPM, BoardModes, ModeTruth, StallTruth
from tests.conftest import ROOT

FILE = ROOT / "policies" / "scenarios" / "modes" / "orin-nano-two-modes.yaml"
ALLOWED_PPM = 3_000
HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Hour:
    """What came of one hour: the share of frames that were late, and the energy of the board in joules."""

    late_pct: float
    energy_j: float


def hour(seed: int, number: int, duration_us: int = HOUR_US) -> Episode:
    """Hour ``number`` of ``seed``: always the same."""
    draw = Random(f"stalls/{seed}/{number}")
    world = load_episode(FILE)
    board = world.scenario.power_modes
    assert board is not None
    size, room = draw.uniform(1.0, 5.0), draw.uniform(1.6, 2.3)
    modes = tuple(_sized(mode, size) for mode in board.modes)
    home = {mode.name: mode.figures[0] for mode in modes}
    fact = replace(world.facts[0], energy_uj=home["MAXN_SUPER"][1], latency_us=home["MAXN_SUPER"][2])
    every_s, share = draw.uniform(20.0, 60.0), draw.uniform(0.0045, 0.009)
    stalls = StallTruth(round(every_s * 1e6), round(every_s * share * 1e6), round((1.0 + 1.5 * (room * 1.05 - 1.0)) * PPM))
    truth = replace(world.scenario.truth, stalls=stalls, energy_scale_ppm=(), disagreement=())
    policy = replace(
        world.policy,
        efficient=(),
        deadline_us=round(home["15W"][2] * room),
        late_ppm=ALLOWED_PPM,
        target_mfps=round(draw.uniform(10.0, 20.0) * 1000),
        floor_mfps=5_000,
        frame_value_uj=fact.energy_uj * 4,
    )
    scenario = replace(
        world.scenario,
        name=f"stalls-{seed}-{number}",
        seed=draw.getrandbits(40),
        duration_us=duration_us,
        variants=(fact,),
        truth=truth,
        slow_down_ppm=((0, PPM),),
        ambient_mc=((0, 20_000),),
        power_modes=BoardModes("MAXN_SUPER", modes),
    )
    return Episode(scenario, policy, world.profile, (fact,))


def _sized(mode: ModeTruth, size: float) -> ModeTruth:
    figures = tuple((name, round(energy * size), round(latency * size)) for name, energy, latency in mode.figures[:1])
    return replace(mode, figures=figures)


@contextmanager
def mean_and_deviation() -> Iterator[None]:
    """Within it the brain knows of no stalls: what they do to sums and longest frames goes into mean and scatter."""
    real = pricing.stalls
    pricing.stalls = lambda table, paces, known, served: (None, served)
    try:
        yield
    finally:
        pricing.stalls = real


def played(world: Episode, *, blind: bool = False) -> Hour:
    """The hour under the whole brain, or under one that is blind to stalls."""
    if blind:
        with mean_and_deviation():
            result = run(world, "adaptd")
    else:
        result = run(world, "adaptd")
    return Hour(100 * result.deadline_misses / result.frames_executed, result.energy_uj / 1e6)


def table(seed: int, hours: int) -> Iterator[str]:
    """One line each for the tail, for mean and deviation, and for the board that is left in MAXN_SUPER."""
    worlds = [hour(seed, number) for number in range(hours)]
    held = [replace(world, policy=replace(world.policy, modes=())) for world in worlds]
    for name, those, blind in (("tail", worlds, False), ("mean and deviation", worlds, True), ("held", held, False)):
        found = [played(world, blind=blind) for world in those]
        over = sum(one.late_pct > ALLOWED_PPM / 10_000 for one in found)
        late = [one.late_pct for one in found]
        energy = sum(one.energy_j for one in found) / len(found)
        said = f"over {ALLOWED_PPM / 10_000:g} % in {over} of {hours} hours, {sum(late) / hours:.2f} % on average"
        yield f"seed {seed}, {name:<18}: {said}, {max(late):.2f} % at worst, {energy:.0f} J an hour"


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--hours", type=int, default=20)
    asked = parser.parse_args()
    for seed in asked.seeds:
        for line in table(seed, asked.hours):
            print(line, flush=True)


if __name__ == "__main__":
    main()
