"""The software device in real time, for `adaptd run` on a machine without sensors: driven by what the worker really serves."""

from dataclasses import dataclass, replace
from pathlib import Path

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.twin.instruments import Instruments, Truth
from adaptd.twin.plant import Plant
from adaptd.twin.scenario import load_scenario
from adaptd.vocabulary import OperatingPoint, Reading, Telemetry, VariantFacts

MAX_STEP_S = 5.0


@dataclass(frozen=True, slots=True)
class LiveReadings:
    """What the simulated sensors say now."""

    temperature: Reading
    power: Reading
    light: Reading
    budget_mw: int | None


class LiveDevice:
    """A plant that advances with the monotonic clock under the load the worker reports."""

    def __init__(self, plant: Plant, instruments: Instruments) -> None:
        self._plant, self._instruments = plant, instruments
        self._began_us: int | None = None
        self._at_us = 0
        self._power_w = plant.idle_w

    def observe(self, now_us: int, worker: Telemetry) -> LiveReadings:
        """Advance to ``now_us`` and read."""
        plant = self._plant
        if self._began_us is None:
            self._began_us = self._at_us = now_us
        elapsed_s = min(MAX_STEP_S, (now_us - self._at_us) / 1e6)
        if elapsed_s > 0:
            point = worker.point if worker.alive and worker.point.variant in plant.facts else OperatingPoint(plant.reference, 0)
            share = worker.shadow_frames / worker.delivered if worker.delivered else 0.0
            self._power_w = plant.step(elapsed_s, point, min(1.0, share)).power_w
        self._at_us = now_us
        truth = Truth(int(plant.temperature_c * 1000), int(self._power_w * 1000), int(plant.lux(plant.t_s) * 1000))
        temperature, power, light = self._instruments.read(now_us - self._began_us, truth)
        budget = None if plant.budget_w is None else int(plant.budget_w(plant.t_s) * 1000)
        return LiveReadings(temperature, power, light, budget)


def live_device(path: Path, profile: HardwareProfile, facts: tuple[VariantFacts, ...], policy: Policy) -> LiveDevice:
    """The device of a scenario, with the energies and latencies of the bundle that is really served.

    Raises:
        ConfigError: the scenario is refused.
    """
    scenario = load_scenario(path)
    scenario = replace(scenario, facts=facts)
    return LiveDevice(Plant(scenario, profile, policy), Instruments(scenario))
