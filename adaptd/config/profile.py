"""The hardware profile: what is known of a board. Every number carries its class and its source (schema 1)."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field

from adaptd.config.errors import ConfigError
from adaptd.config.policy import Name
from adaptd.config.scaling import refuse_lost
from adaptd.config.strict_yaml import Document, parse_document, read_document
from adaptd.config.validate import Number, SchemaOne, Strict, scaled, validate

MOST_VALID_S = 600
_VALID = re.compile(r"(push:[^@]+)@(\d{1,4}(?:\.\d{1,3})?)s")
Class = Literal["measured", "vendor", "derived", "assumed"]
Source = Annotated[str, Field(min_length=8, max_length=1000)]
ValueT = TypeVar("ValueT")


class Sourced(Strict, Generic[ValueT]):
    """A number with the way it became known. ``assumed`` means that nobody published it."""

    value: ValueT
    class_: Annotated[Class, Field(alias="class")]
    source: Source


Positive = Annotated[Number, Field(gt=0, le=1e9)]
Temperature = Annotated[Number, Field(ge=-60, le=200)]


class PoleModel(Strict):
    """One first-order thermal pole."""

    r_k_per_w: Sourced[Positive]
    tau_s: Sourced[Positive]


class BoardThermalModel(Strict):
    """The thermal model and the trip points."""

    poles: Annotated[list[PoleModel], Field(min_length=1, max_length=4)]
    ambient_c: Sourced[Temperature]
    passive_c: Sourced[Temperature]
    critical_c: Sourced[Temperature]


class PrecisionModel(Strict):
    """Whether the chip gains from a precision; ``speedup`` is over the next higher one."""

    gains: Literal["yes", "no", "unsupported"]
    class_: Annotated[Class, Field(alias="class")]
    source: Source
    speedup: Sourced[Positive] | None = None


class RangeModel(Strict):
    """What a sensor can plausibly say on this board."""

    min: Number
    max: Number
    class_: Annotated[Class, Field(alias="class")]
    source: Source


class BoardSensorsModel(Strict):
    """Which zone, rail and light source to read, best first, and what they can plausibly say."""

    temperature_zones: list[str]
    power_rails: list[str]
    light: list[str]
    thermometer: Literal["none"] | None = None  # somebody has looked: this machine has none, and floor_fps is served without
    battery: Annotated[list[str], Field(default_factory=list)]
    range_c: RangeModel
    range_w: RangeModel
    range_lux: RangeModel
    max_slew_c_per_s: Sourced[Positive]


class PowerModeModel(Strict):
    """A power mode, by name: ids differ between boards. ``reboot``: it cannot be entered while things run."""

    name: str
    source: Source
    reboot: bool = False


class ProfileModel(Strict):
    """A hardware profile file, schema 1."""

    profile: Name
    schema_: Annotated[SchemaOne, Field(alias="schema")]
    idle_power_w: Sourced[Positive]
    thermal: BoardThermalModel
    precisions: dict[str, PrecisionModel]
    battery_capacity_wh: Sourced[Positive] | None = None  # where the battery itself does not say what it holds
    memory_bandwidth_gb_s: Sourced[Positive] | None = None  # for people: nothing is decided by it
    peak_tops: Annotated[dict[str, Sourced[Positive]], Field(default_factory=dict)]
    sensors: BoardSensorsModel
    power_modes: Annotated[list[PowerModeModel], Field(default_factory=list)]
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Pole:
    """One first-order thermal pole: steady rise in microkelvin a milliwatt (= mK/W), time constant in milliseconds."""

    r_uk_per_mw: int
    tau_ms: int


@dataclass(frozen=True, slots=True)
class PrecisionFact:
    """Whether the chip gains from this precision, and by what factor in ppm where that is known."""

    name: str
    gains: str
    speedup_ppm: int | None


@dataclass(frozen=True, slots=True)
class HardwareProfile:
    """A profile in integers. ``assumed`` names the keys that nobody published.

    ``unwatched``: the owner says that this machine has no thermometer, so that nothing but floor_fps limits its heat.
    ``valid_us``: how long the readings of a pushed source hold where its name says so, ``push:room@60s``, by ``push:room``.
    """

    name: str
    sha256: str
    idle_power_mw: int
    poles: tuple[Pole, ...]
    ambient_mc: int
    passive_mc: int
    critical_mc: int
    precisions: tuple[PrecisionFact, ...]
    temperature_zones: tuple[str, ...]
    power_rails: tuple[str, ...]
    light_sources: tuple[str, ...]
    range_mc: tuple[int, int]
    range_mw: tuple[int, int]
    range_mlx: tuple[int, int]
    max_slew_mc_per_s: int
    assumed: tuple[str, ...] = ()
    unwatched: bool = False
    valid_us: tuple[tuple[str, int], ...] = ()
    battery_sources: tuple[str, ...] = ()
    battery_uj: int | None = None
    power_modes: tuple[tuple[str, bool], ...] = ()  # by name, and whether entering it needs a reboot


def load_profile(path: Path) -> HardwareProfile:
    """Read a profile file.

    Raises:
        ConfigError: one line a fault, each with file, line, column, key and remedy.
    """
    return _profile(read_document(path))


def parse_profile(text: str, name: str = "profile") -> HardwareProfile:
    """The same for text that is already in memory."""
    return _profile(parse_document(text, name))


def read_profile_model(path: Path) -> ProfileModel:
    """The file with its classes and sources, for people (`adaptd profile show`)."""
    return validate(read_document(path), ProfileModel)


def _profile(document: Document) -> HardwareProfile:
    model = validate(document, ProfileModel)
    refuse_lost(document, model)
    _refuse_contradictions(document, model)
    thermal, sensors = model.thermal, model.sensors
    return HardwareProfile(
        name=model.profile,
        sha256=document.sha256,
        idle_power_mw=scaled(model.idle_power_w.value, 1000),
        poles=tuple(Pole(scaled(pole.r_k_per_w.value, 1000), scaled(pole.tau_s.value, 1000)) for pole in thermal.poles),
        ambient_mc=scaled(thermal.ambient_c.value, 1000),
        passive_mc=scaled(thermal.passive_c.value, 1000),
        critical_mc=scaled(thermal.critical_c.value, 1000),
        precisions=tuple(
            PrecisionFact(name, fact.gains, None if fact.speedup is None else scaled(fact.speedup.value, 1_000_000))
            for name, fact in model.precisions.items()
        ),
        temperature_zones=tuple(sensors.temperature_zones),
        power_rails=tuple(sensors.power_rails),
        light_sources=tuple(sensors.light),
        range_mc=_range(sensors.range_c),
        range_mw=_range(sensors.range_w),
        range_mlx=_range(sensors.range_lux),
        max_slew_mc_per_s=scaled(sensors.max_slew_c_per_s.value, 1000),
        assumed=tuple(_assumed(model, "")),
        unwatched=sensors.thermometer == "none",
        valid_us=tuple(found for name in _names(sensors) if (found := _validity(name)) is not None),
        battery_sources=tuple(sensors.battery),
        battery_uj=None if model.battery_capacity_wh is None else scaled(model.battery_capacity_wh.value, 3_600_000_000),
        power_modes=tuple((mode.name, mode.reboot) for mode in model.power_modes),
    )


def _names(sensors: BoardSensorsModel) -> list[str]:
    return [*sensors.temperature_zones, *sensors.power_rails, *sensors.light, *sensors.battery]


def _validity(name: str) -> tuple[str, int] | None:
    """``push:room@60s`` is ("push:room", 60,000,000); None where a name says no time, or none that can be."""
    match = _VALID.fullmatch(name)
    seconds = 0.0 if match is None else float(match[2])
    return None if match is None or not 0 < seconds <= MOST_VALID_S else (match[1], round(seconds * 1_000_000))


def _range(model: RangeModel) -> tuple[int, int]:
    return scaled(model.min, 1000), scaled(model.max, 1000)


def _refuse_contradictions(document: Document, model: ProfileModel) -> None:
    faults = []
    if scaled(model.thermal.passive_c.value, 1000) >= scaled(model.thermal.critical_c.value, 1000):
        where = document.where(("thermal", "passive_c"))
        faults.append(f"{where}: thermal.passive_c: is not below thermal.critical_c, lower it")
    if model.sensors.thermometer == "none" and model.sensors.temperature_zones:
        where = document.where(("sensors", "thermometer"))
        faults.append(f"{where}: sensors.thermometer: says none, but temperature_zones names some, leave one of the two out")
    for name in _names(model.sensors):
        if name.startswith("push:") and "@" in name and _validity(name) is None:
            where = document.where(("sensors",))
            faults.append(f"{where}: sensors: {name!r} says no time to hold, write push:NAME@60s, at most {MOST_VALID_S} s")
    for key in ("range_c", "range_w", "range_lux"):
        span: RangeModel = getattr(model.sensors, key)
        if scaled(span.min, 1000) >= scaled(span.max, 1000):
            faults.append(f"{document.where(('sensors', key))}: sensors.{key}: has min at or above max, widen it")
    if faults:
        raise ConfigError(*faults)


def _assumed(node: object, path: str) -> list[str]:
    """The dotted keys of every number whose class is ``assumed``."""
    if isinstance(node, (list, tuple)):
        return [found for index, item in enumerate(node) for found in _assumed(item, f"{path}.{index}")]
    if isinstance(node, dict):
        return [found for key, item in node.items() for found in _assumed(item, f"{path}.{key}")]
    if not isinstance(node, Strict):
        return []
    own = [path.lstrip(".")] if getattr(node, "class_", None) == "assumed" else []
    return own + [found for key in type(node).model_fields for found in _assumed(getattr(node, key), f"{path}.{key}")]
