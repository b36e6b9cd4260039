"""`adaptd bench control | overhead | swap | audit | ...`: the measurements, each as ratios in one run.

``control`` is here; the others are the modules of `benchmarks/` in a clone.
"""

import argparse
import importlib
import sys

from adaptd.cli.errors import CommandError
from adaptd.cli.options import Sub, Words, as_json, jobs, later, verb, verbs
from adaptd.config.shipped import policies_dir

ELSEWHERE = {
    "overhead": "the worker's time per frame over a bare loop",
    "swap": "swaps under load, cold load against warm swap",
    "daemon": "the control process: share of a core, memory, time to the first result",
    "audit": "append, verify, replay",
    "gpu": "TensorRT, CUDA graphs, energy (needs an NVIDIA GPU)",
}


def register(sub: Sub) -> None:
    group = verbs(sub, "bench", "measure: controllers against the oracle, overhead, swap, audit")
    control = verb(group, "control", "all controllers on all scenarios, against the oracle", later("bench_control.control"))
    control.path("--scenarios", "folder of scenarios (default: the shipped ones)")
    control.option("--controllers", "comma-separated names (default: all)")
    control.path("--policy", "one policy for all scenarios (default: the one each of them tests)")
    control.count("--random", "N random hours instead of the scenarios", metavar="N")
    control.count("--seed", "seed of the random hours", 0, default=1)
    control.flag("--causes", "adaptd alone, its regret split by cause")
    control.add(jobs, as_json)
    control.path("-o --output", "draw the picture", metavar="PICTURE.svg")
    words = "random missions on a battery whose label is a fifth off"
    endurance = verb(group, "endurance", words, later("bench_control.endurance"))
    endurance.count("--missions", "how many (default: 100)", default=100, metavar="N")
    endurance.count("--seed", "seed of the missions", 0, default=1)
    endurance.add(jobs, as_json)
    for name, words in ELSEWHERE.items():
        # No prefix that a person can type: every word, dashes included, is the other command line's.
        verb(group, name, words, _elsewhere, _rest, add_help=False, prefix_chars="\0")


def _rest(words: Words) -> None:
    words.option("rest", "options of the benchmark itself, such as --json", nargs="*")


def _elsewhere(arguments: argparse.Namespace) -> int:
    """Hand the words over to ``benchmarks.NAME.main``."""
    clone = policies_dir().parent
    if not (clone / "benchmarks" / f"{arguments.verb}.py").is_file():
        raise CommandError(f"bench {arguments.verb}: this measurement is part of a clone, run it there (make bench)")
    if str(clone) not in sys.path:
        sys.path.insert(0, str(clone))
    module = importlib.import_module(f"benchmarks.{arguments.verb}")
    return int(module.main(arguments.rest))
