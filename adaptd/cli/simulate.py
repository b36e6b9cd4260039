"""`adaptd simulate`: one controller on the software device of one scenario."""

import argparse
import json
from pathlib import Path

from adaptd.cli.errors import CommandError
from adaptd.cli.profile import find_profile
from adaptd.twin.words import CONTROLLERS


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = sub.add_parser("simulate", help="run a controller on the software device of a scenario")
    parser.add_argument("--scenario", type=Path, required=True, help="scenario file, or the name of a shipped one")
    parser.add_argument("--policy", type=Path, default=None, help="policy file (default: the one that the scenario tests)")
    parser.add_argument("--profile", default=None, help="name or file of a profile (default: the scenario's)")
    parser.add_argument("--controller", choices=CONTROLLERS, default="adaptd", help="who decides (default: adaptd)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Simulate and print the score."""
    from adaptd.lab.episode import load_episode
    from adaptd.lab.episode import run as run_episode
    from adaptd.lab.oracle import OracleError

    profile = None if arguments.profile is None else find_profile(arguments.profile)
    episode = load_episode(find_scenario(arguments.scenario), arguments.policy, profile)
    try:
        score = run_episode(episode, arguments.controller).to_plain()
    except OracleError as error:
        raise CommandError(str(error)) from None
    if arguments.json:
        print(json.dumps(score))
    else:
        for key, value in score.items():
            print(f"{key:<18} {'-' if value is None else value}")
    return 0


def find_scenario(path: Path) -> Path:
    """The file, or the shipped scenario of that name."""
    from adaptd.twin.scenario import scenarios_dir

    shipped = scenarios_dir() / f"{path}.yaml"
    if not path.is_file() and shipped.is_file():
        return shipped
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in scenarios_dir().glob("*.yaml")))
        raise CommandError(f"{path}: no such scenario, name a file or one of {known}", 2)
    return path
