"""adaptd's own brain behind the harness's protocol."""

from adaptd.brain import tick
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import ModeFigures, Snapshot, VariantFacts, Verdict


class Adaptd:
    """``tick.Brain`` with its state kept between calls."""

    name = "adaptd"

    def __init__(
        self,
        policy: Policy,
        profile: HardwareProfile,
        facts: tuple[VariantFacts, ...],
        seed: int,
        figures: tuple[ModeFigures, ...] = (),
    ) -> None:
        self._brain, self._seed = tick.Brain(policy, profile, facts, figures), seed
        self.restart(0)

    def restart(self, now_us: int) -> None:
        """Start anew with what bundle and profile say."""
        self.state = self._brain.start(self._seed, now_us)

    def decide(self, snapshot: Snapshot) -> Verdict:
        """One decision."""
        self.state, verdict = self._brain.step(self.state, snapshot)
        return verdict
