"""Cases for "missing data never makes it bolder", in any number: random weather, and every reading taken away in turn."""

import random
from collections.abc import Iterator
from dataclasses import replace

from adaptd import tick
from adaptd.config.policy import Policy
from adaptd.decide.boldness import bolder, unproven
from adaptd.vocabulary import Measured, Missing, Prior, Verdict
from tests.decide.plant import Board, Second, board, facts, feeder

QUANTITIES = ("temperature", "power", "light")


def random_board(draw: random.Random) -> Board:
    """Any policy of the three kinds, heat that may or may not bind, light that wanders, evidence that may or may not exist."""
    policy = replace(
        feeder(),
        on_conflict=draw.choice(("protect_device", "protect_service", "stop")),
        budget_mw=draw.choice((None, 9000, 12_000)),
    )
    ambient, wander, dark = draw.uniform(30, 84), draw.uniform(-10, 10), draw.uniform(0.3, 3)
    priors = tuple(Prior(band, draw.choice((0, 3000, 8000)), 0) for band in ("night", "dim", "bright"))
    return Board(
        policy=policy,
        facts=facts(efficient_mj=draw.choice((100, 160, 255, 300)), priors=priors),
        r_scale=draw.uniform(0.7, 1.3),
        tau_scale=draw.uniform(0.7, 1.3),
        ambient_c=lambda second: ambient + wander * (second % 400) / 400,
        light_lux=lambda second: 10 ** (dark + (second % 97) / 97),
        other_w=lambda second: 0.5 + 3 * ((second // 60) % 3 == 2),
        slow_down=lambda second: 1.0 + (0.8 if (second // 45) % 4 == 3 else 0.0),
        seed=draw.randrange(1 << 30),
    )


def compare(second: Second, policy: Policy, quantity: str, draw: random.Random) -> tuple[Verdict, Verdict]:
    """The verdict with a reading that could be believed (for light: with any reading), and the one without it."""
    without = replace(second.snapshot, **{quantity: Missing("taken away")})
    state, blind = tick.step(second.before, without, policy, board())
    temperature_mc, power_mw = tick.believed(state)
    value = {
        "light": int(10 ** draw.uniform(1, 8)),
        "temperature": temperature_mc + draw.randint(-20_000, 1000),
        "power": power_mw + draw.randint(-3000, 600),
    }[quantity]
    known = tick.step(second.before, replace(without, **{quantity: Measured(value, 0, "test")}), policy, board())[1]
    return known, blind


def breaches(cases: int, seed: int) -> Iterator[str]:
    """Run ``cases`` comparisons; yield a line for each in which missing data was bolder."""
    draw = random.Random(seed)
    done = 0
    while done < cases:
        world = random_board(draw)
        for second in world.run(240):
            quantity = QUANTITIES[done % 3]
            known, blind = compare(second, world.policy, quantity, draw)
            done += 1
            ways = bolder(blind, known, world.policy.reference)
            if ways or unproven(blind, world.policy.reference):
                yield f"{quantity} at {second.at}: {ways}: {known} -> {blind}"
            if done >= cases:
                return
