"""How the benchmarks of the brain and the log print what they found."""

import argparse
import json
from collections.abc import Callable

from adaptd.base import decision_core as core

Targets = dict[str, tuple[int, str]]


def report(
    about: str | None,
    argv: list[str] | None,
    measure: Callable[[], dict[str, float]],
    targets: Targets,
    figures: dict[str, object],
) -> int:
    """Measure, keep what was found in ``figures`` with the core that ran, and print it: as JSON, or beside its targets."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    arguments = parser.parse_args(argv)
    found = measure()
    figures.update({"core": core.running(), **{name: round(value, 2) for name, value in found.items()}})
    if arguments.json:
        print(json.dumps(figures, indent=2, sort_keys=True))
        return 0
    print(f"  {'core':<40} {core.running():>12}")
    for name, value in found.items():
        target = targets.get(name)
        against = "" if target is None else f"   target: {target[1]} {target[0]:,}"
        print(f"  {name:<40} {value:>12,.1f}{against}")
    return 0
