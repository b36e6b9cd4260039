"""Drives a controller through a scenario: read the sensors, let it decide, serve one tick, keep the score.

At time t the controller sees readings of t and the telemetry of the interval before; its point holds until t + tick_s.
Signals hold their value of the tick's start. Temperature limits are checked at the end of every tick, the power budget on
its mean.
"""

from time import perf_counter_ns
from typing import Protocol

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.lab.run_account import RunAccount
from adaptd.lab.score import BUDGET_SLACK_MW, LIMIT_SLACK_MC, Result, quantile
from adaptd.twin.device import TwinDevice
from adaptd.twin.power_modes import TwinModes
from adaptd.twin.words import Scenario
from adaptd.twin.worker import Tick, TwinWorker
from adaptd.twin.world import TrueLight
from adaptd.vocabulary import OperatingPoint, Snapshot, VariantFacts


class Choice(Protocol):
    """What a controller answers; a ``Verdict`` is one. It may name the light ``band`` under which it serves."""

    @property
    def point(self) -> OperatingPoint: ...
    @property
    def shadow_ppm(self) -> int: ...
    @property
    def most_frames(self) -> int | None: ...
    @property
    def power_mode(self) -> str | None: ...


class Controller(Protocol):
    """Anything that turns a snapshot into a choice; ``restart`` makes it forget what a new process would not know."""

    @property
    def name(self) -> str: ...
    def decide(self, snapshot: Snapshot) -> Choice: ...
    def restart(self, now_us: int) -> None: ...


class Observer(Protocol):
    """Who wants to see every tick: pictures and tests."""

    def __call__(self, device: TwinDevice, snapshot: Snapshot, choice: Choice, tick: Tick) -> None: ...


def simulate(
    scenario: Scenario,
    policy: Policy,
    profile: HardwareProfile,
    facts: tuple[VariantFacts, ...],
    controller: Controller,
    observer: Observer | None = None,
) -> Result:
    """Run the whole episode and return its score.

    Same scenario, policy, profile, facts and controller give the same result, the two step times apart.
    """
    device = TwinDevice(scenario, profile)
    worker = TwinWorker(scenario, policy, facts)
    judge = RunJudge(scenario, policy)
    world, dt_us = device.world, scenario.tick_us
    times: list[int] = []
    restarts = list(scenario.restarts_us)
    telemetry, cell = worker.idle, device.battery
    modes = None if scenario.power_modes is None else TwinModes(scenario.power_modes, profile)
    if modes is not None:
        worker.enter(modes.facts(facts))
    for _ in range(scenario.ticks):
        if cell is not None and cell.empty:
            break
        now_us = device.t_us
        while restarts and restarts[0] <= now_us:
            restarts.pop(0)
            controller.restart(now_us)
        budget_mw = world.budget_mw(now_us)
        battery = None if cell is None else cell.read(now_us)
        seen = None if modes is None else modes.seen()
        snapshot = Snapshot(now_us, device.read(now_us), telemetry, budget_mw, battery=battery, power_mode=seen)
        before = perf_counter_ns()
        choice = controller.decide(snapshot)
        times.append(perf_counter_ns() - before)
        judge.light.follow(world.light_mlx(now_us))
        slow_ppm = world.slow_ppm(now_us)
        band: str | None = getattr(choice, "band", None)
        tick = worker.serve(choice.point, choice.shadow_ppm, slow_ppm, judge.light, now_us, dt_us, choice.most_frames, band)
        device.advance(dt_us, tick.active_uj)
        if modes is not None and modes.ask(choice.power_mode):
            worker.enter(modes.facts(facts))
            device.idle_mw = modes.idle_mw(scenario)
        judge.score(device, tick, budget_mw, band)
        telemetry = tick.telemetry
        if observer is not None:
            observer(device, snapshot, choice, tick)
    return judge.result(controller.name, device, times)


class RunJudge:
    """Keeps the score with the truth in hand. The loss account it keeps is the same for every controller."""

    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        self._scenario, self._policy = scenario, policy
        self.light = TrueLight(scenario, policy)
        self._sums, self._account = Result("", scenario.name), RunAccount(policy)
        self._variant, self._rate_mfps = policy.reference, policy.target_mfps

    def score(self, device: TwinDevice, tick: Tick, budget_mw: int | None, band: str | None = None) -> None:
        """Book one tick that has just ended; ``band`` is the one that its setpoint named, None where it named none."""
        sums, policy, dt_us = self._sums, self._policy, self._scenario.tick_us
        point = tick.telemetry.point
        sums.worth_uj += tick.delivered * policy.frame_value_uj
        sums.frames_delivered += tick.delivered
        sums.frames_executed += tick.executed
        sums.deadline_misses += tick.late
        sums.shadow_frames += tick.shadowed
        if device.temperature_mc > policy.limit_mc + LIMIT_SLACK_MC:
            sums.over_limit_us += dt_us
            if device.temperature_mc > policy.critical_mc + LIMIT_SLACK_MC:
                sums.over_critical_us += dt_us
        budget = policy.budget_mw if budget_mw is None else budget_mw
        if budget is not None and device.power_mw > budget + BUDGET_SLACK_MW:
            sums.budget_over_us += dt_us
        if point.fps_mfps < policy.floor_mfps:
            sums.floor_short_us += dt_us
        sums.rate_changes += point.fps_mfps != self._rate_mfps
        sums.rate_changes_felt += abs(point.fps_mfps - self._rate_mfps) * 10 > self._rate_mfps
        self._rate_mfps = point.fps_mfps
        if point.variant != self._variant:
            sums.swaps += 1
            self._variant = point.variant
        if point.variant != policy.reference:  # of an interval that two engines shared the efficient one's part
            count = tick.telemetry.delivered + tick.telemetry.missed
            sums.efficient_frames += tick.executed * (tick.efficient / count if count else 1.0)
        named = self.light.label.name if band is None else band
        sums.unproven_frames += self._account.book(tick, named, device.t_us, true=named in self.light.label.inside)

    def result(self, controller: str, device: TwinDevice, times_ns: list[int]) -> Result:
        sums = self._sums
        sums.controller = controller
        sums.energy_uj = device.energy_uj
        sums.frames_target = self._policy.target_mfps * (self._scenario.ticks * self._scenario.tick_us) / 1e9
        sums.decisions = len(times_ns)
        if device.battery is not None:
            sums.lasted_us, sums.battery_end_ppm = device.t_us, round(device.battery.charge_ppm)
        self._account.close(sums)
        ordered = sorted(times_ns)
        sums.step_p50_us, sums.step_p99_us = quantile(ordered, 0.5) / 1000, quantile(ordered, 0.99) / 1000
        return sums
