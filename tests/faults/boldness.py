"""Missing data never makes it bolder, in any number of cases: ``python -m tests.faults.boldness --cases 100000``.

Every case is a moment of a random board under random weather, with sensors, log, engines and worker failing at random
besides; one reading is taken away and the two verdicts are compared. The mutant goes on with the last value.
"""

import argparse
import sys

from tests.brain.decide.missing import breaches, gullible
from tests.faults.result import tracked


def main(argv: list[str] | None = None) -> int:
    """Print how many cases were bolder, for adaptd and for the mutant; 1 where adaptd was, or the mutant was not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20)
    arguments = parser.parse_args(argv)
    found = list(tracked(breaches(arguments.cases, arguments.seed), "boldness"))
    caught = len(list(breaches(max(500, arguments.cases // 100), arguments.seed, gullible)))
    print(
        f"{arguments.cases:,} cases, {len(found)} bolder without a reading; a mutant that keeps the last value: {caught} caught"
    )
    for line in found[:5]:
        print(f"  {line}")
    return 1 if found or not caught else 0


if __name__ == "__main__":
    sys.exit(main())
