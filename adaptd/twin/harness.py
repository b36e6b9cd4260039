"""Drive a controller through a scenario and keep the books: energy, worth, misses, violations, swaps, evidence."""

import random
from dataclasses import asdict, dataclass, field
from time import perf_counter_ns
from typing import Any

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.twin.controllers import Controller
from adaptd.twin.instruments import Instruments, Truth
from adaptd.twin.plant import Bands, Load, Plant
from adaptd.twin.scenario import Scenario
from adaptd.vocabulary import OperatingPoint, Served, Shadow, Snapshot, Telemetry, Verdict

TOLERANCE_C = 1e-6
TOLERANCE_W = 0.005
RESTART_S = 2.0
HANG_S = 3.0


@dataclass(slots=True)
class Books:
    """What one run is judged by; energies in millijoules, times in seconds."""

    controller: str
    scenario: str
    cost_mj: int = 0
    energy_mj: int = 0
    frames_target: int = 0
    frames_delivered: int = 0
    deadline_misses: int = 0
    over_limit_s: float = 0.0
    over_critical_s: float = 0.0
    budget_over_s: float = 0.0
    unproven_frames: int = 0
    swaps: int = 0
    shadow_frames: int = 0
    false_admissions: int = 0
    decisions: int = 0
    step_p50_us: int = 0
    step_p99_us: int = 0

    def document(self) -> dict[str, Any]:
        """The object that `adaptd simulate --json` prints."""
        return asdict(self)


@dataclass(slots=True)
class Trace:
    """What happened at each tick, for pictures and tests; filled only where asked for."""

    t_s: list[float] = field(default_factory=list)
    temperature_c: list[float] = field(default_factory=list)
    power_w: list[float] = field(default_factory=list)
    points: list[OperatingPoint] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


class Run:
    """One controller in one scenario."""

    def __init__(self, scenario: Scenario, policy: Policy, profile: HardwareProfile, controller: Controller) -> None:
        self.scenario, self.policy, self.controller = scenario, policy, controller
        self.plant = Plant(scenario, profile, policy)
        self.instruments = Instruments(scenario)
        self.bands = Bands(policy)
        self.books = Books(controller.name, scenario.name)
        self._random = random.Random(scenario.seed + 1)  # noqa: S311 - which shadow frames differ
        self._point = OperatingPoint(policy.reference, policy.target_mfps)
        self._telemetry = Telemetry(alive=True, point=self._point)
        self._power_mw = int(self.plant.idle_w * 1000)
        self._down_until_s = -1.0
        self._quarantined: tuple[str, ...] = ()
        self._pending = [fault for fault in scenario.faults if fault.engine]
        self._restarts = list(scenario.restarts_us)
        self._admitted: set[tuple[str, str]] = set()
        self._worth_mj = 0.0
        self._energy_j = 0.0
        self._step_ns: list[int] = []

    def all(self, trace: Trace | None = None) -> Books:
        """Run to the end and close the books."""
        tick_us = self.scenario.tick_us
        for now_us in range(0, self.scenario.duration_us, tick_us):
            verdict = self._tick(now_us)
            if trace is not None:
                trace.t_s.append(now_us / 1e6)
                trace.temperature_c.append(self.plant.temperature_c)
                trace.power_w.append(self._power_mw / 1000)
                trace.points.append(self._point)
                trace.verdicts.append(verdict)
        return self._closed()

    def _tick(self, now_us: int) -> Verdict:
        plant, t_s = self.plant, now_us / 1e6
        while self._restarts and self._restarts[0] <= now_us:
            self._restarts.pop(0)
            self.controller.restart(now_us)
        lux = plant.lux(t_s)
        band = self.bands.follow(lux)
        truth = Truth(int(plant.temperature_c * 1000), self._power_mw, int(lux * 1000))
        temperature, power, light = self.instruments.read(now_us, truth)
        budget = None if plant.budget_w is None else int(plant.budget_w(t_s) * 1000)
        snapshot = Snapshot(now_us, temperature, power, light, self._telemetry, budget)
        began = perf_counter_ns()
        verdict = self.controller.decide(snapshot)
        self._step_ns.append(perf_counter_ns() - began)
        self._follow(verdict, now_us, band, budget)
        self._note_admissions(verdict)
        return verdict

    def _follow(self, verdict: Verdict, now_us: int, band: str, budget_mw: int | None) -> None:
        """Serve what was decided for one tick, as far as the engines let it, and write it down."""
        self._engine_faults(now_us)
        dt_s, t_s = self.scenario.tick_us / 1e6, now_us / 1e6
        asked = verdict.point
        if asked.variant in self._quarantined:
            asked = OperatingPoint(self.policy.reference, asked.fps_mfps)
        self.books.swaps += asked.variant != self._point.variant
        self._point = asked
        if t_s < self._down_until_s:
            load = self.plant.idle(dt_s)
            self._telemetry = Telemetry(
                alive=False, point=OperatingPoint(self.policy.reference, 0), quarantined=self._quarantined
            )
        else:
            load = self.plant.step(dt_s, asked, verdict.shadow_ppm / 1e6)
            self._telemetry = self._report(asked, load, band)
        self._power_mw = int(load.power_w * 1000)
        self._write_down(load, asked, band, budget_mw, dt_s)

    def _engine_faults(self, now_us: int) -> None:
        while self._pending and self._pending[0].from_us <= now_us:
            fault = self._pending.pop(0)
            if fault.kind == "garbage":
                self._quarantined = (*self._quarantined, fault.target)
            else:
                self._down_until_s = now_us / 1e6 + (HANG_S if fault.kind == "hang" else RESTART_S)

    def _report(self, point: OperatingPoint, load: Load, band: str) -> Telemetry:
        served = Served(point.variant, load.delivered, load.delivered * load.latency_us, load.latency_us)
        other = point.variant if point.variant != self.policy.reference else (self.policy.efficient or ("",))[0]
        rate = self._disagreement(band, other)
        losses = tuple(Shadow(band, other, 1_000_000 if self._random.random() < rate else 0) for _ in range(load.shadow))
        return Telemetry(
            alive=True,
            point=point,
            delivered=load.delivered,
            missed=load.late,
            shadow_frames=load.shadow,
            served=(served,) if load.delivered else (),
            shadows=() if other in self._quarantined else losses,
            quarantined=self._quarantined,
        )

    def _disagreement(self, band: str, variant: str) -> float:
        return self.scenario.truth.disagreement_pct.get(band, {}).get(variant, 0.0) / 100

    def _write_down(self, load: Load, point: OperatingPoint, band: str, budget_mw: int | None, dt_s: float) -> None:
        books, policy = self.books, self.policy
        self._energy_j += load.energy_j
        worth = min(load.delivered - load.late, policy.target_mfps / 1000 * dt_s + 1)
        self._worth_mj += worth * policy.frame_value_uj / 1000
        books.frames_delivered += load.delivered
        books.deadline_misses += load.late
        books.shadow_frames += load.shadow
        temperature_c = self.plant.temperature_c
        books.over_limit_s += dt_s * (temperature_c * 1000 > policy.limit_mc + TOLERANCE_C)
        books.over_critical_s += dt_s * (temperature_c * 1000 > policy.critical_mc + TOLERANCE_C)
        budget = policy.budget_mw if budget_mw is None else budget_mw
        books.budget_over_s += dt_s * (budget is not None and load.power_w > budget / 1000 + TOLERANCE_W)
        if point.variant != policy.reference and self._disagreement(band, point.variant) * 1e6 > policy.max_loss_ppm:
            books.unproven_frames += load.delivered

    def _note_admissions(self, verdict: Verdict) -> None:
        admitted = {(one.band, one.variant) for one in verdict.evidence if one.admitted}
        for band, variant in admitted - self._admitted:
            self.books.false_admissions += self._disagreement(band, variant) * 1e6 > self.policy.max_loss_ppm
        self._admitted = admitted

    def _closed(self) -> Books:
        books, times = self.books, sorted(self._step_ns)
        books.decisions = len(times)
        books.step_p50_us = times[len(times) // 2] // 1000
        books.step_p99_us = times[min(len(times) - 1, len(times) * 99 // 100)] // 1000
        books.energy_mj = round(self._energy_j * 1000)
        books.cost_mj = round(self._energy_j * 1000 - self._worth_mj)
        books.frames_target = round(self.policy.target_mfps / 1000 * self.scenario.duration_us / 1e6)
        return books


def simulate(
    scenario: Scenario, policy: Policy, profile: HardwareProfile, controller: Controller, trace: Trace | None = None
) -> Books:
    """Run ``controller`` through ``scenario``."""
    return Run(scenario, policy, profile, controller).all(trace)
