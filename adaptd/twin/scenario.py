"""A scenario (YAML, schema 1): what the controller is told, how the device really differs, and what happens to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from adaptd.config.errors import ConfigError
from adaptd.config.policy import Name
from adaptd.config.strict_yaml import Document, KeyPath, read_document
from adaptd.config.validate import Number, Strict, scaled, validate
from adaptd.vocabulary import Prior, VariantFacts

Scale = Annotated[Number, Field(gt=0, le=100)]
Seconds = Annotated[Number, Field(ge=0, le=10_000_000)]
Percent = Annotated[Number, Field(ge=0, le=100)]
Quantity = Literal["temperature", "power", "light"]
Curve = Annotated[list[Annotated[list[Number], Field(min_length=2, max_length=2)]], Field(min_length=1, max_length=10_000)]


class QualifiedModel(Strict):
    """What qualification found in one band."""

    n: Annotated[int, Field(ge=0, le=10_000_000)]
    disagreed: Annotated[int, Field(ge=0, le=10_000_000)]


class VariantModel(Strict):
    """What qualification said of one variant: marginal energy and latency of a frame, and the prior by band."""

    energy_mj: Annotated[Number, Field(gt=0, le=1_000_000)]
    latency_ms: Annotated[Number, Field(gt=0, le=60_000)]
    no_gain: bool = False
    qualified: dict[str, QualifiedModel] = Field(default_factory=dict)


class NoiseModel(Strict):
    """Standard deviations of what sensors and latencies show; ``latency_pct`` is the jitter of one frame."""

    temperature_c: Annotated[Number, Field(ge=0, le=20)] = 0
    power_w: Annotated[Number, Field(ge=0, le=100)] = 0
    light_pct: Percent = 0
    latency_pct: Percent = 0


class LagModel(Strict):
    """How long a sensor is behind."""

    temperature: Annotated[Number, Field(ge=0, le=600)] = 0
    power: Annotated[Number, Field(ge=0, le=600)] = 0
    light: Annotated[Number, Field(ge=0, le=600)] = 0


class TruthModel(Strict):
    """How this device differs from its profile and its bundle. The controller never sees it."""

    r_scale: Scale = 1
    tau_scale: Scale = 1
    idle_power_scale: Scale = 1
    energy_scale: dict[str, Scale] = Field(default_factory=dict)
    latency_scale: dict[str, Scale] = Field(default_factory=dict)
    disagreement_pct: dict[str, dict[str, Percent]] = Field(default_factory=dict)
    noise: NoiseModel = NoiseModel()
    lag_s: LagModel = LagModel()
    start_c: Annotated[Number, Field(ge=-40, le=150)] | None = None


class SignalsModel(Strict):
    """The world, piecewise linear, ``[t_s, value]``."""

    ambient_c: Curve
    light_lux: Curve
    other_load_w: Curve = Field(default_factory=lambda: [[0.0, 0.0]])
    power_budget_w: Curve | None = None
    slow_down: Curve = Field(default_factory=lambda: [[0.0, 1.0]])


class FaultModel(Strict):
    """A sensor that fails for a while, or an engine that fails at a moment."""

    sensor: Quantity | None = None
    engine: Name | None = None
    kind: Literal["missing", "stuck", "zero", "spike", "hang", "nan", "crash", "garbage"]
    from_s: Seconds | None = None
    to_s: Seconds | None = None
    at_s: Seconds | None = None


class ScenarioModel(Strict):
    """A scenario file, schema 1. ``policy`` names the policy that goes with it; ``restarts_s`` restarts the controller."""

    scenario: Name
    schema_: Annotated[Literal[1], Field(alias="schema")]
    seed: Annotated[int, Field(ge=0, le=1 << 52)]
    duration_s: Annotated[Number, Field(gt=0, le=10_000_000)]
    tick_s: Annotated[Number, Field(gt=0, le=600)]
    profile: Name
    policy: Name = "feeder"
    bundle: str | None = None
    variants: dict[str, VariantModel]
    truth: TruthModel = TruthModel()
    signals: SignalsModel
    faults: list[FaultModel] = Field(default_factory=list)
    restarts_s: list[Seconds] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault between two times; an engine fault has ``until_us == from_us``."""

    target: str
    kind: str
    from_us: int
    until_us: int
    engine: bool


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario, checked. Curves stay in the units of the file: only the software device reads them."""

    name: str
    seed: int
    duration_us: int
    tick_us: int
    profile: str
    policy: str
    facts: tuple[VariantFacts, ...]
    truth: TruthModel
    signals: SignalsModel
    faults: tuple[Fault, ...]
    restarts_us: tuple[int, ...]


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        ConfigError: one line a fault, each with file, line, column, key and remedy.
    """
    document = read_document(path)
    model = validate(document, ScenarioModel)
    _refuse_contradictions(document, model)
    return Scenario(
        name=model.scenario,
        seed=model.seed,
        duration_us=scaled(model.duration_s, 1_000_000),
        tick_us=scaled(model.tick_s, 1_000_000),
        profile=model.profile,
        policy=model.policy,
        facts=tuple(_facts(name, variant) for name, variant in model.variants.items()),
        truth=model.truth,
        signals=model.signals,
        faults=tuple(_fault(fault) for fault in model.faults),
        restarts_us=tuple(scaled(at, 1_000_000) for at in sorted(model.restarts_s)),
    )


def _facts(name: str, variant: VariantModel) -> VariantFacts:
    priors = tuple(Prior(band, found.n, found.disagreed) for band, found in variant.qualified.items())
    return VariantFacts(name, scaled(variant.energy_mj, 1000), scaled(variant.latency_ms, 1000), variant.no_gain, priors)


def _fault(fault: FaultModel) -> Fault:
    if fault.engine is not None:
        at_us = scaled(fault.at_s or 0, 1_000_000)
        return Fault(fault.engine, fault.kind, at_us, at_us, engine=True)
    return Fault(
        str(fault.sensor), fault.kind, scaled(fault.from_s or 0, 1_000_000), scaled(fault.to_s or 0, 1_000_000), engine=False
    )


def _refuse_contradictions(document: Document, model: ScenarioModel) -> None:
    faults: list[str] = []

    def refuse(condition: bool, path: KeyPath, words: str) -> None:
        if condition:
            faults.append(f"{document.where(path)}: {'.'.join(map(str, path))}: {words}")

    for key in SignalsModel.model_fields:
        curve = getattr(model.signals, key) or []
        times = [row[0] for row in curve]
        refuse(times != sorted(times), ("signals", key), "goes back in time, order it by t_s")
    for table in ("energy_scale", "latency_scale"):
        for name in getattr(model.truth, table):
            refuse(name not in model.variants, ("truth", table, name), "is no variant of this scenario, correct the name")
    for index, fault in enumerate(model.faults):
        path: KeyPath = ("faults", index)
        refuse((fault.sensor is None) == (fault.engine is None), path, "needs either sensor or engine, name one")
        if fault.sensor is not None:
            timed = fault.from_s is not None and fault.to_s is not None and fault.from_s < fault.to_s
            refuse(not timed, path, "needs from_s below to_s, give both")
            refuse(fault.kind in {"crash", "garbage"}, path, f"has kind {fault.kind}, which is an engine's, choose a sensor's")
        if fault.engine is not None:
            refuse(fault.at_s is None, path, "needs at_s, give it")
            refuse(
                fault.kind not in {"crash", "hang", "garbage"}, path, f"has kind {fault.kind}, an engine has crash, hang, garbage"
            )
            refuse(fault.engine not in model.variants, path, "names an engine that is no variant, correct the name")
    if faults:
        raise ConfigError(*faults)
