"""Texts of policies, profiles and scenarios, each read once in a process: a search plays hundreds of trials of a few texts.

The strict reader takes some 50 ms a file, as long as a short trial itself; what it gives is frozen and may be shared.
"""

from functools import lru_cache

from adaptd.config.policy import Policy, parse_policy
from adaptd.config.profile import HardwareProfile, parse_profile
from adaptd.twin.scenario import parse_scenario
from adaptd.twin.words import Scenario

KEPT = 32  # texts of each kind


@lru_cache(KEPT)
def policy_of(text: str, name: str = "policy") -> Policy:
    """As ``parse_policy``. Raises ConfigError, anew each time."""
    return parse_policy(text, name)


@lru_cache(KEPT)
def profile_of(text: str) -> HardwareProfile:
    """As ``parse_profile``. Raises ConfigError, anew each time."""
    return parse_profile(text)


@lru_cache(KEPT)
def scenario_of(text: str) -> Scenario:
    """As ``parse_scenario``. Raises ConfigError, anew each time."""
    return parse_scenario(text)
