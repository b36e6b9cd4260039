"""What stands beside the days of ``account_worlds``: the admission of before in the same worlds, and unseen random hours."""

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

from adaptd.brain.estimate.account import M
from adaptd.config.policy import Policy, load_policy
from adaptd.lab.episode import Episode, run
from adaptd.lab.randomised import random_episode
from adaptd.vocabulary import Shadow, VariantFacts
from tests.brain.estimate import old_admission
from tests.faults.world_day import BAND, ROOT, World

DRAWS = 4  # a second, as the admission of before drew them
FACTS = (VariantFacts("fp16", 260_000, 32_600), VariantFacts("int8", 160_000, 19_900))


@cache
def _one_band() -> Policy:
    feeder = load_policy(ROOT / "policies" / "feeder.yaml")
    return replace(feeder, bands=(replace(feeder.bands[-1], down_at_mlx=None),))


def old_admits(world: World, seed: int, hours: float) -> dict[str, Any]:
    """Whether the admission of before admits in this world, and the world's mean loss."""
    policy = _one_band()
    table = old_admission.rules(policy)
    proofs = old_admission.start(table, policy, FACTS, {})
    chance, random = world.begin(Random(f"{seed}/world")), Random(f"{seed}/old")
    admitted, total, count = False, 0.0, int(hours * 3600)
    for at in range(count):
        now = chance(at * 1_000_000, 20_000)
        total += now
        if not admitted:
            losses = tuple([Shadow(BAND, "int8", M * (random.random() < now)) for _ in range(DRAWS)])
            proofs = old_admission.absorb(table, proofs, losses, at)
            admitted = proofs[0].word.admitted
    return {"admitted": admitted, "mean": total / count}


def edge_hour(seed: int, number: int) -> Episode:
    """A random hour whose light rests within a tenth of the bands' edges, and moves twenty times, by steps and by ramps."""
    hour, draw = random_episode(seed, number), Random(f"edges/{seed}/{number}")
    edges = [edge for band in hour.policy.bands for edge in (band.down_at_mlx, band.up_at_mlx) if edge is not None]
    curve: list[tuple[int, int | None]] = []
    for start_s in range(0, 3600, 180):
        level = round(draw.choice(edges) * draw.uniform(0.9, 1.1))
        curve += [((start_s + draw.choice((1, 20, 60)) * bool(start_s)) * 1_000_000, level), ((start_s + 180) * 1_000_000, level)]
    return replace(hour, scenario=replace(hour.scenario, light_mlx=tuple(curve)))


def random_hour(seed: int, number: int, *, at_edges: bool = False) -> dict[str, Any]:
    """What the judge of one random hour counts against the promise."""
    result = run((edge_hour if at_edges else random_episode)(seed, number), "adaptd")
    return {
        "beyond": result.unproven_frames, "statements": result.statements, "broken": result.statements_broken,
        "efficient": result.efficient_frames, "delivered": result.frames_delivered,
    }  # fmt: skip
