"""adaptd's own brain behind the harness's protocol."""

from adaptd.brain import tick
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import Snapshot, VariantFacts, Verdict


class Adaptd:
    """``tick.step`` with its state kept between calls."""

    name = "adaptd"

    def __init__(self, policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...], seed: int) -> None:
        self._policy, self._profile, self._facts, self._seed = policy, profile, facts, seed
        self.restart(0)

    def restart(self, now_us: int) -> None:
        """Start anew with what bundle and profile say."""
        self.state = tick.start(self._policy, self._profile, self._facts, self._seed, now_us)

    def decide(self, snapshot: Snapshot) -> Verdict:
        """One decision."""
        self.state, verdict = tick.step(self.state, snapshot, self._policy, self._profile)
        return verdict
