"""`adaptd simulate`: one controller on the software device of one scenario."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from adaptd.cli.errors import CommandError, named, refusing
from adaptd.cli.options import Sub, answer, as_json, verb
from adaptd.cli.profile import find_profile
from adaptd.twin.words import CONTROLLERS

if TYPE_CHECKING:
    from adaptd.lab.episode import Episode
    from adaptd.lab.score import Result


def register(sub: Sub) -> None:
    simulate = verb(sub, "simulate", "run a controller on the software device of a scenario", run)
    simulate.path("--scenario", "scenario file, or the name of a shipped one", required=True)
    simulate.path("--policy", "policy file (default: the one that the scenario tests)")
    simulate.option("--profile", "name or file of a profile (default: the scenario's)")
    simulate.option("--controller", "who decides (default: adaptd)", choices=CONTROLLERS, default="adaptd")
    simulate.path("--audit", "write the run as an audit log here", metavar="DIR")
    simulate.add(as_json)


def run(arguments: argparse.Namespace) -> int:
    """Simulate and print the score."""
    from adaptd.lab.episode import load_episode
    from adaptd.lab.episode import run as run_episode
    from adaptd.lab.oracle import OracleError

    profile = None if arguments.profile is None else find_profile(arguments.profile)
    episode = load_episode(find_scenario(arguments.scenario), arguments.policy, profile)
    with refusing(OracleError):
        found = run_episode(episode, arguments.controller) if arguments.audit is None else _recorded(arguments, episode)
    score = found.to_plain()
    return answer(arguments, score, (f"{key:<18} {'-' if value is None else value}" for key, value in score.items()))


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

    return named(path, scenarios_dir(), "scenario")
