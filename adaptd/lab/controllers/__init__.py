"""Controllers by name: adaptd's own brain and what it is measured against."""

from collections.abc import Callable

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

    makers: dict[str, Callable[[], Controller]] = {
        "adaptd": lambda: Adaptd(policy, profile, facts, scenario.seed, figures_of(scenario, profile)),
        "static-REF": lambda: static_reference(policy),
        "static-EFF": lambda: static_efficient(policy, facts),
        "threshold": lambda: Threshold(policy, facts),
        "alert": lambda: Alert(policy, profile, facts),
        "alert-guarded": lambda: GuardedAlert(policy, profile, facts),
    }
    if name not in makers:
        raise ValueError(f"{name}: no such online controller, one of {', '.join(makers)} is")
    return makers[name]()
