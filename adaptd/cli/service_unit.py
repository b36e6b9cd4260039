"""The systemd unit as text, and what must be true before it is written."""

import grp
import sys
from dataclasses import dataclass
from pathlib import Path

from adaptd.base.redact import has_secret
from adaptd.cli.errors import CommandError
from adaptd.cli.unit_sandbox import SANDBOX, command
from adaptd.protocol.source_spec import named

UNIT_NAME = "adaptd.service"

UNIT = """\
[Unit]
Description=adaptd: warm engines, operating point under safety limits, verifiable log
After=local-fs.target nvpmodel.service nvargus-daemon.service{after}
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=notify
ExecStart={command} run --no-twin {places}{words}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
WatchdogSec=10
TimeoutStopSec=5
User=adaptd
Group=adaptd
{groups}{credential}RuntimeDirectory=adaptd
RuntimeDirectoryMode=0750
StateDirectory=adaptd
StateDirectoryMode=0750
UMask=0077
Environment=ORT_DISABLE_TELEMETRY=1
Environment=PYTHONUNBUFFERED=1

# What it may touch. CUDA maps writable code and needs its device nodes, so MemoryDenyWriteExecute and PrivateDevices stay off.
{sandbox}
# NVIDIA's cameras answer on a socket in /tmp, which is private otherwise.
BindPaths=-/tmp/argus_socket
{network}DevicePolicy=closed
DeviceAllow=char-video4linux rw
DeviceAllow=char-nvidia-frontend rw
DeviceAllow=char-nvidia rw
DeviceAllow=char-nvidia-uvm rw
DeviceAllow=char-nvhost rw
DeviceAllow=char-nvmap rw
DeviceAllow=char-drm rw
DeviceAllow=char-i2c r
MemoryMax=2G
TasksMax=128
LimitNOFILE=1024

[Install]
WantedBy=multi-user.target
"""
PLACES = "--policy /etc/adaptd/policy.yaml --audit /var/lib/adaptd/audit_logs --socket /run/adaptd/adaptd.sock"
PACKS = "/var/lib/adaptd/packs"  # where the gateway may write as well
GROUPS = ("video", "render", "i2c", "jtop")
CREDENTIAL = "/etc/adaptd/source"
_HIDDEN = (Path("/home"), Path("/root"), Path("/tmp"), Path("/run/user"))  # noqa: S108 - what the sandbox hides
_NO_NETWORK = "PrivateNetwork=yes\nIPAddressDeny=any\nRestrictAddressFamilies=AF_UNIX\n"
_NETWORK = "# A network camera was asked for (--network).\nRestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the service serves: one source, or several as ``NAME=SOURCE``, each with its options.

    ``network`` opens the sandbox for a camera behind an address; ``pack_key`` lets packs run that its owner signed.
    """

    sources: tuple[str, ...] = ()
    bundle: Path | None = None
    profile: str = ""
    network: bool = False
    pack_key: Path | None = None


def unit_text(wanted: Wanted | None = None) -> str:
    """The unit for this installation of adaptd. A source with a password comes from a credential and stands nowhere in it."""
    wanted = wanted or Wanted()
    words = [word for source in wanted.sources for word in ("--source", _shown(source))]
    words += [] if wanted.bundle is None else ["--bundle", _escaped(str(wanted.bundle))]
    words += ["--profile", _escaped(wanted.profile)] if wanted.profile else []
    words += [] if wanted.pack_key is None else ["--packs", PACKS, "--pack-key", _escaped(str(wanted.pack_key))]
    here = groups_here()
    return UNIT.format(
        command=command(),
        sandbox=SANDBOX,
        places=PLACES,
        words="".join(f" {word}" for word in words),
        groups=f"SupplementaryGroups={' '.join(here)}\n" if here else "",
        credential="".join(f"LoadCredential={path.name}:{path}\n" for path, _ in credentials(wanted)),
        network=_NETWORK if wanted.network else _NO_NETWORK,
        after=" network-online.target\nWants=network-online.target" if wanted.network else "",
    )


def credentials(wanted: Wanted) -> list[tuple[Path, str]]:
    """The sources that hold a password, each with the file that root alone reads: ``source``, with a name ``source.NAME``."""
    pairs = [named(text) for text in wanted.sources]
    return [(Path(f"{CREDENTIAL}.{name}" if name else CREDENTIAL), source) for name, source in pairs if has_secret(source)]


def _shown(text: str) -> str:
    """A source as it stands in ExecStart."""
    name, source = named(text)
    if not has_secret(source):
        return _escaped(text)
    return f"{name}=@%d/source.{name}" if name else "@%d/source"


def groups_here() -> tuple[str, ...]:
    """The groups that own devices and exist on this machine: systemd does not start a unit that names another."""
    known = {entry.gr_name for entry in grp.getgrall()}
    return tuple(name for name in GROUPS if name in known)


def out_of_sight(path: Path) -> str:
    """Why the unit's sandbox cannot see a path; empty where it can. Links are followed: a venv's interpreter lies elsewhere."""
    for place in {path.absolute(), path.resolve()}:
        for hidden in _HIDDEN:
            if hidden in place.parents:
                return f"{place} is below {hidden}, which the sandbox hides"
    return ""


def refuse_hidden(wanted: Wanted) -> None:
    """Raises CommandError where interpreter or bundle cannot be seen from inside the sandbox."""
    for what, path in (("interpreter", Path(sys.executable)), ("bundle", wanted.bundle)):
        why = "" if path is None else out_of_sight(path)
        if why:
            raise CommandError(f"service install: the {what} {why}; put adaptd and its bundles elsewhere, for example below /opt")


def _escaped(text: str) -> str:
    """One word of ExecStart: percent and dollar are systemd's own, quotes hold words with blanks together."""
    doubled = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{doubled}"' if any(letter in text for letter in " \t'\"\\;") else doubled
