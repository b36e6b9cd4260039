"""`adaptd run`: the daemon in the foreground. With nothing given it serves the shipped bundle on the shipped clip."""

import argparse
import json
import logging
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from adaptd.cli.audit_args import default_audit, kept_long_enough
from adaptd.cli.children import page
from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.options import Sub, verb
from adaptd.cli.profile import find_profile
from adaptd.client import default_socket
from adaptd.config.shipped import engines_dir, policies_dir
from adaptd.log import KEEP_DAYS
from adaptd.serve.notify import under_service_manager

if TYPE_CHECKING:
    from adaptd.daemon.assemble import Request

STEEP = 3
SOURCES = (
    "video, folder, camera index, address or pipeline (#size=..,fps=.. behind a camera), push:SOCKET, @FILE that holds it; "
    "several cameras each with a name: --source front=0 --source rear=2"
)
SHIPPED = "pet-bowl"
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def register(sub: Sub) -> None:
    run = verb(sub, "run", "serve the model and control it, in the foreground", _run)
    run.path("--policy", "policy file (default: the shipped default.yaml)", default=policies_dir() / "default.yaml")
    run.option("--profile", "name or file of a hardware profile; default: the board's own")
    run.path("--bundle", "bundle folder (default: the shipped pet-bowl)", default=engines_dir() / SHIPPED)
    run.path("--packs", "run the pack that `adaptd pack take` chose here", metavar="DIR")
    run.path("--pack-key", "with --packs: the owner's public key (PEM)", metavar="F")
    run.many("--source", SOURCES, default=None, metavar="[NAME=]SOURCE")
    run.path("--twin", "take every reading from the software device of this scenario")
    run.flag("--no-twin", "simulate nothing, not even in the demonstration")
    run.path("--root", "read sensors below DIR, a captured tree", default=Path("/"), metavar="DIR")
    run.path("--audit", "folder of the log")
    words = f"remove older log, on record (default {KEEP_DAYS})"
    run.option("--keep-days", words, type=_days, default=KEEP_DAYS, metavar="N")
    run.flag("--short-retention", f"allow --keep-days below {KEEP_DAYS}; verdicts say so")
    run.path("--socket", "path of the local API")
    run.option("--duration", "stop after, e.g. 20s, 5m", type=duration_us)
    run.option("--tick", "time between two decisions (default 1s)", type=duration_us, default=1_000_000)
    words = "what computes (default auto: TensorRT where it is)"
    run.option("--backend", words, choices=["auto", "ort", "tensorrt"], default="auto")
    run.count("--threads", "threads of one engine (default: the backend's choice)", 0, default=0)
    run.path("--public-key", "key that the bundle's signature must fit")
    words = "a gateway beside it: the live page on this port (8460)"
    run.option("--page", words, type=int, nargs="?", const=8460, metavar="PORT")
    run.flag("--json", "operational log as JSON lines on stderr")
    run.flag("--quiet", "print nothing but warnings")


def duration_us(text: str) -> int:
    """``20s``, ``5m``, ``1.5h`` or bare seconds, in microseconds."""
    match = _DURATION.match(text)
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration, write for example 20s, 5m or 1h")
    return int(float(match[1]) * _UNITS_S[match[2] or "s"] * 1e6)


def _days(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 36_500:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days, write for example {KEEP_DAYS}")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    kept_long_enough(arguments)
    from adaptd.cli.narrate import Narrator
    from adaptd.cli.run_pack import choose, ended
    from adaptd.daemon.assemble import AssemblyError, assemble, check
    from adaptd.daemon.loop import Daemon
    from adaptd.daemon.parts import LoopPace
    from adaptd.log.write.opening import LedgerError
    from adaptd.serve.api import SocketInUseError

    choose(arguments)
    request = request_of(arguments)
    operational_log(as_json=arguments.json, told=not arguments.quiet)
    with refusing(AssemblyError, LedgerError, SocketInUseError):
        checked = check(request)
        _whole(request, checked.manifest.digest)
        scenario = scenario_of(arguments)
        device, priced = (None, ()) if scenario is None else _software_device(scenario, arguments, checked)
        narrator = Narrator(request, checked, staged=scenario, quiet=arguments.quiet or arguments.json)
        calibration = _shared_calibration([source for _, source in request.cameras] or [request.source])
        forced = arguments.twin is not None
        parts = assemble(request, checked, device, narrator, forced=forced, calibration=calibration, priced=priced)
    narrator.opening(parts)
    daemon = Daemon(parts, LoopPace(tick_us=arguments.tick, duration_us=arguments.duration))
    daemon.asked.install()
    with page(arguments.page, request.socket or default_socket()):
        code = daemon.run()
    if parts.worker.refused is not None:
        raise CommandError(parts.worker.refused)
    narrator.closing()
    return ended(code)


def _whole(request: "Request", digest: str) -> None:
    """A bundle with a damaged file is not started. Damage that comes later is the worker's: it sets that variant aside."""
    from adaptd.engine.bundle import Bundle
    from adaptd.engine.errors import BundleError

    with refusing(BundleError):
        Bundle.open(request.bundle, backend=request.backend, public_key=request.public_key, digest=digest)


def request_of(arguments: argparse.Namespace) -> "Request":
    """What the daemon is asked for."""
    from adaptd.daemon.assemble import Request
    from adaptd.sense.board import identify
    from adaptd.sense.sysfs import Sysfs

    bundle: Path = arguments.bundle
    if not bundle.is_dir():
        raise CommandError(
            f"{bundle}: is no bundle folder, make one with `adaptd engine build MODEL.onnx --calibration DIR -o {bundle}`"
        )
    if not arguments.root.is_dir():
        raise CommandError(f"--root {arguments.root}: no such folder, name a captured device tree or leave it out", 2)
    source, cameras = _sources(arguments.source)
    return Request(
        policy=arguments.policy,
        profile=find_profile(arguments.profile or identify(Sysfs(arguments.root)).profile),
        bundle=bundle,
        source=source,
        cameras=cameras,
        audit=arguments.audit or default_audit(),
        socket=arguments.socket or default_socket(),
        backend=arguments.backend,
        public_key=arguments.public_key,
        threads=arguments.threads,
        keep_days=arguments.keep_days,
        root=arguments.root,
    )


def _sources(texts: list[str] | None) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The source in one line, and names and sources of the cameras where they have names."""
    from adaptd.protocol.source_spec import SourceError, cameras_of, named, written_elsewhere

    if texts is None:
        return str(engines_dir() / SHIPPED / "clip" / "day-to-night.mp4"), ()
    with refusing(SourceError):
        given = [(name, written_elsewhere(source)) for name, source in [named(text) for text in texts]]
        found = cameras_of([f"{name}={source}" if name else source for name, source in given])
    if len(found) == 1 and not found[0][0]:
        return found[0][1], ()
    return ", ".join(f"{name}={source}" for name, source in found), found


def _software_device(path: Path, arguments: argparse.Namespace, checked: Any) -> tuple[Any, Any]:
    from adaptd.daemon.assemble import with_prices
    from adaptd.twin.live import live_device
    from adaptd.twin.scenario import load_scenario

    priced = load_scenario(path).variants if arguments.twin or _is_shipped(arguments.bundle) else ()
    return live_device(path, checked.profile, with_prices(checked.facts, priced), checked.policy), priced


def scenario_of(arguments: argparse.Namespace) -> Path | None:
    """What is simulated is what was asked for: a scenario by name, or the demonstration; None where nothing is.

    The demonstration is the shipped bundle on the shipped clip, with a staged power supply. Started by a service manager nothing
    is ever simulated unless a scenario is named.
    """
    if arguments.twin:
        return Path(arguments.twin)
    demonstration = _is_shipped(arguments.bundle) and arguments.source is None
    if arguments.no_twin or not demonstration or under_service_manager():
        return None
    return policies_dir() / "scenarios" / "demo.yaml"


def _is_shipped(bundle: Path) -> bool:
    return bundle.resolve() == (engines_dir() / SHIPPED).resolve()


def _shared_calibration(sources: list[str]) -> Any:
    """The calibration of recorded clips, where all of them have the same."""
    found = {_calibration(source) for source in sources}
    return found.pop() if len(found) == 1 else None


def _calibration(source: str) -> Any:
    """The camera calibration that lies beside a recorded clip, where there is one."""
    from adaptd.protocol.source_options import split_options
    from adaptd.sense.camera_light import Calibration

    clip = Path(split_options(source)[0])
    sidecar = clip.with_suffix(".json")
    if not clip.is_file() or not sidecar.is_file():
        return None
    try:
        rows = json.loads(sidecar.read_text())["luma_to_mlx"]
        table = [(int(mean) * 1000 // 255, int(mlx)) for mean, mlx in rows]  # thousandths of a level of 255 into ppm
        return Calibration(_usable(table))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(f"{sidecar}: luma_to_mlx: is no calibration ({error}), remove the file or mend it") from None


def _usable(table: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The part in which the picture still tells the light: at the white end one level is worth a factor, and means "at least"."""
    for at in range(1, len(table)):
        if table[at][1] > STEEP * table[at - 1][1]:
            return tuple(table[:at])
    return tuple(table)


def operational_log(*, as_json: bool, told: bool) -> None:
    """structlog on stderr: JSON for machines; for people only what the narrator (``told``) does not say anyway.

    The audit log is another thing and never passes here.
    """
    import structlog

    from adaptd.cli.narrate import NonblockingOut

    renderer: Any = structlog.processors.JSONRenderer(sort_keys=True) if as_json else structlog.dev.ConsoleRenderer(colors=False)
    level = logging.INFO if as_json else logging.ERROR if told else logging.WARNING
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", NonblockingOut(sys.stderr))),
        cache_logger_on_first_use=False,
    )
