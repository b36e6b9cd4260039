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
from adaptd.cli.errors import CommandError, refusing, whole
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


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = sub.add_parser("run", help="serve the model and control it, in the foreground")
    parser.add_argument(
        "--policy", type=Path, default=policies_dir() / "default.yaml", help="policy file (default: the shipped default.yaml)"
    )
    parser.add_argument("--profile", default=None, help="name or file of a hardware profile; default: the board's own")
    parser.add_argument(
        "--bundle", type=Path, default=engines_dir() / SHIPPED, help="bundle folder (default: the shipped pet-bowl)"
    )
    parser.add_argument("--packs", type=Path, default=None, metavar="DIR", help="run the pack that `adaptd pack take` chose here")
    parser.add_argument("--pack-key", type=Path, default=None, metavar="F", help="with --packs: the owner's public key (PEM)")
    parser.add_argument("--source", action="append", default=None, metavar="[NAME=]SOURCE", help=SOURCES)
    parser.add_argument("--twin", type=Path, default=None, help="take every reading from the software device of this scenario")
    parser.add_argument("--no-twin", action="store_true", help="simulate nothing, not even in the demonstration")
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="read sensors below DIR, a captured tree")
    parser.add_argument("--audit", type=Path, default=None, help="folder of the log")
    parser.add_argument(
        "--keep-days",
        type=_days,
        default=KEEP_DAYS,
        metavar="N",
        help=f"remove older log, on record (default {KEEP_DAYS})",
    )
    parser.add_argument("--short-retention", action="store_true", help=f"allow --keep-days below {KEEP_DAYS}; verdicts say so")
    parser.add_argument("--socket", type=Path, default=None, help="path of the local API")
    parser.add_argument("--duration", type=duration_us, default=None, help="stop after, e.g. 20s, 5m")
    parser.add_argument("--tick", type=duration_us, default=1_000_000, help="time between two decisions (default 1s)")
    parser.add_argument(
        "--backend",
        choices=["auto", "ort", "tensorrt"],
        default="auto",
        help="what computes (default auto: TensorRT where it is)",
    )
    parser.add_argument("--threads", type=whole(0), default=0, help="threads of one engine (default: the backend's choice)")
    parser.add_argument("--public-key", type=Path, default=None, help="key that the bundle's signature must fit")
    parser.add_argument(
        "--page", type=int, nargs="?", const=8460, metavar="PORT", help="a gateway beside it: the live page on this port (8460)"
    )
    parser.add_argument("--json", action="store_true", help="operational log as JSON lines on stderr")
    parser.add_argument("--quiet", action="store_true", help="print nothing but warnings")
    parser.set_defaults(handler=_run)


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
        profile=find_profile(arguments.profile or _board_profile(arguments.root)),
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
        return str(_shipped_clip()), ()
    with refusing(SourceError):
        given = [(name, written_elsewhere(source)) for name, source in [named(text) for text in texts]]
        found = cameras_of([f"{name}={source}" if name else source for name, source in given])
    if len(found) == 1 and not found[0][0]:
        return found[0][1], ()
    return ", ".join(f"{name}={source}" for name, source in found), found


def _board_profile(root: Path) -> str:
    from adaptd.sense.board import identify
    from adaptd.sense.sysfs import Sysfs

    return identify(Sysfs(root)).profile


def _shipped_clip() -> Path:
    return engines_dir() / SHIPPED / "clip" / "day-to-night.mp4"


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
