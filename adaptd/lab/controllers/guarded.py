"""ALERT behind the guards that a careful engineer would put around it, so that its cost can be compared at all.

By itself ALERT senses neither heat nor light, and in most scenarios it breaks a promise, after which its cost says nothing. Here
it may choose only among what three guards leave: variants that qualification proves in the light of now; rates that come down
one level at a time from MARGIN_MC below the limit on, to the pause, and come back one at a time from BACK_MC below it; rates
that come down while measured power is over the budget. The guards are thresholds, as such scripts are.
"""

from adaptd.brain import tick
from adaptd.config.policy import LightBand, Policy
from adaptd.config.profile import HardwareProfile
from adaptd.lab.controllers.alert import Alert
from adaptd.lab.controllers.baselines import LabSetpoint
from adaptd.twin.world import bands_at
from adaptd.vocabulary import LIGHT, POWER, TEMPERATURE, Measured, OperatingPoint, Reading, Snapshot, VariantFacts, first

MARGIN_MC, BACK_MC = 300, 800
DOWN_US, UP_US = 2_000_000, 10_000_000  # between two steps of one guard
POWER_MARGIN_MW = 400


class Ladder:
    """One guard: the highest rate it allows, moved a level at a time."""

    def __init__(self, rates_mfps: tuple[int, ...]) -> None:
        self._rates, self._at = rates_mfps, len(rates_mfps) - 1
        self._moved_us: int | None = None

    @property
    def most_mfps(self) -> int:
        return self._rates[self._at]

    @property
    def above_mfps(self) -> int:
        """The level above, the same at the top."""
        return self._rates[min(self._at + 1, len(self._rates) - 1)]

    def move(self, step: int, now_us: int, wait_us: int) -> None:
        """One level down (-1) or up (1), unless the last move is younger than ``wait_us``."""
        to = min(len(self._rates) - 1, max(0, self._at + step))
        if to != self._at and (self._moved_us is None or now_us - self._moved_us >= wait_us):
            self._at, self._moved_us = to, now_us


class GuardedAlert:
    """ALERT's choice among the points that the guards leave."""

    name = "alert-guarded"

    def __init__(self, policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> None:
        self._alert = Alert(policy, profile, facts)
        self._policy = policy
        self._joules_uj = {fact.name: fact.energy_uj for fact in facts}
        guards = tick.Brain(policy, profile, facts).start(0, 0).guards
        self._proven = {(one.band, one.variant) for one in guards if one.clear}
        self._proven |= {(band.name, policy.reference) for band in policy.bands} | {("", policy.reference)}
        self.restart(0)

    def restart(self, now_us: int) -> None:
        rates = (0, *(rate for rate in self._policy.grid_mfps if rate <= self._policy.target_mfps))
        self._heat, self._power = Ladder(rates), Ladder(rates)
        self._band = ""
        self._alert.restart(now_us)

    def decide(self, snapshot: Snapshot) -> LabSetpoint:
        """Move the guards, then let ALERT choose."""
        self._band = band_of(self._policy.bands, self._band, first(snapshot, LIGHT))
        self._guard_heat(snapshot)
        self._guard_power(snapshot)
        most = min(self._heat.most_mfps, self._power.most_mfps)
        self._alert.learn(snapshot)
        proven = [one for one in self._alert.table if (self._band, one.point.variant) in self._proven]
        left = [one for one in proven if one.point.fps_mfps <= most]
        return self._alert.best_of(left, snapshot) if left else LabSetpoint(OperatingPoint(self._policy.reference, most))

    def _guard_heat(self, snapshot: Snapshot) -> None:
        reading = first(snapshot, TEMPERATURE)
        if not isinstance(reading, Measured) or reading.value >= self._policy.limit_mc - MARGIN_MC:
            self._heat.move(-1, snapshot.now_us, DOWN_US)
        elif reading.value < self._policy.limit_mc - BACK_MC:
            self._heat.move(1, snapshot.now_us, UP_US)

    def _guard_power(self, snapshot: Snapshot) -> None:
        budget_mw = self._policy.budget_mw if snapshot.budget_mw is None else snapshot.budget_mw
        power = first(snapshot, POWER)
        if budget_mw is None or not isinstance(power, Measured):
            return
        more = (self._power.above_mfps - self._power.most_mfps) * self._joules_uj[self._policy.reference] // 1_000_000
        if power.value > budget_mw - POWER_MARGIN_MW // 2:
            self._power.move(-1, snapshot.now_us, 0)
        elif power.value + more < budget_mw - POWER_MARGIN_MW:
            self._power.move(1, snapshot.now_us, UP_US)


def band_of(bands: tuple[LightBand, ...], band: str, light: Reading) -> str:
    """The light band with the policy's hysteresis; empty where light is not measured."""
    if not isinstance(light, Measured):
        return ""
    inside = bands_at(bands, light.value)
    return band if band in inside else inside[0]
