"""Controllers by name: adaptd's own brain and what it is measured against."""

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.lab.harness import Controller
from adaptd.twin.power_modes import figures_of
from adaptd.twin.words import Scenario
from adaptd.vocabulary import VariantFacts

ONLINE = ("adaptd", "static-REF", "static-EFF", "threshold", "alert", "alert-guarded")


def make(name: str, scenario: Scenario, policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> Controller:
    """An online controller, told what a real one is told; ``oracle`` and ``best-static`` know more and are not made here."""
    from adaptd.lab.controllers.adaptd import Adaptd
    from adaptd.lab.controllers.alert import Alert
    from adaptd.lab.controllers.baselines import Threshold, static_efficient, static_reference
    from adaptd.lab.controllers.guarded import GuardedAlert

    if name == "adaptd":
        return Adaptd(policy, profile, facts, scenario.seed, figures_of(scenario, profile))
    if name == "alert":
        return Alert(policy, profile, facts)
    if name == "alert-guarded":
        return GuardedAlert(policy, profile, facts)
    if name == "threshold":
        return Threshold(policy, facts)
    if name == "static-REF":
        return static_reference(policy)
    if name == "static-EFF":
        return static_efficient(policy, facts)
    raise ValueError(f"{name}: no such online controller, one of {', '.join(ONLINE)} is")
