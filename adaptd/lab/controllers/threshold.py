"""What a user would script: three temperature steps with hysteresis.

At the limit: the efficient variant. SECOND_STEP_MC above it: half the rate, at least the floor. Back to the reference at full
rate below resume. No temperature, no change. It trusts the efficient variant everywhere: nothing tells a script otherwise.
"""

from adaptd.config.policy import Policy
from adaptd.lab.controllers.choice import LabSetpoint
from adaptd.vocabulary import Measured, OperatingPoint, Snapshot, VariantFacts

SECOND_STEP_MC = 5_000


class Threshold:
    """Full, efficient, half."""

    name = "threshold"

    def __init__(self, policy: Policy, facts: tuple[VariantFacts, ...]) -> None:
        names = {fact.name for fact in facts}
        efficient = next((name for name in policy.efficient if name in names), policy.reference)
        half = max([level for level in policy.levels_mfps if level * 2 <= policy.target_mfps], default=policy.floor_mfps)
        self._steps = (
            LabSetpoint(OperatingPoint(policy.reference, policy.target_mfps)),
            LabSetpoint(OperatingPoint(efficient, policy.target_mfps)),
            LabSetpoint(OperatingPoint(efficient, max(half, policy.floor_mfps))),
        )
        self._policy = policy
        self._at = 0

    def decide(self, snapshot: Snapshot) -> LabSetpoint:
        """Step up at once, come back when it has cooled down."""
        reading = snapshot.temperature
        if isinstance(reading, Measured):
            limit_mc = self._policy.limit_mc
            if reading.value >= limit_mc + SECOND_STEP_MC:
                self._at = 2
            elif reading.value >= limit_mc:
                self._at = max(self._at, 1)
            elif reading.value < self._policy.resume_mc:
                self._at = 0
        return self._steps[self._at]

    def restart(self, now_us: int) -> None:
        """Forget the step."""
        del now_us
        self._at = 0
