"""Cases for "missing data never makes it bolder", in any number: random weather, and every reading taken away in turn."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from adaptd.brain import tick
from adaptd.brain.decide.boldness import bolder, unproven
from adaptd.config.policy import Policy
from adaptd.vocabulary import QUANTITIES, Prior, Snapshot, Verdict
from tests.brain.decide.plant import Board, Second, board, facts, feeder
from tests.readings import told

Taken = Callable[[Second, str], Snapshot]


def honest(second: Second, quantity: str) -> Snapshot:
    """The snapshot without a reading."""
    return told(second.snapshot, quantity)


def gullible(second: Second, quantity: str) -> Snapshot:
    """The mutant: a number in the place of a missing reading, the one that was believed last."""
    temperature_mc, power_mw = tick.believed(second.before)
    held = second.before.senses.light
    value = {"temperature": temperature_mc, "power": power_mw, "light": held.value if held else 0}[quantity]
    return told(second.snapshot, quantity, value)


def failing(seed: int) -> Callable[[int, Snapshot], Snapshot]:
    """Sensors, log, engine and worker that fail for a while at random, in any combination."""
    draw = random.Random(seed)
    chance = draw.choice((0.0, 0.003, 0.02))
    until = dict.fromkeys((*QUANTITIES, "log", "engine", "worker"), 0)

    def change(second: int, snapshot: Snapshot) -> Snapshot:
        for name in until:
            if draw.random() < chance:
                until[name] = second + draw.choice((1, 5, 40))
        gone = {name for name, end in until.items() if second < end}
        for name in gone & set(QUANTITIES):
            snapshot = told(snapshot, name)
        worker = snapshot.worker
        if "worker" in gone:
            worker = replace(worker, alive=False, served=(), shadows=(), delivered=0, missed=0, shadow_frames=0)
        if "engine" in gone:
            worker = replace(worker, quarantined=("int8",))
        return replace(snapshot, worker=worker, log_ok=snapshot.log_ok and "log" not in gone)

    return change


def random_board(draw: random.Random) -> Board:
    """Any policy of the three kinds, heat that may bind, light that wanders, evidence that may exist, faults of everything."""
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
        change=failing(draw.randrange(1 << 30)),
    )


def compare(second: Second, policy: Policy, quantity: str, draw: random.Random, taken: Taken = honest) -> tuple[Verdict, Verdict]:
    """The verdict with a reading that could be believed (for light: with any reading), and the one without it."""
    state = tick.step(second.before, honest(second, quantity), policy, board())[0]
    blind = tick.step(second.before, taken(second, quantity), policy, board())[1]
    temperature_mc, power_mw = tick.believed(state)
    value = {
        "light": int(10 ** draw.uniform(1, 8)),
        "temperature": temperature_mc + draw.randint(-20_000, 1000),
        "power": power_mw + draw.randint(-3000, 600),
    }[quantity]
    known = tick.step(second.before, told(second.snapshot, quantity, value), policy, board())[1]
    return known, blind


def breaches(cases: int, seed: int, taken: Taken = honest) -> Iterator[str]:
    """Run ``cases`` comparisons; yield a line for each in which missing data was bolder."""
    draw = random.Random(seed)
    done = 0
    while done < cases:
        world = random_board(draw)
        for second in world.run(240):
            quantity = QUANTITIES[done % 3]
            known, blind = compare(second, world.policy, quantity, draw, taken)
            done += 1
            ways = bolder(blind, known, world.policy.reference)
            if ways or unproven(blind, world.policy.reference):
                yield f"{quantity} at {second.at}: {ways}: {known} -> {blind}"
            if done >= cases:
                return
