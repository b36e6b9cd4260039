"""One scenario with everything it needs, and one call to run any controller in it by name."""

from dataclasses import dataclass
from pathlib import Path

from adaptd.config.policy import Policy, load_policy
from adaptd.config.profile import HardwareProfile, load_profile
from adaptd.lab.controllers import make
from adaptd.lab.harness import Observer, simulate
from adaptd.lab.score import Result
from adaptd.twin.scenario import facts_of, load_scenario, policy_path, profile_path, with_truth_bands
from adaptd.twin.words import Scenario
from adaptd.vocabulary import VariantFacts


@dataclass(frozen=True, slots=True)
class Episode:
    """A scenario, the policy it tests, the profile and the facts that controllers are told."""

    scenario: Scenario
    policy: Policy
    profile: HardwareProfile
    facts: tuple[VariantFacts, ...]


def load_episode(path: Path, policy: Path | None = None, profile: Path | None = None) -> Episode:
    """Read a scenario with its own policy and profile, or the ones given.

    Raises:
        ConfigError: one line a fault of any of the files.
    """
    scenario = load_scenario(path)
    rules = load_policy(policy or policy_path(scenario))
    scenario = with_truth_bands(scenario, rules)
    return Episode(scenario, rules, load_profile(profile or profile_path(scenario)), facts_of(scenario, rules))


def run(episode: Episode, controller: str, observer: Observer | None = None) -> Result:
    """The score of a controller by name; ``oracle`` and ``best-static`` know the truth and the future."""
    scenario, policy, profile, facts = episode.scenario, episode.policy, episode.profile, episode.facts
    if controller == "oracle":
        from adaptd.lab.oracle import solve

        return solve(scenario, policy, profile, facts).result()
    if controller == "best-static":
        from adaptd.lab.best_static import best_static

        return best_static(scenario, policy, profile, facts)
    return simulate(scenario, policy, profile, facts, make(controller, scenario, policy, profile, facts), observer)
