"""Every bad policy is refused quickly, with file, line, column, key and rule: hand-made ones and any number of damaged ones."""

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable

import yaml

from adaptd.config.errors import ConfigError
from adaptd.config.policy import parse_policy
from tests.faults.bad_policies import CLASSES, GOOD

ALPHABET = "abz019.:-{}[],&*!|>'\"%@`#\n\t \x00é~<?"


def refusal(text: str) -> tuple[str, ...]:
    """The lines of the refusal; empty where the policy is accepted."""
    try:
        parse_policy(text, "p.yaml")
    except ConfigError as error:
        return error.lines
    return ()


def well_told(lines: tuple[str, ...]) -> bool:
    """Whether every line says file, line, column, key, what is wrong and what would be right."""
    for line in lines:
        parts = line.split(":", 4)
        if len(parts) < 5 or parts[0] != "p.yaml" or not (parts[1].isdigit() and parts[2].isdigit()) or ", " not in line:
            return False
    return bool(lines)


def damaged(rng: random.Random) -> str:
    """The good policy with a few random edits."""
    text = list(GOOD)
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(text))
        kind = rng.random()
        if kind < 0.4:
            text[place] = rng.choice(ALPHABET)
        elif kind < 0.7:
            text.insert(place, rng.choice(ALPHABET))
        else:
            del text[place : place + rng.randint(1, 12)]
    return "".join(text)


def trusting(text: str) -> tuple[str, ...]:
    """The negative control: a loader that takes what PyYAML takes."""
    try:
        yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return (str(error),)
    return ()


def judged(judge: Callable[[str], tuple[str, ...]]) -> tuple[list[str], float]:
    """Which hand-made bad policies ``judge`` accepts or refuses badly, and the longest it took, in seconds."""
    bad, slowest = [], 0.0
    for name, texts in CLASSES.items():
        for index, text in enumerate(texts):
            began = time.process_time()
            lines = judge(text)
            slowest = max(slowest, time.process_time() - began)
            if not well_told(lines):
                bad.append(f"{name} {index}: {lines[0] if lines else 'accepted'}")
    return bad, slowest


def main(argv: list[str] | None = None) -> int:
    """Print how many were refused, how well, how long the slowest took, and what the control lets through."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fuzzed", type=int, default=20_000)
    arguments = parser.parse_args(argv)
    bad, slowest = judged(refusal)
    total = sum(map(len, CLASSES.values()))
    print(f"hand-made: {total} in {len(CLASSES)} classes, {len(bad)} accepted or badly told, slowest {slowest * 1e3:.1f} ms")
    rng, refused, slow = random.Random(1), 0, 0.0
    for _ in range(arguments.fuzzed):
        text = damaged(rng)
        began = time.process_time()
        lines = refusal(text)
        slow = max(slow, time.process_time() - began)
        refused += bool(lines)
        if lines and not well_told(lines):
            bad.append(lines[0])
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = f"slowest {slow * 1e3:.1f} ms; {memory_mb:.0f} MB"
    print(f"fuzzed: {arguments.fuzzed}, {refused} refused, the others still a policy; {cost}")
    passed, _ = judged(trusting)
    accepted = sum(line.endswith(": accepted") for line in passed)
    print(f"control: a loader that trusts PyYAML accepts {accepted} of {total} and tells {len(passed) - accepted} badly")
    for line in bad[:20]:
        print(f"  {line}")
    return 1 if bad or not passed or max(slowest, slow) > 0.1 else 0


if __name__ == "__main__":
    sys.exit(main())
