"""`adaptd simulate`: one controller on the software device of one scenario."""

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.profile import find_profile
from adaptd.twin.words import CONTROLLERS

if TYPE_CHECKING:
    from adaptd.lab.episode import Episode
    from adaptd.lab.score import Result


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = sub.add_parser("simulate", help="run a controller on the software device of a scenario")
    parser.add_argument("--scenario", type=Path, required=True, help="scenario file, or the name of a shipped one")
    parser.add_argument("--policy", type=Path, default=None, help="policy file (default: the one that the scenario tests)")
    parser.add_argument("--profile", default=None, help="name or file of a profile (default: the scenario's)")
    parser.add_argument("--controller", choices=CONTROLLERS, default="adaptd", help="who decides (default: adaptd)")
    parser.add_argument("--audit", type=Path, default=None, metavar="DIR", help="write the run as an audit log here")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Simulate and print the score."""
    from adaptd.lab.episode import load_episode
    from adaptd.lab.episode import run as run_episode
    from adaptd.lab.oracle import OracleError

    profile = None if arguments.profile is None else find_profile(arguments.profile)
    episode = load_episode(find_scenario(arguments.scenario), arguments.policy, profile)
    with refusing(OracleError):
        if arguments.audit is not None:
            score = _recorded(arguments, episode).to_plain()
        else:
            score = run_episode(episode, arguments.controller).to_plain()
    if arguments.json:
        print(json.dumps(score))
    else:
        for key, value in score.items():
            print(f"{key:<18} {'-' if value is None else value}")
    return 0


def _recorded(arguments: argparse.Namespace, episode: "Episode") -> "Result":
    """Run adaptd's own controller and write its log, as if the run ended now."""
    from adaptd.lab.record import Texts, record
    from adaptd.log.write.opening import LedgerError
    from adaptd.twin.scenario import policy_path, profile_path

    if arguments.controller != "adaptd":
        raise CommandError(f"--audit: {arguments.controller} keeps no log, leave --controller out", 2)
    if episode.scenario.restarts_us:
        raise CommandError("--audit: this scenario restarts the controller, which one simulated log cannot show", 2)
    if arguments.audit.exists() and any(arguments.audit.iterdir()):
        raise CommandError(f"{arguments.audit}: is not empty, name a new folder", 2)
    policy = arguments.policy or policy_path(episode.scenario)
    profile = profile_path(episode.scenario) if arguments.profile is None else find_profile(arguments.profile)
    texts = Texts(policy.name, policy.read_text(encoding="utf-8"), profile.name, profile.read_text(encoding="utf-8"))
    start_ms = time.time_ns() // 1_000_000 - episode.scenario.duration_us // 1000
    with refusing(LedgerError):
        return record(episode, texts, arguments.audit, start_ms)


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
