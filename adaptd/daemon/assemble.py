"""Put a run together from what the user gave and what the machine has. Every fault here is one line, before anything starts."""

import importlib.util
import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from adaptd import __version__
from adaptd.base.clock import boot_id
from adaptd.base.redact import redact
from adaptd.brain.decide.analysis import unreachable
from adaptd.brain.tick import State
from adaptd.config.cells import MOST_CAMERAS
from adaptd.config.engine_answers import Identity, identity
from adaptd.config.errors import ConfigError
from adaptd.config.manifest import Manifest, facts, figures, load_manifest
from adaptd.config.policy import Policy, parse_policy
from adaptd.config.profile import HardwareProfile, parse_profile
from adaptd.config.strict_yaml import read_bounded
from adaptd.daemon import jobs
from adaptd.daemon.engine_identity import EngineIdentity
from adaptd.daemon.moving import plans_of
from adaptd.daemon.parts import Clock, Parts, Watcher
from adaptd.daemon.power_modes import modes_of, not_there
from adaptd.daemon.sensors_or_twin import SensorsOrTwin, SoftwareDevice
from adaptd.log import KEEP_DAYS
from adaptd.log.format.binding import Binding, code_hash
from adaptd.log.format.codec import CodecError, from_plain
from adaptd.log.format.store import Store
from adaptd.log.write.ledger import Ledger, LedgerLimits
from adaptd.log.write.quarantine import open_or_put_aside
from adaptd.log.write.recorder import Recorder, Settings
from adaptd.log.write.recovery import Found
from adaptd.log.write.retention import Retention
from adaptd.protocol.messages import Begin, Camera
from adaptd.protocol.source_spec import SourceError, parse_source
from adaptd.sense.battery import discover
from adaptd.sense.camera_light import Calibration
from adaptd.sense.sensor_hub import SensorHub
from adaptd.sense.sysfs import Sysfs
from adaptd.serve.api import Api, SocketInUseError
from adaptd.serve.board import StatusBoard
from adaptd.serve.metrics import render
from adaptd.serve.notify import Notifier
from adaptd.supervise.supervisor import Supervisor
from adaptd.vocabulary import VariantFacts

SEED_BITS = 52


class AssemblyError(Exception):
    """The run cannot start; one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; every path exists or is refused here. Sensors are read below ``root``.

    ``cameras`` are names and sources where they have names; ``source`` then says the same in one line.
    """

    policy: Path
    profile: Path
    bundle: Path
    source: str
    audit: Path
    socket: Path | None
    cameras: tuple[tuple[str, str], ...] = ()
    backend: str = "auto"
    public_key: Path | None = None
    seed: int | None = None
    threads: int = 0
    keep_days: int = KEEP_DAYS
    root: Path = Path("/")


@dataclass(frozen=True, slots=True)
class Checked:
    """The user's files, read once and found good."""

    policy: Policy
    policy_text: str
    profile: HardwareProfile
    profile_text: str
    manifest: Manifest
    facts: tuple[VariantFacts, ...]
    backend: str
    identity: Identity = field(default_factory=Identity)


def check(request: Request) -> Checked:
    """Read policy, profile and manifest; nothing is started and nothing is written.

    Raises:
        ConfigError, AssemblyError: one line a fault.
    """
    if len(request.cameras) > MOST_CAMERAS:
        raise AssemblyError(f"--source: names {len(request.cameras)} cameras, one device serves at most {MOST_CAMERAS}")
    policy_text, profile_text = _text(request.policy), _text(request.profile)
    policy = replace(parse_policy(policy_text, str(request.policy)), cameras=tuple(name for name, _ in request.cameras))
    profile = parse_profile(profile_text, str(request.profile))
    manifest = load_manifest(request.bundle, public_key=request.public_key, require_signature=policy.require_signature)
    backend = _backend(request.backend, manifest)
    known = facts(manifest, backend)
    names = [fact.name for fact in known]
    if policy.reference not in names:
        where = f"{request.policy}: reference"
        raise AssemblyError(f"{where}: {policy.reference!r} is not in {request.bundle}, one of {', '.join(names)} is")
    words = unreachable(policy, profile)
    if words and "idle_power_w" not in profile.assumed:
        raise AssemblyError(f"{request.policy}: {words}")
    _in_time(policy, known[0], request)
    if policy.modes and (words := not_there(request.root, policy.modes, policy_text, str(request.policy), profile)):
        raise AssemblyError(words)
    try:
        for _, source in request.cameras or (("", request.source),):
            parse_source(source)
    except SourceError as error:
        raise AssemblyError(str(error)) from None
    wanted = (policy.reference, *policy.efficient)
    ordered = tuple(fact for name in wanted for fact in known if fact.name == name)
    known_by = identity(request.bundle, manifest, backend)
    return Checked(policy, policy_text, profile, profile_text, manifest, ordered, backend, known_by)


def _in_time(policy: Policy, reference: VariantFacts, request: Request) -> None:
    """A reference slower than the deadline would deliver no frame in time; of several cameras the last one waits for all."""
    if reference.latency_us * policy.streams > policy.deadline_us:
        many = f", {policy.streams} cameras wait for one another" if policy.streams > 1 else ""
        raise AssemblyError(
            f"{request.bundle}: the reference {reference.name} takes {reference.latency_us / 1000:.1f} ms a frame where it was "
            f"qualified{many}, {request.policy} wants {policy.deadline_us / 1000:.0f} ms (deadline_ms); take a smaller model "
            f"or picture, {'fewer cameras, ' if many else ''}or a longer deadline"
        )


def _text(path: Path) -> str:
    try:
        return read_bounded(path).decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path}:1:1: file: is not UTF-8 text, save it as UTF-8") from None


def plans_wanted(wanted: str, manifest: Manifest) -> bool:
    """Whether TensorRT is here and would be taken if this bundle had a plan."""
    return wanted == "auto" and _has_tensorrt(manifest) and manifest.variants[manifest.reference]["tensorrt"].plan is None


def _has_tensorrt(manifest: Manifest) -> bool:
    offered = {name for files in manifest.variants.values() for name in files}
    return "tensorrt" in offered and all(importlib.util.find_spec(name) for name in ("tensorrt", "pycuda"))


def _backend(wanted: str, manifest: Manifest) -> str:
    offered = {name for files in manifest.variants.values() for name in files}
    if wanted == "auto":
        with suppress(ConfigError):
            if _has_tensorrt(manifest) and facts(manifest, "tensorrt"):  # the reference has a plan that was qualified
                return "tensorrt"
        return "ort"
    if wanted not in offered:
        raise AssemblyError(f"--backend {wanted}: the bundle has no files for it, one of {', '.join(sorted(offered))} is there")
    return wanted


def assemble(
    request: Request,
    checked: Checked,
    device: SoftwareDevice | None,
    watcher: Watcher,
    *,
    forced: bool,
    calibration: Calibration | None,
    priced: tuple[VariantFacts, ...] = (),
) -> Parts:
    """Open the log, the socket and the sensors. ``device`` stages the demonstration, ``forced`` takes every reading from it.

    ``priced`` holds the energies of a frame on the software device; they are told to the controller where power is simulated.

    Raises:
        LedgerError, SocketInUseError: one line with the remedy.
    """
    clock = Clock()
    _with_battery(request, checked, device)
    ledger, found = _open_log(request, checked, clock)
    board = StatusBoard()
    api = _api(request, board, ledger)
    station = SensorHub(checked.profile, request.root, camera=calibration)
    if api is not None:
        api.refusals["/v1/reading"] = station.inbox.refusal
    if device is not None:
        checked = replace(checked, facts=with_prices(checked.facts, priced))
    inherited = None if found is None else _inherited(found.state)
    origin = _origin(checked)
    checked = replace(checked, facts=origin.first_guess(() if inherited is None else inherited.facts))
    slow = jobs.SlowJobs()
    retention = Retention(ledger, Store(request.audit), clock.utc_ms, slow.trouble.put, request.keep_days)
    return Parts(
        policy=checked.policy,
        profile=checked.profile,
        facts=checked.facts,
        settings=_settings(request, checked, clock),
        policy_path=request.policy,
        worker=Supervisor(_begin(request, checked)),
        senses=SensorsOrTwin(station, device, forced=forced, picture_light=not forced),
        recorder=Recorder(ledger),
        board=board,
        api=api,
        slow=slow,
        chores={jobs.CHECKPOINT: ledger.checkpoint, jobs.RETENTION: retention.seek},
        retention=retention,
        notifier=Notifier(),
        watcher=watcher,
        inherited=inherited,
        unseen=() if found is None else tuple(found.unseen),
        clean=found is None or found.stopped,
        clock=clock,
        origin=origin,
        bundle_name=request.bundle.name,
        modes=modes_of(request.root),
        staged=device is not None and bool(priced),
        plans=_plans(request, checked.manifest),
    )


def _plans(request: Request, manifest: Manifest) -> tuple[Path, Path] | None:
    """The bundle to build TensorRT plans from beside the service, and where to; None where none are wanted."""
    wanted = plans_wanted(request.backend, manifest)
    return (request.bundle, request.audit.parent / "plans" / request.bundle.name) if wanted else None


def _with_battery(request: Request, checked: Checked, device: SoftwareDevice | None) -> None:
    """A battery must last, so there must be one: named in the profile, on this machine, or in the software device's scenario.

    Raises:
        AssemblyError: there is none.
    """
    if checked.policy.endurance is None or checked.profile.battery_sources or discover(Sysfs(request.root)):
        return
    if device is None or device.battery(0) is None:
        raise AssemblyError(
            f"{request.policy}: endurance: this machine has no battery that adaptd can read; name one under sensors.battery of "
            f"{request.profile}, or remove the key"
        )


def _api(request: Request, board: StatusBoard, ledger: Ledger) -> Api | None:
    """The local API where a socket is asked for; where it cannot be had, the log is closed again."""
    try:
        pages = {"/v1/metrics": render, "/v1/why": lambda document: f"{document.get('why', 'no decision yet')}\n"}
        return None if request.socket is None else Api(request.socket, board, pages)
    except (SocketInUseError, OSError):
        ledger.close()
        raise


def _open_log(request: Request, checked: Checked, clock: Clock) -> tuple[Ledger, Found | None]:
    about = {"adaptd": __version__, "source": redact(request.source), "backend": checked.backend, "bundle": request.bundle.name}
    opened = open_or_put_aside(
        request.audit,
        boot=boot_id(),
        mono_us=clock.mono_us,
        utc_ms=clock.utc_ms,
        about=about,
        limits=LedgerLimits(wear_budget_mb=checked.policy.wear_budget_mb),
    )
    return opened.ledger, opened.found


def _origin(checked: Checked) -> EngineIdentity:
    qualified = checked.manifest.variants[checked.policy.reference][checked.backend].qualification
    device, noted = "" if qualified is None else qualified.device, checked.identity
    return EngineIdentity(checked.facts, noted.prints, device, noted.answers, noted.tolerance_ppm)


def _begin(request: Request, checked: Checked) -> Begin:
    """What the worker is told when it starts."""
    return Begin(
        bundle=str(request.bundle.resolve()),
        backend=checked.backend,
        variants=tuple(fact.name for fact in checked.facts),
        source=request.source,
        safe_mfps=checked.policy.target_mfps,
        deadline_us=checked.policy.deadline_us,
        threads=request.threads,
        digest=checked.manifest.digest,
        results="" if request.socket is None else str(request.socket.parent / "results.sock"),
        preview=checked.policy.preview,
        miss_weight_ppm=checked.policy.miss_weight_ppm,
        cameras=tuple(Camera(name, source) for name, source in request.cameras),
    )


def _inherited(plain: Any) -> State | None:
    """The last run's full state; None where there is none, or where it was written by a version with another layout."""
    try:
        return None if plain is None else cast("State", from_plain(State, plain))
    except (CodecError, ValueError, TypeError, KeyError):
        return None


def with_prices(facts: tuple[VariantFacts, ...], priced: tuple[VariantFacts, ...]) -> tuple[VariantFacts, ...]:
    """The bundle's facts, with a frame's energy as the software device prices it where it does."""
    prices = {fact.name: fact.energy_uj for fact in priced}
    return tuple(replace(fact, energy_uj=prices.get(fact.name, fact.energy_uj)) for fact in facts)


def _settings(request: Request, checked: Checked, clock: Clock) -> Settings:
    manifest = checked.manifest
    binding = Binding(
        boot_id=boot_id(),
        bundle=manifest.digest,
        code=code_hash(),
        plans=plans_of(manifest, checked.backend),
        policy=checked.policy.sha256,
        profile=checked.profile.sha256,
    )
    return Settings(
        policy_name=str(request.policy),
        policy_text=checked.policy_text,
        profile_name=str(request.profile),
        profile_text=checked.profile_text,
        facts=checked.facts,
        seed=secrets.randbits(SEED_BITS) if request.seed is None else request.seed,
        now_us=clock.mono_us(),
        binding=binding,
        cameras=checked.policy.cameras,
        figures=tuple(one for one in figures(manifest, checked.backend) if one.variant in {fact.name for fact in checked.facts}),
    )
