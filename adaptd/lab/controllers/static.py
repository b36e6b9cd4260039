"""One operating point for ever: the floor and the ceiling of energy at the target rate."""

from adaptd.config.policy import Policy
from adaptd.lab.controllers.choice import LabSetpoint
from adaptd.vocabulary import OperatingPoint, Snapshot, VariantFacts


class Static:
    """Always the same point."""

    def __init__(self, name: str, point: OperatingPoint) -> None:
        self.name = name
        self._choice = LabSetpoint(point)

    def decide(self, snapshot: Snapshot) -> LabSetpoint:
        """The point."""
        del snapshot
        return self._choice

    def restart(self, now_us: int) -> None:
        """Nothing was remembered."""


def static_reference(policy: Policy) -> Static:
    """The reference at the target rate."""
    return Static("static-REF", OperatingPoint(policy.reference, policy.target_mfps))


def static_efficient(policy: Policy, facts: tuple[VariantFacts, ...]) -> Static:
    """The first efficient variant that the bundle has, at the target rate; the reference where there is none."""
    names = {fact.name for fact in facts}
    variant = next((name for name in policy.efficient if name in names), policy.reference)
    return Static("static-EFF", OperatingPoint(variant, policy.target_mfps))
