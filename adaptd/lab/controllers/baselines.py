"""The controllers without a model: one point for ever, and what a user would script.

The script is three temperature steps with hysteresis. At the limit: the efficient variant. SECOND_STEP_MC above it: half the
rate, at least the floor. Back to the reference at full rate below resume. No temperature, no change. It trusts the efficient
variant everywhere: nothing tells a script otherwise.
"""

from dataclasses import dataclass

from adaptd.config.policy import Policy
from adaptd.vocabulary import TEMPERATURE, Measured, OperatingPoint, Snapshot, VariantFacts, first

SECOND_STEP_MC = 5_000


@dataclass(frozen=True, slots=True)
class LabSetpoint:
    """An operating point without shadow frames."""

    point: OperatingPoint
    shadow_ppm: int = 0
    most_frames: int | None = None
    power_mode: str | None = None


class Static:
    def __init__(self, name: str, point: OperatingPoint) -> None:
        self.name = name
        self._choice = LabSetpoint(point)

    def decide(self, snapshot: Snapshot) -> LabSetpoint:
        return self._choice

    def restart(self, now_us: int) -> None:
        """Nothing was remembered."""


def static_reference(policy: Policy) -> Static:
    """The reference at the target rate."""
    return Static("static-REF", OperatingPoint(policy.reference, policy.target_mfps))


def static_efficient(policy: Policy, facts: tuple[VariantFacts, ...]) -> Static:
    """The first efficient variant that the bundle has, at the target rate; the reference where there is none."""
    return Static("static-EFF", OperatingPoint(_efficient(policy, facts), policy.target_mfps))


def _efficient(policy: Policy, facts: tuple[VariantFacts, ...]) -> str:
    names = {fact.name for fact in facts}
    return next((name for name in policy.efficient if name in names), policy.reference)


class Threshold:
    """Full, efficient, half."""

    name = "threshold"

    def __init__(self, policy: Policy, facts: tuple[VariantFacts, ...]) -> None:
        efficient = _efficient(policy, facts)
        half = max([level for level in policy.grid_mfps if level * 2 <= policy.target_mfps], default=policy.floor_mfps)
        self._steps = (
            LabSetpoint(OperatingPoint(policy.reference, policy.target_mfps)),
            LabSetpoint(OperatingPoint(efficient, policy.target_mfps)),
            LabSetpoint(OperatingPoint(efficient, max(half, policy.floor_mfps))),
        )
        self._policy = policy
        self._at = 0

    def decide(self, snapshot: Snapshot) -> LabSetpoint:
        """Step up at once, come back when it has cooled down."""
        reading = first(snapshot, TEMPERATURE)
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
        self._at = 0
