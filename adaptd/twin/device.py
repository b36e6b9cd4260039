"""The device in software: heat, power and light, exact in time, with sensors that lag, rustle and break.

    T(t) = ambient(t) + sum_i x_i(t),    dx_i/dt = (r_i P - x_i) / tau_i

Power is constant within a step, so x_i <- x_i e^(-dt/tau_i) + r_i P (1 - e^(-dt/tau_i)) is the exact solution, whatever the step.
"""

from math import exp

from adaptd.config.profile import HardwareProfile
from adaptd.twin.faults import SensorFaults
from adaptd.twin.words import PPM, BatteryTruth, Scenario
from adaptd.twin.world import Follower, Noise, World
from adaptd.vocabulary import QUANTITIES, Raw, RawReading
from adaptd.vocabulary.battery import BatteryReading, Supply

READ_EVERY_US = 10_000_000  # how often a gauge is worth a read
SOURCE = "twin"


class Cell:
    """Energy in one pot. The board, and what drives the robot past the board's meter, take from it; a charger fills it."""

    def __init__(self, truth: BatteryTruth, seed: int) -> None:
        self._truth = truth
        self.full_uj = truth.capacity_uj * truth.capacity_scale_ppm / PPM
        self.left_uj = self.full_uj * truth.start_ppm / PPM
        self._drive_mw, self._charger_mw = Follower(truth.drive_mw).number, Follower(truth.charger_mw).number
        self._rustle = Noise(seed, "battery").normal
        self._said: BatteryReading | None = None

    @property
    def charge_ppm(self) -> float:
        return self.left_uj / self.full_uj * PPM

    @property
    def empty(self) -> bool:
        """Whether nothing is left: the board is off."""
        return self.left_uj <= 0.0

    def advance(self, t_us: int, dt_us: int, board_mw: float) -> None:
        """``dt_us`` from ``t_us`` on, in which the board drew ``board_mw``."""
        drawn_mw = board_mw + self._drive_mw(t_us) - self._charger_mw(t_us)
        self.left_uj = min(self.full_uj, max(0.0, self.left_uj - drawn_mw * dt_us / 1000))

    def read(self, t_us: int) -> BatteryReading:
        """What the gauge says, renewed every READ_EVERY_US: the charge in its steps, and what its label holds."""
        said, truth = self._said, self._truth
        supply = Supply.CHARGING if self._charger_mw(t_us) > 0 else Supply.DISCHARGING
        if said is None or t_us - said.at_us >= READ_EVERY_US or said.supply is not supply:
            charge = self.charge_ppm + truth.noise_ppm * self._rustle()
            stepped = round(charge / truth.step_ppm) * truth.step_ppm
            ppm = min(PPM, max(0, stepped))
            said = BatteryReading(ppm, supply, t_us, truth.capacity_uj, truth.step_ppm, "twin", True)
            self._said = said
        return said


class Thermal:
    """The true poles: the profile's, scaled as the truth says."""

    def __init__(self, profile: HardwareProfile, scenario: Scenario) -> None:
        r_scale, tau_scale = scenario.truth.r_scale_ppm / PPM, scenario.truth.tau_scale_ppm / PPM
        self.r_k_per_w = [pole.r_uk_per_mw / 1000 * r_scale for pole in profile.poles]
        self.tau_s = [pole.tau_ms / 1000 * tau_scale for pole in profile.poles]
        self.rise_k = [0.0] * len(self.tau_s)
        self._dt_us = -1
        self._keep: list[float] = []

    def settle(self, power_w: float) -> None:
        """Put every pole where constant ``power_w`` would leave it."""
        self.rise_k = [r * power_w for r in self.r_k_per_w]

    def advance(self, dt_us: int, power_w: float, r_scale: float = 1.0) -> float:
        """One step at constant power, with the resistance ``r_scale`` times its own; the rise over ambient after it."""
        power_w *= r_scale
        if dt_us != self._dt_us:
            self._dt_us, self._keep = dt_us, [exp(-dt_us / 1e6 / tau) for tau in self.tau_s]
        total = 0.0
        rise = self.rise_k
        for at, keep in enumerate(self._keep):
            target = self.r_k_per_w[at] * power_w
            rise[at] = value = target + keep * (rise[at] - target)
            total += value
        return total


class TwinDevice:
    """A board whose sensors can be read. ``advance`` moves it in time under the energy that its engines used."""

    def __init__(self, scenario: Scenario, profile: HardwareProfile) -> None:
        truth = scenario.truth
        self.world = World(scenario)
        self.thermal = Thermal(profile, scenario)
        self.idle_mw = profile.idle_power_mw * truth.idle_scale_ppm / PPM
        self.t_us = 0
        self.power_mw = self.idle_mw + self.world.other_mw(0)
        self.energy_uj = 0.0
        power_w = self.power_mw / 1000
        if truth.start_mc is not None:  # the poles are warmed evenly to it; else they start at idle's steady state
            power_w = (truth.start_mc - self.world.ambient_mc(0)) / 1000 / sum(self.thermal.r_k_per_w)
        self.thermal.settle(power_w)
        self.temperature_mc = self.world.ambient_mc(0) + sum(self.thermal.rise_k) * 1000
        self._truth = truth
        self._lags_us = (truth.lag_temperature_us, truth.lag_power_us, truth.lag_light_us)
        self._felt = [self.temperature_mc, self.power_mw, self.world.light_mlx(0)]
        self._rustle = tuple(Noise(scenario.seed, name).normal for name in QUANTITIES)
        self._faults = tuple(SensorFaults(name, scenario.faults, scenario.seed) for name in QUANTITIES)
        self._reads = 0
        self.battery = None if scenario.battery is None else Cell(scenario.battery, scenario.seed)

    def advance(self, dt_us: int, active_uj: float) -> None:
        """Move ``dt_us`` on; the engines used ``active_uj`` above idle in it. Signals hold their value of the step's start."""
        self.power_mw = self.idle_mw + self.world.other_mw(self.t_us) + active_uj / dt_us * 1000
        self.energy_uj += self.power_mw * dt_us / 1000
        if self.battery is not None:
            self.battery.advance(self.t_us, dt_us, self.power_mw)
        rise_k = self.thermal.advance(dt_us, self.power_mw / 1000, self.world.r_ppm(self.t_us) / PPM)
        self.t_us += dt_us
        self.temperature_mc = self.world.ambient_mc(self.t_us) + rise_k * 1000
        truths = (self.temperature_mc, self.power_mw, self.world.light_mlx(self.t_us))
        for at, lag_us in enumerate(self._lags_us):
            felt = self._felt[at]
            self._felt[at] = truths[at] + exp(-dt_us / lag_us) * (felt - truths[at]) if lag_us else truths[at]

    def read(self, now_us: int) -> tuple[Raw, ...]:
        """Temperature, power and light as the sensors give them, marked simulated. One call a step."""
        felt, truth = self._felt, self._truth
        rustle_t, rustle_p, rustle_l = self._rustle
        temperature = felt[0] + truth.noise_temperature_mc * rustle_t()
        power = max(0.0, felt[1] + truth.noise_power_mw * rustle_p())
        light = max(0.0, felt[2] * (1 + truth.noise_light_ppm / PPM * rustle_l()))
        self._reads += 1
        values = (temperature, power, light)
        return tuple(
            [
                fault.apply(RawReading(round(value), 0, self._reads, SOURCE, quantity, True), now_us)
                for fault, value, quantity in zip(self._faults, values, QUANTITIES, strict=True)
            ]
        )
