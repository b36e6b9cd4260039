"""A policy read anew while the daemon runs: all of it is good, or nothing changes."""

from dataclasses import dataclass, replace

from adaptd.brain import tick
from adaptd.config.errors import ConfigError
from adaptd.config.policy import Policy, parse_policy
from adaptd.config.profile import HardwareProfile
from adaptd.config.strict_yaml import read_text_at_once
from adaptd.daemon.parts import Parts
from adaptd.log.write.recorder import Settings
from adaptd.vocabulary import VariantFacts


class ReloadError(Exception):
    """The new policy is refused; one line."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """The new policy, the state under it, and what the log is told of both."""

    policy: Policy
    state: tick.State
    settings: Settings


def reread(parts: Parts, state: tick.State, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> Adopted:
    """The policy file as it is now.

    Raises:
        ReloadError: it cannot be read, is refused, or asks for variants that this run does not have.
    """
    try:
        text = read_text_at_once(parts.policy_path)
        policy = parse_policy(text, str(parts.policy_path))
        adopted = tick.adopt(state, policy, profile, facts)
    except (OSError, ConfigError, ValueError) as error:
        raise ReloadError(str(error).splitlines()[0]) from None
    here = [fact.name for fact in facts]
    if policy.reference != here[0] or not set(policy.efficient) <= set(here):
        loaded = f"{here[0]} as reference, {', '.join(here[1:]) or 'none'} as efficient"
        raise ReloadError(
            f"{parts.policy_path}: asks for other variants than are loaded ({loaded}), restart adaptd to change them"
        )
    binding = replace(parts.settings.binding, policy=policy.sha256)
    return Adopted(policy, adopted, replace(parts.settings, policy_name=policy.name, policy_text=text, binding=binding))
