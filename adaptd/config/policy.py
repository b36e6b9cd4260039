"""The policy: what a user tunes. Human units in YAML (schema 1), integers inside."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from adaptd.config.cells import cell_of
from adaptd.config.endurance import Endurance, EnduranceModel, endurance, fault
from adaptd.config.errors import ConfigError
from adaptd.config.limits import FrameRateModel, Modes, PowerModel, Refuse, level_faults, mode_faults, power_faults
from adaptd.config.scaling import refuse_lost
from adaptd.config.strict_yaml import Document, KeyPath, parse_document, read_document
from adaptd.config.validate import Number, PolicyName, SchemaOne, Strict, scaled, validate

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Celsius = Annotated[Number, Field(ge=-40, le=150)]
Lux = Annotated[Number, Field(gt=0, le=200_000)]
GRID = 5  # steps of the rates that stand for a range


class ObjectiveModel(Strict):
    """What the planner maximises: worth of delivered frames minus energy."""

    frame_value_mj: Annotated[Number, Field(gt=0, le=1_000_000)]


class AccuracyModel(Strict):
    """What share of the frames delivered in a light band and window may differ from the reference, in percentage points.

    ``confidence_pct``: 100 minus it is the chance that a statement of a window is wrong, whatever the camera sees.
    ``loan_frames``: what may differ while a window is young; left out, what the bound is at its opening.
    ``miss_weight``: of a detector's loss, how many added boxes one missed box costs as much as.
    ``expected_h``: hours a day for which an efficient variant is expected to be worth serving in each light band, as boxes like
    this one show (`adaptd fleet tune` writes it). Shadow frames are kept for these bands; it never opens the account.
    """

    max_loss_points: Annotated[Number, Field(gt=0, le=50)]
    confidence_pct: Annotated[Number, Field(ge=50, lt=100)]
    shadow_pct: Annotated[Number, Field(ge=0, le=100)]
    window_h: Annotated[Number, Field(gt=0, le=720)] = 24
    loan_frames: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    miss_weight: Annotated[Number, Field(ge=0.01, le=100)] = 1
    expected_h: Annotated[dict[Name, Annotated[Number, Field(ge=0, le=24)]], Field(max_length=8)] | None = None


class ThermalModel(Strict):
    """Where the planner must stay, where it may come back, and where the device is in danger."""

    limit_c: Celsius
    resume_c: Celsius
    critical_c: Celsius


class BandModel(Strict):
    """One light band. It is left downwards below ``down_at_lux`` and upwards above ``up_at_lux``."""

    name: Name
    down_at_lux: Lux | None = None
    up_at_lux: Lux | None = None


class LightModel(Strict):
    """The light bands, darkest first; overlapping edges are the hysteresis."""

    bands: Annotated[list[BandModel], Field(min_length=1, max_length=8)]


class LeaseModel(Strict):
    """How long a relaxation holds without renewal."""

    efficient: Annotated[Number, Field(gt=0, le=86_400)]
    reduced_rate: Annotated[Number, Field(gt=0, le=86_400)]


class SensorsModel(Strict):
    """How old a reading may be before it is missing."""

    stale_after_s: Annotated[Number, Field(gt=0, le=600)]


class AuditModel(Strict):
    """How much the log may write to the storage in a day."""

    wear_budget_mb: Annotated[Number, Field(gt=0, le=1_000_000)] = 80


class BundleModel(Strict):
    """What a bundle must bring besides matching bytes."""

    require_signature: bool = False


class CameraModel(Strict):
    """Who may see what the camera sees."""

    preview: bool = False


class PolicyModel(Strict):
    """A policy file, schema 1."""

    policy: PolicyName
    schema_: Annotated[SchemaOne, Field(alias="schema")]
    reference: Name
    efficient: Annotated[list[Name], Field(max_length=8)]
    objective: ObjectiveModel
    frame_rate: FrameRateModel
    deadline_ms: Annotated[Number, Field(gt=0, le=60_000)]
    late_pct: Annotated[Number, Field(gt=0, le=50)] | None = None  # of the frames, at most this share later than the deadline
    accuracy: AccuracyModel
    thermal: ThermalModel
    power: PowerModel | None = None
    endurance: EnduranceModel | None = None
    light: LightModel
    on_conflict: Literal["protect_device", "protect_service", "stop"]
    lease_s: LeaseModel
    sensors: SensorsModel
    audit: AuditModel = AuditModel()
    bundle: BundleModel = BundleModel()
    camera: CameraModel = CameraModel()
    modes: Modes | None = None  # power modes of the board that may be switched between


@dataclass(frozen=True, slots=True)
class LightBand:
    """A light band: left downwards below ``down_at_mlx``, upwards above ``up_at_mlx``; None at the ends of the scale."""

    name: str
    down_at_mlx: int | None
    up_at_mlx: int | None


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in integers. ``sha256`` is that of the file's bytes, and binds every decision to it.

    ``levels_mfps`` is empty where the camera takes any rate. ``window_us`` is 0 where the budget is a cap at every moment.
    ``cameras`` stands in no file: it names the sources of the run where there are several. Rates are those of each camera.
    ``modes`` are the board's power modes that may be switched between; empty where nobody is to switch.
    ``expected_s`` are seconds of a day by light band in which an efficient variant should be worth serving; empty: not known.
    """

    name: str
    sha256: str
    reference: str
    efficient: tuple[str, ...]
    frame_value_uj: int
    target_mfps: int
    floor_mfps: int
    levels_mfps: tuple[int, ...]
    deadline_us: int
    max_loss_ppm: int
    alpha_ppm: int
    shadow_ppm: int
    limit_mc: int
    resume_mc: int
    critical_mc: int
    budget_mw: int | None
    bands: tuple[LightBand, ...]
    on_conflict: str
    efficient_lease_us: int
    reduced_lease_us: int
    stale_after_us: int
    window_us: int = 86_400_000_000
    loan_frames: int | None = None
    wear_budget_mb: int = 80
    require_signature: bool = False
    preview: bool = False
    budget_window_us: int = 0
    peak_mw: int | None = None
    miss_weight_ppm: int = 1_000_000
    endurance: Endurance | None = None
    cameras: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    late_ppm: int | None = None
    expected_s: tuple[tuple[str, int], ...] = ()

    @property
    def streams(self) -> int:
        """How many cameras share the device."""
        return max(1, len(self.cameras))

    @property
    def cells(self) -> tuple[str, ...]:
        """What evidence is kept for: every light band, of every camera where there are several."""
        return tuple(cell_of(band.name, camera) for band in self.bands for camera in self.cameras or ("",))

    @property
    def grid_mfps(self) -> tuple[int, ...]:
        """The levels, or where any rate is allowed some that stand for them in tables: six from the floor to the target."""
        if self.levels_mfps:
            return self.levels_mfps
        low, span = self.floor_mfps, self.target_mfps - self.floor_mfps
        return tuple(sorted({low + span * at // GRID for at in range(GRID + 1)}))


def load_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        ConfigError: one line a fault, each with file, line, column, key and remedy.
    """
    return _policy(read_document(path))


def parse_policy(text: str, name: str = "policy") -> Policy:
    """The same for text that is already in memory."""
    return _policy(parse_document(text, name))


def _policy(document: Document) -> Policy:
    model = validate(document, PolicyModel)
    refuse_lost(document, model)
    _refuse_contradictions(document, model)
    rate = model.frame_rate
    return Policy(
        name=model.policy,
        sha256=document.sha256,
        reference=model.reference,
        efficient=tuple(model.efficient),
        frame_value_uj=scaled(model.objective.frame_value_mj, 1000),
        target_mfps=scaled(rate.target_fps, 1000),
        floor_mfps=scaled(rate.floor_fps, 1000),
        levels_mfps=tuple(sorted(scaled(level, 1000) for level in rate.levels_fps or ())),
        deadline_us=scaled(model.deadline_ms, 1000),
        max_loss_ppm=scaled(model.accuracy.max_loss_points, 10_000),
        alpha_ppm=1_000_000 - scaled(model.accuracy.confidence_pct, 10_000),
        shadow_ppm=scaled(model.accuracy.shadow_pct, 10_000),
        limit_mc=scaled(model.thermal.limit_c, 1000),
        resume_mc=scaled(model.thermal.resume_c, 1000),
        critical_mc=scaled(model.thermal.critical_c, 1000),
        budget_mw=None if model.power is None else scaled(model.power.budget_w, 1000),
        bands=tuple(LightBand(band.name, _lux(band.down_at_lux), _lux(band.up_at_lux)) for band in model.light.bands),
        on_conflict=model.on_conflict,
        efficient_lease_us=scaled(model.lease_s.efficient, 1_000_000),
        reduced_lease_us=scaled(model.lease_s.reduced_rate, 1_000_000),
        stale_after_us=scaled(model.sensors.stale_after_s, 1_000_000),
        window_us=scaled(model.accuracy.window_h, 3_600_000_000),
        loan_frames=model.accuracy.loan_frames,
        wear_budget_mb=scaled(model.audit.wear_budget_mb, 1),
        require_signature=model.bundle.require_signature,
        preview=model.camera.preview,
        budget_window_us=0 if model.power is None else scaled(model.power.window_s or 0, 1_000_000),
        peak_mw=None if model.power is None or model.power.peak_w is None else scaled(model.power.peak_w, 1000),
        miss_weight_ppm=scaled(model.accuracy.miss_weight, 1_000_000),
        endurance=endurance(model.endurance),
        modes=tuple(model.modes or ()),
        late_ppm=None if model.late_pct is None else scaled(model.late_pct, 10_000),
        expected_s=tuple((band, scaled(hours, 3600)) for band, hours in sorted((model.accuracy.expected_h or {}).items())),
    )


def _lux(value: float | None) -> int | None:
    return None if value is None else scaled(value, 1000)


def _refuse_contradictions(document: Document, model: PolicyModel) -> None:
    """Refuse values that are each fine and contradict one another as the integers that are compared, naming both keys."""
    faults: list[str] = []

    def refuse(condition: bool, path: KeyPath, words: str) -> None:
        if condition:
            faults.append(f"{document.where(path)}: {'.'.join(map(str, path))}: {words}")

    rate, thermal, accuracy = model.frame_rate, model.thermal, model.accuracy
    among = model.reference in model.efficient
    refuse(among, ("efficient",), f"holds the reference {model.reference!r}, list other variants only")
    refuse(len(set(model.efficient)) != len(model.efficient), ("efficient",), "repeats a variant, name each once")
    if rate.levels_fps is not None:
        level_faults(rate, rate.levels_fps, refuse)
    if model.power is not None:
        power_faults(model.power, refuse)
    if model.modes is not None:
        mode_faults(model.modes, refuse)
    if model.endurance is not None and (wrong := fault(model.endurance)) is not None:
        refuse(True, *wrong)
    refuse(
        rate.target_fps < rate.floor_fps,
        ("frame_rate", "target_fps"),
        f"is below frame_rate.floor_fps ({rate.floor_fps:g}), raise it or lower the floor",
    )
    refuse(
        scaled(thermal.resume_c, 1000) >= scaled(thermal.limit_c, 1000),
        ("thermal", "resume_c"),
        f"is not below thermal.limit_c ({thermal.limit_c:g}), lower it by a few degrees",
    )
    refuse(
        scaled(thermal.limit_c, 1000) >= scaled(thermal.critical_c, 1000),
        ("thermal", "limit_c"),
        f"is not below thermal.critical_c ({thermal.critical_c:g}), lower it",
    )
    whole = scaled(accuracy.confidence_pct, 10_000) >= 1_000_000
    refuse(whole, ("accuracy", "confidence_pct"), "rounds to 100, use 99.99 or less")
    bands, expected = [band.name for band in model.light.bands], accuracy.expected_h or {}
    for name in expected:
        refuse(name not in bands, ("accuracy", "expected_h", name), f"is no light band, name one of {', '.join(bands)}")
    refuse(sum(expected.values()) > 24, ("accuracy", "expected_h"), "adds up to more than the 24 hours of a day, lower it")
    _band_faults(model.light.bands, refuse)
    if faults:
        raise ConfigError(*faults)


def _band_faults(bands: list[BandModel], refuse: Refuse) -> None:
    names = [band.name for band in bands]
    for index, band in enumerate(bands):
        path: KeyPath = ("light", "bands", index)
        first, last = index == 0, index == len(bands) - 1
        refuse(band.name in names[:index], (*path, "name"), f"repeats the band name {band.name!r}, name each once")
        refuse(first and band.down_at_lux is not None, (*path, "down_at_lux"), "is given for the darkest band, remove it")
        refuse(last and band.up_at_lux is not None, (*path, "up_at_lux"), "is given for the brightest band, remove it")
        refuse(not first and band.down_at_lux is None, path, "leaves a gap below, add `down_at_lux`")
        refuse(not last and band.up_at_lux is None, path, "leaves a gap above, add `up_at_lux`")
        if band.down_at_lux is not None and band.up_at_lux is not None:
            wide = scaled(band.down_at_lux, 1000) < scaled(band.up_at_lux, 1000)
            refuse(not wide, path, "has down_at_lux at or above up_at_lux, widen the band")
        if not first and band.down_at_lux is not None:
            below = bands[index - 1].up_at_lux
            apart = below is not None and scaled(band.down_at_lux, 1000) >= scaled(below, 1000)
            refuse(
                apart,
                (*path, "down_at_lux"),
                f"does not overlap the band below (its up_at_lux is {below}), lower it: the overlap is the hysteresis",
            )
