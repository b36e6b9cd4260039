"""`adaptd bench control | overhead | swap | audit | ...`: the measurements, each as ratios in one run.

``control`` is here; the others are the modules of `benchmarks/` in a clone.
"""

import argparse
import importlib
import sys
from pathlib import Path

from adaptd.cli.errors import CommandError, whole
from adaptd.config.shipped import policies_dir

ELSEWHERE = {
    "overhead": "the worker's time per frame over a bare loop",
    "swap": "swaps under load, cold load against warm swap",
    "daemon": "the control process: share of a core, memory, time to the first result",
    "audit": "append, verify, replay",
    "gpu": "TensorRT, CUDA graphs, energy (needs an NVIDIA GPU)",
}


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = sub.add_parser("bench", help="measure: controllers against the oracle, overhead, swap, audit").add_subparsers(
        dest="verb", required=True
    )
    control = group.add_parser("control", help="all controllers on all scenarios, against the oracle")
    control.add_argument("--scenarios", type=Path, default=None, help="folder of scenarios (default: the shipped ones)")
    control.add_argument("--controllers", default=None, help="comma-separated names (default: all)")
    control.add_argument(
        "--policy", type=Path, default=None, help="one policy for all scenarios (default: the one each of them tests)"
    )
    control.add_argument("--random", type=whole(1), default=None, metavar="N", help="N random hours instead of the scenarios")
    control.add_argument("--seed", type=whole(0), default=1, help="seed of the random hours")
    control.add_argument("--causes", action="store_true", help="adaptd alone, its regret split by cause")
    control.add_argument("--jobs", type=whole(1), default=None, help="processes (default: one a core)")
    control.add_argument("--json", action="store_true", help="print one JSON object")
    control.add_argument("-o", "--output", type=Path, default=None, metavar="PICTURE.svg", help="draw the picture")
    control.set_defaults(handler=_control)
    endurance = group.add_parser("endurance", help="random missions on a battery whose label is a fifth off")
    endurance.add_argument("--missions", type=whole(1), default=100, metavar="N", help="how many (default: 100)")
    endurance.add_argument("--seed", type=whole(0), default=1, help="seed of the missions")
    endurance.add_argument("--jobs", type=whole(1), default=None, help="processes (default: one a core)")
    endurance.add_argument("--json", action="store_true", help="print one JSON object")
    endurance.set_defaults(handler=_endurance)
    for name, words in ELSEWHERE.items():
        # No prefix that a person can type: every word, dashes included, is the other command line's.
        other = group.add_parser(name, help=words, add_help=False, prefix_chars="\0")
        other.add_argument("rest", nargs="*", help="options of the benchmark itself, such as --json")
        other.set_defaults(handler=_elsewhere)


def _endurance(arguments: argparse.Namespace) -> int:
    """Fly the missions and print their figures."""
    from adaptd.cli.bench_control import endurance

    return endurance(arguments)


def _elsewhere(arguments: argparse.Namespace) -> int:
    """Hand the words over to ``benchmarks.NAME.main``."""
    clone = policies_dir().parent
    if not (clone / "benchmarks" / f"{arguments.verb}.py").is_file():
        raise CommandError(f"bench {arguments.verb}: this measurement is part of a clone, run it there (make bench)")
    if str(clone) not in sys.path:
        sys.path.insert(0, str(clone))
    module = importlib.import_module(f"benchmarks.{arguments.verb}")
    return int(module.main(arguments.rest))


def _control(arguments: argparse.Namespace) -> int:
    """Run the matrix or the random sweep, print the table or the JSON, draw the picture."""
    from adaptd.cli.bench_control import control

    return control(arguments)
