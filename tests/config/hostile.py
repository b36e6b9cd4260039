"""Policies that try to hurt whoever reads them: extreme, tiny, huge and contradictory values, drawn from a seed.

`python -m tests.config.hostile --count 2000` is the full form; a part of it runs with every test.
"""

import argparse
import random
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from adaptd.brain import tick
from adaptd.brain.decide import analysis
from adaptd.config.errors import ConfigError
from adaptd.config.policy import parse_policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import Prior, VariantFacts
from tests.conftest import ROOT

MOST_S = 2.0
WELL_TOLD = re.compile(r"p\.yaml:[0-9]+:[0-9]+: [^:]+: .")
NUMBERS = (
    *(0, 1, -1, 0.0, -0.0, 5e-324, 1e-12, 1e-5, 0.00001, 0.0001, 0.00049, 0.0005, 0.00051, 0.001, 0.004, 0.49, 0.5, 0.999, 1.0),
    *(1.0001, 2, 50, 99.9, 99.99999, 100, 149.9999, 150, 1000, 60_000, 86_400, 200_000, 999_999, 1_000_000, 1e18, 1e300),
    999_999_999_999_999_999,
)
OTHERS: tuple[Any, ...] = (True, False, None, "", "1", "nan", ".inf", "\u202e1", "\x1b[2J", [], {}, [1], {"a": 1}, "x" * 70)


class HangError(Exception):
    """Something took longer than it may."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise HangError inside the block once it has run for ``seconds``."""

    def late(number: int, frame: object) -> None:
        raise HangError(f"still running after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def hostile(text: str, rng: random.Random) -> str:
    """A good policy's text with one to four of its values replaced."""
    data = yaml.safe_load(text)
    for _ in range(rng.randint(1, 4)):
        holder, key = rng.choice(list(_places(data)))
        # mostly numbers near what is allowed: what is refused by its type alone tests little
        holder[key] = rng.choice(NUMBERS if rng.random() < 0.85 else OTHERS)
    return str(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        if isinstance(value, (dict, list)) and value:
            yield from _places(value)
        else:
            yield node, key


def lived_through(text: str, profile: HardwareProfile) -> str:
    """What became of one policy: ``refused``, or ``good`` after everything that is computed from a policy was computed."""
    try:
        policy = parse_policy(text, "p.yaml")
    except ConfigError as error:
        return "refused" if all(WELL_TOLD.match(line) for line in error.lines) else f"badly told: {error}"
    facts = [VariantFacts(policy.reference, 36_200, 4_430)]
    facts += [VariantFacts(name, 22_800, 3_490, priors=(Prior("bright", 3000, 2),)) for name in policy.efficient]
    tick.start(policy, profile, tuple(facts), 7, 5_000_000)
    analysis.findings(policy)
    analysis.against(policy, profile, tuple(facts), 60_000_000)
    return "good"


def main(argv: list[str] | None = None) -> int:
    """Print what became of them and how long the slowest took."""
    from adaptd.config.profile import load_profile

    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=15)
    arguments = parser.parse_args(argv)
    rng, found, slowest = random.Random(arguments.seed), {"refused": 0, "good": 0}, 0.0
    profile = load_profile(ROOT / "hw_profiles" / "orin-nx-16gb.yaml")
    good = [path.read_text() for path in sorted((ROOT / "policies").glob("*.yaml"))]
    for _ in range(arguments.count):
        text, began = hostile(rng.choice(good), rng), time.monotonic()
        with at_most(MOST_S):
            found[lived_through(text, profile)] += 1  # KeyError: one was badly told
        slowest = max(slowest, time.monotonic() - began)
    print(f"{arguments.count} hostile policies: {found['refused']} refused, {found['good']} good, slowest {slowest:.3f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
