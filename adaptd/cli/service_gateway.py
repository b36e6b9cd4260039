"""The gateway's unit beside the daemon's: written with it, started only where it is asked for."""

import argparse
import re
from pathlib import Path

from adaptd.cli.errors import CommandError
from adaptd.cli.service_unit import command
from adaptd.gateway.unit import ENVIRONMENT_FILE, NAME, unit_text

OWN_USER = "adaptd"
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
ENVIRONMENT = """\
# Options of `adaptd gateway`, for example: --mqtt @/etc/adaptd/broker --host 0.0.0.0 --token-file /etc/adaptd/gateway.tokens
# Whom the unit may reach besides loopback is in the unit: adaptd service install --gateway-reach ADDRESS
ADAPTD_GATEWAY_ARGS=
"""


def add_words(parser: argparse.ArgumentParser, verb: str) -> None:
    """The options that concern the gateway's unit."""
    words = "print the gateway's unit instead" if verb == "show" else "start the gateway as well: page, Prometheus, MQTT"
    parser.add_argument("--gateway", action="store_true", help=words)
    parser.add_argument(
        "--gateway-reach",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="address or network that the gateway may talk to besides loopback, for example a broker; may be repeated",
    )
    parser.add_argument(
        "--gateway-user",
        default=OWN_USER,
        metavar="NAME",
        help="user that the gateway runs as (default adaptd); another one cannot read the log, so the page has no history",
    )


def gateway_unit(arguments: argparse.Namespace) -> str:
    """The unit's text.

    Raises:
        CommandError: an address or a user name is none.
    """
    user: str = arguments.gateway_user
    if not _USER.fullmatch(user) or user == "root":
        raise CommandError(f"--gateway-user {user!r}: is no name of an ordinary user, write for example adaptd-gateway", 2)
    try:
        return unit_text(command(), arguments.gateway_reach, user)
    except ValueError as error:
        raise CommandError(f"--gateway-reach {error}", 2) from None


def write_gateway(root: Path, text: str) -> None:
    """Write the unit, and its file of options where there is none yet."""
    unit, options = root / "etc/systemd/system" / NAME, root / ENVIRONMENT_FILE.lstrip("/")
    unit.write_text(text)
    print(f"wrote {unit}")
    if not options.exists():
        options.write_text(ENVIRONMENT)
        print(f"wrote {options} (its options)")
