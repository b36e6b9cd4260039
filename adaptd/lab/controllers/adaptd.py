"""adaptd's own brain behind the harness's protocol."""

from adaptd.brain import tick
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.log import HEARTBEAT_DECISIONS
from adaptd.vocabulary import ModeFigures, Snapshot, Stretch, VariantFacts, Verdict


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
        self.state = self._kept = self._brain.start(seed, 0)
        self._unseen: list[Stretch] = []
        self._decisions = 0

    def restart(self, now_us: int) -> None:
        """Go on as a daemon does that died without a word: from the last whole state in the log, and the frames since."""
        self.state = self._brain.resume(self._kept, self._seed, now_us, tuple(self._unseen), clean=False)
        self._keep()

    def decide(self, snapshot: Snapshot) -> Verdict:
        self.state, verdict = self._brain.step(self.state, snapshot)
        self._unseen += snapshot.worker.stretches
        self._decisions += 1
        if self._decisions >= HEARTBEAT_DECISIONS:
            self._keep()
        return verdict

    def _keep(self) -> None:
        self._kept, self._unseen, self._decisions = self.state, [], 0
