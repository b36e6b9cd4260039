"""ALERT (Wan et al., USENIX ATC 2020, arXiv 1911.00119), written anew from its published formulas.

One slow-down factor for every variant, tracked by a Kalman filter with adaptive process noise, gives each configuration a normal
latency, from that a deadline probability, an expected accuracy and an energy; every configuration is tried, the best is taken.

What makes the comparison fair: it is told the same bundle facts, the same profile, the same operating points and the same power
budget as everyone; a frame rate stands in for a power setting (its period is the time that energy is counted over); accuracies
come from qualification, pooled over light because it has no light input; and where the paper minimises energy at an accuracy or
maximises accuracy at an energy, it is given the very objective it is judged by, worth minus energy, under the policy's accuracy
floor and budget. It has no temperature input. Filter constants that the paper does not print are parameters below.
"""

from collections import deque
from math import erf, sqrt

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.lab.controllers.baselines import LabSetpoint
from adaptd.twin.words import PPM
from adaptd.vocabulary import POWER, Measured, OperatingPoint, Snapshot, VariantFacts, first

PROCESS_FLOOR, PROCESS_KEEP, PROCESS_TAKE = 0.1, 0.3, 0.7
MEASUREMENT_NOISE = 0.001
FIRST_MU, FIRST_VAR, FIRST_GAIN = 1.0, 0.1, 0.5
IDLE_FIRST, IDLE_PROCESS, IDLE_NOISE = 0.01, 1e-4, 1e-3
WINDOW = 10
OWN_TIME_US = 250
SMALLEST_MU = 0.01


class SlowDown:
    """The latency factor common to all configurations: mean ``mu`` and variance ``var``."""

    def __init__(self) -> None:
        self.mu, self.var = FIRST_MU, FIRST_VAR
        self._gain, self._process, self._last = FIRST_GAIN, PROCESS_FLOOR, 0.0

    def update(self, ratio: float) -> None:
        """A measured latency was ``ratio`` times the profiled one."""
        surprise = ratio - self.mu
        self._process = max(PROCESS_FLOOR, PROCESS_KEEP * self._process + PROCESS_TAKE * (self._gain * self._last) ** 2)
        spread = (1.0 - self._gain) * self.var + self._process
        self._gain = spread / (spread + MEASUREMENT_NOISE)
        self.mu = max(SMALLEST_MU, self.mu + self._gain * surprise)
        self.var, self._last = spread, surprise


class IdleRatio:
    """Idle power over active power, with its own filter."""

    def __init__(self, phi: float) -> None:
        self.phi, self._var = phi, IDLE_FIRST

    def update(self, ratio: float) -> None:
        weight = (self._var + IDLE_PROCESS) / (self._var + IDLE_PROCESS + IDLE_NOISE)
        self._var = (1.0 - weight) * (self._var + IDLE_PROCESS)
        self.phi += weight * (ratio - self.phi)


class Configuration:
    """One variant at one rate, as profiled: latency, board power while it computes, accuracy."""

    __slots__ = ("active_mw", "point", "quality", "rate", "time_us")

    def __init__(self, fact: VariantFacts, mfps: int, idle_mw: int, quality: float) -> None:
        self.point = OperatingPoint(fact.name, mfps)
        self.time_us = float(max(1, fact.latency_us))
        self.active_mw = idle_mw + fact.energy_uj * 1000 / self.time_us
        self.quality, self.rate = quality, mfps / 1000

    def in_time(self, slow: SlowDown, goal_us: float) -> float:
        """The chance that an answer comes before ``goal_us``."""
        z = (goal_us - slow.mu * self.time_us) / (sqrt(slow.var) * self.time_us)
        return 0.5 * (1.0 + erf(z / sqrt(2)))

    def power_mw(self, slow: SlowDown, phi: float) -> float:
        """Energy of one period over its length: computing at active power, then idling at ``phi`` of it."""
        period_us = 1e6 / self.rate
        busy_us = min(period_us, slow.mu * self.time_us)
        return self.active_mw * (busy_us + phi * (period_us - busy_us)) / period_us


class Alert:
    name = "alert"

    def __init__(self, policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> None:
        self._policy = policy
        self.table = [
            Configuration(fact, mfps, profile.idle_power_mw, pooled_quality(fact, policy))
            for fact in facts
            for mfps in policy.grid_mfps
            if policy.floor_mfps <= mfps <= policy.target_mfps
        ]
        self._facts = {fact.name: fact for fact in facts}
        self._quality = {one.point.variant: one.quality for one in self.table}
        self._idle_mw = profile.idle_power_mw
        self._active = {one.point.variant: one.active_mw for one in self.table}
        self.restart(0)

    def restart(self, now_us: int) -> None:
        self.slow = SlowDown()
        self._idle = {name: IdleRatio(self._idle_mw / active_mw) for name, active_mw in self._active.items()}
        self._delivered: deque[float] = deque([1.0] * (WINDOW - 1), maxlen=WINDOW - 1)

    def decide(self, snapshot: Snapshot) -> LabSetpoint:
        """Learn from the interval that ended, then take the best configuration."""
        self.learn(snapshot)
        return self.best_of(self.table, snapshot)

    def best_of(self, table: list[Configuration], snapshot: Snapshot) -> LabSetpoint:
        """The best configuration of a table that is not empty."""
        policy = self._policy
        goal_us = policy.deadline_us - OWN_TIME_US
        goal = min(1.0, max(0.0, WINDOW * (1 - policy.max_loss_ppm / PPM) - sum(self._delivered)))
        budget_mw = policy.budget_mw if snapshot.budget_mw is None else snapshot.budget_mw
        rated = [self._rate(one, goal_us) for one in table]
        accurate = [row for row in rated if row[2] >= goal]
        both = [row for row in accurate if budget_mw is None or row[1] <= budget_mw]
        # Where nothing satisfies all goals, the power goal is given up first, then accuracy.
        best = max(both or accurate or rated, key=lambda row: row[0])
        return LabSetpoint(best[3])

    def _rate(self, one: Configuration, goal_us: float) -> tuple[float, float, float, OperatingPoint]:
        """Worth minus energy a second, power, expected accuracy, and the point."""
        chance = one.in_time(self.slow, goal_us)
        power_mw = one.power_mw(self.slow, self._idle[one.point.variant].phi)
        worth_mw = chance * one.rate * self._policy.frame_value_uj / 1000
        return worth_mw - power_mw, power_mw, chance * one.quality, one.point

    def learn(self, snapshot: Snapshot) -> None:
        """Take in what the interval showed: latencies, accuracy delivered, idle power."""
        worker = snapshot.worker
        for served in worker.served:
            fact = self._facts.get(served.variant)
            if fact is not None and served.frames:
                self.slow.update(served.latency_sum_us / served.frames / max(1, fact.latency_us))
        done = worker.delivered + worker.missed
        if done:
            self._delivered.append(worker.delivered / done * self._quality.get(worker.point.variant, 0.0))
        power = first(snapshot, POWER)
        if isinstance(power, Measured) and worker.served:
            variant = worker.served[0].variant
            busy = worker.point.fps_mfps / 1e9 * self.slow.mu * self._facts[variant].latency_us
            active_mw = self._active[variant]
            if busy < 1.0:
                idle_mw = (power.value - busy * active_mw) / (1.0 - busy)
                self._idle[variant].update(idle_mw / active_mw)


def pooled_quality(fact: VariantFacts, policy: Policy) -> float:
    """Agreement with the reference over all qualified frames; 1 for the reference, 0 for a variant nobody qualified."""
    if fact.name == policy.reference:
        return 1.0
    n = sum(prior.n for prior in fact.priors)
    return 1.0 - sum(prior.disagreed for prior in fact.priors) / n if n else 0.0
