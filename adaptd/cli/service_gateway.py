"""The gateway's systemd unit beside the daemon's: written with it, started only where it is asked for.

It is hardened, gives way to the daemon, and reaches just the addresses that the owner named. It runs as the daemon's user,
because the log is that user's alone and history and verifier read it; the log is mounted read-only, and the key that signs it
is out of reach.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.options import Words
from adaptd.cli.unit_sandbox import command, server_sandbox

NAME = "adaptd-gateway.service"
ENVIRONMENT_FILE = "/etc/adaptd/gateway.env"
OWN_USER = "adaptd"
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
ENVIRONMENT = """\
# Options of `adaptd gateway`, for example: --mqtt @/etc/adaptd/broker --host 0.0.0.0 --token-file /etc/adaptd/gateway.tokens
# Whom the unit may reach besides loopback is in the unit: adaptd service install --gateway-reach ADDRESS
ADAPTD_GATEWAY_ARGS=
"""
_UNIT = """\
[Unit]
Description=adaptd gateway: live page, Prometheus and MQTT beside the daemon
After=network.target adaptd.service
StartLimitIntervalSec=300
StartLimitBurst=20

[Service]
Type=exec
EnvironmentFile=-{environment}
ExecStart={command} gateway --socket /run/adaptd/adaptd.sock --state /var/lib/adaptd-gateway $ADAPTD_GATEWAY_ARGS
Restart=always
RestartSec=2
TimeoutStopSec=10
User={user}
Group=adaptd
StateDirectory=adaptd-gateway
StateDirectoryMode=0700
UMask=0077
Environment=PYTHONUNBUFFERED=1

# It gives way to the daemon, and has little.
Nice=10
CPUSchedulingPolicy=batch
IOSchedulingClass=idle
CPUWeight=20
MemoryMax=512M
TasksMax=64
LimitNOFILE=1024
OOMScoreAdjust=500

# What it may touch: the daemon's socket, its own state, and the log to read.
ReadOnlyPaths=-/var/lib/adaptd -/run/adaptd
ReadWritePaths=-/var/lib/adaptd/packs
InaccessiblePaths=-/var/lib/adaptd/audit_logs/private
{sandbox}

[Install]
WantedBy=multi-user.target
"""


def gateway_words(words: Words, gateway: str) -> None:
    """The options that concern the gateway's unit."""
    words.flag("--gateway", gateway)
    reach = "address or network that the gateway may talk to besides loopback, for example a broker; may be repeated"
    words.many("--gateway-reach", reach, metavar="ADDRESS")
    user = "user that the gateway runs as (default adaptd); another one cannot read the log, so the page has no history"
    words.option("--gateway-user", user, default=OWN_USER, metavar="NAME")


def unit_text(command: str, addresses: Sequence[str] = (), user: str = OWN_USER) -> str:
    """The unit that starts ``command gateway``; ``addresses`` (hosts or networks in CIDR form) may be reached besides loopback.

    Another ``user`` than the daemon's own reaches the socket by its group, and does not read the log.

    Raises:
        ValueError: an address is none; the text is one line with the remedy.
    """
    return _UNIT.format(command=command, environment=ENVIRONMENT_FILE, sandbox=server_sandbox(addresses), user=user)


def gateway_unit(arguments: argparse.Namespace) -> str:
    """The unit's text.

    Raises:
        CommandError: an address or a user name is none.
    """
    user: str = arguments.gateway_user
    if not _USER.fullmatch(user) or user == "root":
        raise CommandError(f"--gateway-user {user!r}: is no name of an ordinary user, write for example adaptd-gateway", 2)
    with refusing(ValueError, where="--gateway-reach ", code=2):
        return unit_text(command(), arguments.gateway_reach, user)


def write_gateway(root: Path, text: str) -> None:
    """Write the unit, and its file of options where there is none yet."""
    unit, options = root / "etc/systemd/system" / NAME, root / ENVIRONMENT_FILE.lstrip("/")
    unit.write_text(text)
    print(f"wrote {unit}")
    if not options.exists():
        options.write_text(ENVIRONMENT)
        print(f"wrote {options} (its options)")
