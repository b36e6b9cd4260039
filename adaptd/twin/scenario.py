"""A scenario file becomes a ``Scenario``: checked strictly, contradictions refused by line, human units made integers once."""

from dataclasses import replace
from pathlib import Path

from adaptd.config.errors import ConfigError
from adaptd.config.manifest import facts as manifest_facts
from adaptd.config.manifest import load_manifest
from adaptd.config.policy import Policy, load_policy
from adaptd.config.shipped import engines_dir, policies_dir, profiles_dir
from adaptd.config.strict_yaml import Document, KeyPath, parse_document, read_document
from adaptd.config.validate import scaled, validate
from adaptd.twin.power_modes import board_modes
from adaptd.twin.schema import BatteryModel, FaultModel, Points, ScenarioModel, ScenesModel, TruthModel, VariantModel
from adaptd.twin.words import (
    ENGINE_KINDS,
    PPM,
    SENSOR_KINDS,
    BatteryTruth,
    Curve,
    Scenario,
    Scenes,
    StagedFault,
    StallTruth,
    Truth,
)
from adaptd.vocabulary import Prior, VariantFacts

US = 1_000_000


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        ConfigError: one line a fault, each with file, line, column, key and remedy.
    """
    return _scenario(read_document(path))


def parse_scenario(text: str, name: str = "scenario") -> Scenario:
    """The same for text that is already in memory."""
    return _scenario(parse_document(text, name))


def scenarios_dir() -> Path:
    return policies_dir() / "scenarios"


def policy_path(scenario: Scenario) -> Path:
    """The shipped policy that the scenario tests."""
    return policies_dir() / f"{scenario.policy}.yaml"


def profile_path(scenario: Scenario) -> Path:
    """The shipped profile that the controller is told."""
    return profiles_dir() / f"{scenario.profile}.yaml"


def facts_of(scenario: Scenario, policy: Policy) -> tuple[VariantFacts, ...]:
    """What qualification said of every variant of the policy, the reference first, from the scenario or else from its bundle.

    Raises:
        ConfigError: the reference is nowhere, or the truth names a variant that does not exist.
    """
    known = {fact.name: fact for fact in scenario.variants}
    if scenario.bundle is not None:
        for fact in manifest_facts(load_manifest(engines_dir() / scenario.bundle), "ort"):
            known.setdefault(fact.name, fact)
    if policy.reference not in known:
        raise ConfigError(
            f"{scenario.name}: variants: has no {policy.reference!r}, the reference of policy {policy.name}, add it"
        )
    for band, variant, _ in scenario.truth.disagreement:
        if variant not in known:
            raise ConfigError(f"{scenario.name}: truth.disagreement_pct.{band}: {variant!r} is no variant, correct it")
    return tuple(known[name] for name in (policy.reference, *policy.efficient) if name in known)


def with_truth_bands(scenario: Scenario, policy: Policy) -> Scenario:
    """The scenario with the light bands that its truth speaks of, where they are not those of ``policy``.

    A scenario is written for its own policy. Under another one, with other bands, the truth stays what it is in the light.

    Raises:
        ConfigError: the truth names a band that neither policy has.
    """
    named = {band for band, _, _ in scenario.truth.disagreement}
    if named <= {band.name for band in policy.bands}:
        return scenario
    own = load_policy(policy_path(scenario))
    for band in sorted(named - {known.name for known in own.bands}):
        raise ConfigError(f"{scenario.name}: truth.disagreement_pct: {band!r} is no band of policy {own.name}, rename it")
    return replace(scenario, truth_bands=own.bands)


def _scenario(document: Document) -> Scenario:
    model = validate(document, ScenarioModel)
    _refuse_contradictions(document, model)
    signals = model.signals
    return Scenario(
        name=model.scenario,
        sha256=document.sha256,
        seed=model.seed,
        duration_us=scaled(model.duration_s, US),
        tick_us=scaled(model.tick_s, US),
        profile=model.profile,
        policy=model.policy,
        bundle=model.bundle,
        variants=tuple(_variant(name, variant) for name, variant in model.variants.items()),
        truth=_truth(model.truth),
        ambient_mc=_curve(signals.ambient_c, 1000),
        light_mlx=_curve(signals.light_lux, 1000),
        other_load_mw=_curve(signals.other_load_w, 1000),
        budget_mw=_curve(signals.power_budget_w, 1000),
        slow_down_ppm=_curve(signals.slow_down, PPM),
        faults=tuple(_fault(fault) for fault in model.faults),
        restarts_us=tuple(scaled(at, US) for at in sorted(model.restarts_s)),
        battery=None if model.battery is None else _battery(model.battery),
        power_modes=board_modes(model.power_modes),
    )


def _battery(model: BatteryModel) -> BatteryTruth:
    return BatteryTruth(
        capacity_uj=scaled(model.capacity_wh, 3600 * US),
        start_ppm=scaled(model.start_pct, 10_000),
        capacity_scale_ppm=scaled(model.capacity_scale_true, PPM),
        step_ppm=scaled(model.step_pct, 10_000),
        noise_ppm=scaled(model.noise_pct, 10_000),
        drive_mw=_curve(model.drive_w, 1000),
        charger_mw=_curve(model.charger_w, 1000),
    )


def _curve(points: Points, factor: int) -> Curve:
    return tuple((scaled(t or 0, US), None if value is None else scaled(value, factor)) for t, value in points)


def _variant(name: str, model: VariantModel) -> VariantFacts:
    priors = tuple(Prior(band, found.n, found.disagreed) for band, found in model.qualified.items())
    return VariantFacts(name, scaled(model.energy_mj, 1000), scaled(model.latency_ms, 1000), model.no_gain, priors)


def _scenes(found: float | ScenesModel) -> Scenes:
    """A plain share of frames, or scenes of their own."""
    if not isinstance(found, ScenesModel):
        return Scenes(0, ((PPM, scaled(found, 10_000)),))
    scenes = tuple((scaled(one.share, PPM), scaled(one.pct, 10_000)) for one in found.scenes)
    return Scenes(scaled(found.scene_s, US), scenes)


def _truth(model: TruthModel) -> Truth:
    one = model.stalls
    return Truth(
        r_scale_ppm=scaled(model.r_scale, PPM),
        tau_scale_ppm=scaled(model.tau_scale, PPM),
        idle_scale_ppm=scaled(model.idle_power_scale, PPM),
        energy_scale_ppm=tuple((name, scaled(scale, PPM)) for name, scale in model.energy_scale.items()),
        latency_scale_ppm=tuple((name, scaled(scale, PPM)) for name, scale in model.latency_scale.items()),
        disagreement=tuple(
            (band, name, _scenes(found)) for band, row in model.disagreement_pct.items() for name, found in row.items()
        ),
        noise_temperature_mc=scaled(model.noise.temperature_c, 1000),
        noise_power_mw=scaled(model.noise.power_w, 1000),
        noise_light_ppm=scaled(model.noise.light_pct, 10_000),
        noise_latency_ppm=scaled(model.noise.latency_pct, 10_000),
        lag_temperature_us=scaled(model.lag_s.temperature, US),
        lag_power_us=scaled(model.lag_s.power, US),
        lag_light_us=scaled(model.lag_s.light, US),
        start_mc=None if model.start_c is None else scaled(model.start_c, 1000),
        stalls=None if one is None else StallTruth(scaled(one.every_s, US), scaled(one.length_s, US), scaled(one.slow_down, PPM)),
    )


def _fault(model: FaultModel) -> StagedFault:
    if model.engine is not None:
        at_us = scaled(model.at_s or 0, US)
        return StagedFault(model.engine, model.kind, at_us, at_us, engine=True)
    return StagedFault(model.sensor or "", model.kind, scaled(model.from_s or 0, US), scaled(model.to_s or 0, US), engine=False)


def _refuse_contradictions(document: Document, model: ScenarioModel) -> None:
    """Refuse values that are each fine and make no sense together, naming the key."""
    faults: list[str] = []

    def refuse(condition: bool, path: KeyPath, words: str) -> None:
        if condition:
            faults.append(f"{document.where(path)}: {'.'.join(map(str, path))}: {words}")

    refuse(model.duration_s < model.tick_s, ("duration_s",), "is shorter than tick_s, lengthen it")
    for band, row in model.truth.disagreement_pct.items():
        for name, kinds in row.items():
            whole = sum(scaled(one.share, PPM) for one in kinds.scenes) if isinstance(kinds, ScenesModel) else PPM
            words = f"has shares that add up to {whole / PPM:g}, make them 1"
            refuse(whole != PPM, ("truth", "disagreement_pct", band, name), words)
    refuse(
        not model.variants and model.bundle is None,
        ("variants",),
        "is empty and bundle is null, describe the variants or name a bundle",
    )
    for name, variant in model.variants.items():
        for band, found in variant.qualified.items():
            path: KeyPath = ("variants", name, "qualified", band)
            refuse(found.disagreed > found.n, path, "has more disagreed than n, lower it")
    for key in ("energy_scale", "latency_scale"):
        for name in getattr(model.truth, key):
            unknown = model.bundle is None and name not in model.variants
            refuse(unknown, ("truth", key, name), "is no variant of this scenario, correct it")
    board = model.power_modes
    unknown = board is not None and board.start not in board.modes
    refuse(unknown, ("power_modes", "start"), "is none of power_modes.modes, name one of them")
    for index, fault in enumerate(model.faults):
        words = _fault_fault(fault)
        refuse(bool(words), ("faults", index), words)
    if faults:
        raise ConfigError(*faults)


def _fault_fault(fault: FaultModel) -> str:
    """What is wrong with a fault; empty where nothing is."""
    if (fault.sensor is None) == (fault.engine is None):
        return "names a sensor and an engine or neither, name one"
    kinds, what = (SENSOR_KINDS, "a sensor") if fault.engine is None else (ENGINE_KINDS, "an engine")
    if fault.kind not in kinds:
        return f"is of kind {fault.kind!r}, one of {', '.join(kinds)} is needed for {what}"
    if fault.engine is not None:
        sound = fault.at_s is not None and fault.from_s is None and fault.to_s is None
        return "" if sound else "needs at_s, and neither from_s nor to_s"
    sound = fault.from_s is not None and fault.to_s is not None and fault.at_s is None and fault.to_s > fault.from_s
    return "" if sound else "needs from_s and to_s, in order, and no at_s"
