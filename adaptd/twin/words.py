"""The frozen words of a scenario: integers with their unit in the name, as everywhere."""

from dataclasses import dataclass
from typing import TypeAlias

from adaptd.config.policy import LightBand
from adaptd.vocabulary import VariantFacts

Curve: TypeAlias = tuple[tuple[int, int | None], ...]

SENSOR_KINDS = ("missing", "stuck", "zero", "spike", "hang", "nan")
ENGINE_KINDS = ("crash", "hang", "garbage")

PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class StagedFault:
    """Something that breaks: a sensor within ``[from_us, to_us)``, or an engine at ``from_us``."""

    target: str
    kind: str
    from_us: int
    to_us: int
    engine: bool


@dataclass(frozen=True, slots=True)
class Scenes:
    """How a variant's answers differ in one band: scenes as (share, chance that a frame differs) in ppm, and their mean length.

    One scene is a plain chance.
    """

    length_us: int
    scenes: tuple[tuple[int, int], ...]

    @property
    def mean_ppm(self) -> int:
        """The chance over all scenes."""
        return sum(share * chance for share, chance in self.scenes) // PPM


@dataclass(frozen=True, slots=True)
class StallTruth:
    """Stalls: every ``every_us`` on average, ``length_us`` long on average; each slows frames by ``slow_ppm`` on average.

    Gaps and lengths are exponential. What is beyond 1 of the slow-down is Pareto distributed with exponent 3: a heavy tail.
    """

    every_us: int
    length_us: int
    slow_ppm: int


@dataclass(frozen=True, slots=True)
class Truth:
    """How the device really differs from its profile; no controller sees this.

    ``disagreement`` holds (band, variant, scenes). ``start_mc`` is the temperature
    at the start; None is the steady state at idle. Noises are one standard deviation, lags are first order.
    """

    r_scale_ppm: int = PPM
    tau_scale_ppm: int = PPM
    idle_scale_ppm: int = PPM
    energy_scale_ppm: tuple[tuple[str, int], ...] = ()
    latency_scale_ppm: tuple[tuple[str, int], ...] = ()
    disagreement: tuple[tuple[str, str, Scenes], ...] = ()
    noise_temperature_mc: int = 0
    noise_power_mw: int = 0
    noise_light_ppm: int = 0
    noise_latency_ppm: int = 0
    lag_temperature_us: int = 0
    lag_power_us: int = 0
    lag_light_us: int = 0
    start_mc: int | None = None
    stalls: StallTruth | None = None


@dataclass(frozen=True, slots=True)
class BatteryTruth:
    """A battery: what its label says it holds, and how its truth differs. ``drive_mw`` is drawn past the board's meter."""

    capacity_uj: int
    start_ppm: int = PPM
    capacity_scale_ppm: int = PPM
    step_ppm: int = 10_000
    noise_ppm: int = 0
    drive_mw: Curve = ((0, 0),)
    charger_mw: Curve = ((0, 0),)


@dataclass(frozen=True, slots=True)
class ModeTruth:
    """One power mode: per variant (name, microjoules, microseconds) of a frame; ``idle_mw`` None is the profile's."""

    name: str
    memory_khz: int
    idle_mw: int | None
    figures: tuple[tuple[str, int, int], ...]
    obeys: bool = True


@dataclass(frozen=True, slots=True)
class BoardModes:
    """The modes of the board, and the one that it starts in."""

    start: str
    modes: tuple[ModeTruth, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One episode of the software device. Curves are piecewise linear; a value of None is not given until the next point.

    At ``restarts_us`` the controller's process starts anew and forgets what it did not store. ``truth_bands`` are the bands that
    ``truth`` speaks of; empty, they are those of the policy under test. ``r_ppm`` multiplies the thermal resistance over time,
    as dust and fans do; the oracle knows only a constant one.
    """

    name: str
    sha256: str
    seed: int
    duration_us: int
    tick_us: int
    profile: str
    policy: str
    bundle: str | None
    variants: tuple[VariantFacts, ...]
    truth: Truth
    ambient_mc: Curve
    light_mlx: Curve
    other_load_mw: Curve
    budget_mw: Curve
    slow_down_ppm: Curve
    faults: tuple[StagedFault, ...]
    restarts_us: tuple[int, ...] = ()
    truth_bands: tuple[LightBand, ...] = ()
    battery: BatteryTruth | None = None
    power_modes: BoardModes | None = None
    r_ppm: Curve = ((0, PPM),)

    @property
    def ticks(self) -> int:
        return self.duration_us // self.tick_us


CONTROLLERS = ("adaptd", "oracle", "best-static", "static-REF", "static-EFF", "threshold", "alert", "alert-guarded")
