"""What a scenario file may say (schema 1): the pydantic models under the strict loader. Units are those of people."""

from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from adaptd.config.policy import Name
from adaptd.config.validate import Number, Strict
from adaptd.twin.power_modes import ModeVariantModel, PowerModesModel

LONGEST_S = 31 * 86_400

Scale = Annotated[Number, Field(gt=0, le=100)]
Percent = Annotated[Number, Field(ge=0, le=100)]
Spread = Annotated[Number, Field(ge=0, le=50)]
Seconds = Annotated[Number, Field(ge=0, le=LONGEST_S)]


def _points(low: float, high: float, *, gaps: bool = False) -> Callable[[object], object]:
    """Checks a list of ``[t_s, value]``: times that do not go back, values within ``low`` to ``high``."""
    span = f"{low:g} to {high:g}" + (" (or null)" if gaps else "")

    def check(points: object) -> object:
        if not isinstance(points, list) or not points:
            raise ValueError("is no list of [t_s, value], write for example [[0, 25], [3600, 40]]")
        last = 0.0
        for point in points:
            if not isinstance(point, list) or len(point) != 2 or not _is_number(point[0]):
                raise ValueError(f"holds {point!r}, [t_s, value] is needed")
            if not last <= point[0] <= LONGEST_S:
                raise ValueError(f"goes back to {point[0]} s, times from 0 on, in order, are needed")
            if not (gaps and point[1] is None) and not (_is_number(point[1]) and low <= point[1] <= high):
                raise ValueError(f"holds {point[1]!r} at {point[0]} s, {span} is needed")
            last = point[0]
        return points

    return check


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


Points: TypeAlias = list[list[float | None]]
Ambient = Annotated[Points, BeforeValidator(_points(-60, 150))]
Light = Annotated[Points, BeforeValidator(_points(0, 200_000))]
Load = Annotated[Points, BeforeValidator(_points(0, 10_000))]
Budget = Annotated[Points, BeforeValidator(_points(0, 10_000, gaps=True))]
SlowDown = Annotated[Points, BeforeValidator(_points(0.01, 100))]


class QualifiedModel(Strict):
    """What qualification counted in one band."""

    n: Annotated[int, Field(ge=0, le=1_000_000_000)]
    disagreed: Annotated[int, Field(ge=0, le=1_000_000_000)]


class VariantModel(ModeVariantModel):
    """What qualification said of one variant."""

    no_gain: bool = False
    qualified: dict[Name, QualifiedModel] = Field(default_factory=dict)


class NoiseModel(Strict):
    """One standard deviation of each reading."""

    temperature_c: Spread = 0
    power_w: Spread = 0
    light_pct: Spread = 0
    latency_pct: Spread = 0


class LagModel(Strict):
    """First-order lag of each sensor."""

    temperature: Seconds = 0
    power: Seconds = 0
    light: Seconds = 0


class SceneModel(Strict):
    """One kind of scene: how often it comes, and how many of its frames differ."""

    share: Annotated[Number, Field(gt=0, le=1)]
    pct: Percent


class ScenesModel(Strict):
    """Scenes of exponential length, ``scene_s`` on average; the shares add up to 1."""

    scene_s: Annotated[Number, Field(gt=0, le=LONGEST_S)]
    scenes: Annotated[list[SceneModel], Field(min_length=1, max_length=16)]


class StallsModel(Strict):
    """Stalls that slow every engine for a moment: how often on average, how long on average, and by what on average."""

    every_s: Annotated[Number, Field(gt=0, le=LONGEST_S)]
    length_s: Annotated[Number, Field(gt=0, le=600)]
    slow_down: Annotated[Number, Field(ge=1, le=100)]


class TruthModel(Strict):
    """How this device really differs from its profile and its bundle."""

    r_scale: Scale = 1
    tau_scale: Scale = 1
    idle_power_scale: Scale = 1
    energy_scale: dict[Name, Scale] = Field(default_factory=dict)
    latency_scale: dict[Name, Scale] = Field(default_factory=dict)
    disagreement_pct: dict[Name, dict[Name, Percent | ScenesModel]] = Field(default_factory=dict)
    noise: NoiseModel = NoiseModel()
    lag_s: LagModel = LagModel()
    start_c: Annotated[Number, Field(ge=-60, le=200)] | None = None
    stalls: StallsModel | None = None


class SignalsModel(Strict):
    """The world: piecewise linear, ``[t_s, value]``."""

    ambient_c: Ambient
    light_lux: Light
    other_load_w: Load = Field([[0.0, 0.0]])
    power_budget_w: Budget = Field([[0.0, None]])
    slow_down: SlowDown = Field([[0.0, 1.0]])


class BatteryModel(Strict):
    """A battery: ``capacity_wh`` is its label's, which everyone is told; the truth holds ``capacity_scale_true`` of it.

    ``step_pct`` and ``noise_pct`` are the gauge's. ``drive_w`` is what the robot draws past the board's meter, ``charger_w`` what
    a charger brings, piecewise linear as signals are.
    """

    capacity_wh: Annotated[Number, Field(gt=0, le=1_000_000)]
    start_pct: Percent = 100
    capacity_scale_true: Annotated[Number, Field(ge=0.05, le=5)] = 1
    step_pct: Annotated[Number, Field(ge=0.001, le=20)] = 1
    noise_pct: Annotated[Number, Field(ge=0, le=20)] = 0
    drive_w: Load = Field([[0.0, 0.0]])
    charger_w: Load = Field([[0.0, 0.0]])


class FaultModel(Strict):
    """A sensor that lies for a while, or an engine that breaks at a moment."""

    sensor: Literal["temperature", "power", "light"] | None = None
    engine: Name | None = None
    kind: Literal["missing", "stuck", "zero", "spike", "hang", "nan", "crash", "garbage"]
    from_s: Seconds | None = None
    to_s: Seconds | None = None
    at_s: Seconds | None = None


class ScenarioModel(Strict):
    """A scenario file, schema 1. ``policy`` names the shipped policy that it tests; ``restarts_s`` restarts the controller."""

    scenario: Name
    schema_: Annotated[Literal[1], Field(alias="schema")]
    seed: Annotated[int, Field(ge=0, le=1 << 53)]
    duration_s: Annotated[Number, Field(gt=0, le=LONGEST_S)]
    tick_s: Annotated[Number, Field(ge=0.01, le=60)] = 1
    profile: Name
    policy: Name = "feeder"
    bundle: Name | None = None
    variants: dict[Name, VariantModel] = Field(default_factory=dict)
    truth: TruthModel = TruthModel()
    signals: SignalsModel
    battery: BatteryModel | None = None
    power_modes: PowerModesModel | None = None
    faults: list[FaultModel] = Field(default_factory=list, max_length=256)
    restarts_s: list[Seconds] = Field(default_factory=list, max_length=64)
