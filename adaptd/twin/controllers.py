"""What a controller is to the harness: it gets a snapshot each tick and answers with a verdict. adaptd itself is one of them."""

from typing import Protocol

from adaptd import tick
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.twin.scenario import Scenario
from adaptd.vocabulary import Mode, OperatingPoint, Snapshot, Verdict


class Controller(Protocol):
    """One controller under test."""

    name: str

    def decide(self, snapshot: Snapshot) -> Verdict:
        """The verdict on this snapshot."""
        ...

    def restart(self, now_us: int) -> None:
        """The controller's process was restarted: what was not stored is gone."""
        ...


class Adaptd:
    """The controller of this project, through the same ``tick.step`` as the daemon."""

    name = "adaptd"

    def __init__(self, scenario: Scenario, policy: Policy, profile: HardwareProfile) -> None:
        self._scenario, self._policy, self._profile = scenario, policy, profile
        self.state = tick.start(policy, profile, scenario.facts, scenario.seed, 0)

    def decide(self, snapshot: Snapshot) -> Verdict:
        """One tick."""
        self.state, verdict = tick.step(self.state, snapshot, self._policy, self._profile)
        return verdict

    def restart(self, now_us: int) -> None:
        """Start anew, with what the bundle says."""
        self.state = tick.start(self._policy, self._profile, self._scenario.facts, self._scenario.seed, now_us)


def plain_verdict(point: OperatingPoint, band: str = "", rule: str = "", shadow_ppm: int = 0) -> Verdict:
    """A verdict of a controller that has neither evidence nor conditions."""
    return Verdict(Mode.REFERENCE, point, 0, shadow_ppm, band, rule, ())
