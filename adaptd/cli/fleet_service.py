"""`adaptd fleet service`: the systemd unit of the fleet server, shown, or written with its user and its secret's place.

It is hardened, has its own user and folder, and just the broker to reach. The broker's URL is a secret where it holds a
password: it lies in a file of root's, and systemd hands it to the unit alone.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.unit_sandbox import command, server_sandbox

NAME = "adaptd-fleet.service"
USER = "adaptd-fleet"
BROKER_FILE = "/etc/adaptd-fleet/broker"
LAKE = "/var/lib/adaptd-fleet"

_UNIT = """\
[Unit]
Description=adaptd fleet server: witness of many boxes' logs, and their hours as Parquet
After=network-online.target mosquitto.service
Wants=network-online.target
StartLimitIntervalSec=300
StartLimitBurst=20

[Service]
Type=exec
LoadCredential=broker:{broker}
ExecStart={command} fleet serve --mqtt @%d/broker --lake {lake}
Restart=always
RestartSec=2
# It ends between two batches; what was not acknowledged the broker sends again.
TimeoutStopSec=30
User={user}
Group={user}
StateDirectory=adaptd-fleet
StateDirectoryMode=0700
UMask=0077
Environment=PYTHONUNBUFFERED=1
Environment=TMPDIR={lake}
MemoryMax=1G
TasksMax=64
LimitNOFILE=4096

# What it may touch: its own folder.
{sandbox}

[Install]
WantedBy=multi-user.target
"""


def register(actions: Any) -> None:
    parser = actions.add_parser("service", help="the server's systemd unit: shown, or with --install written and started")
    parser.add_argument("--install", action="store_true", help="write the unit and its user, and start it")
    parser.add_argument("--root", type=Path, default=Path("/"), help="install below this folder instead of /, starting nothing")
    parser.add_argument(
        "--reach", action="append", default=[], metavar="ADDRESS", help="address or network of the broker, if not this machine's"
    )
    parser.set_defaults(handler=_service)


def unit_text(command: str, addresses: Sequence[str] = ()) -> str:
    """The unit that starts ``command fleet serve``; ``addresses`` (or networks) may be reached besides loopback.

    Raises:
        ValueError: an address is none; the text is one line with the remedy.
    """
    return _UNIT.format(command=command, broker=BROKER_FILE, lake=LAKE, sandbox=server_sandbox(addresses), user=USER)


def _service(arguments: argparse.Namespace) -> int:
    with refusing(ValueError, where="--reach ", code=2):
        text = unit_text(command(), arguments.reach)
    if not arguments.install:
        print(text, end="")
        return 0
    root: Path = arguments.root
    live = root == Path("/")
    if live and os.geteuid() != 0:
        raise CommandError("fleet service: needs root, run it with sudo")
    broker, unit = root / BROKER_FILE.lstrip("/"), root / "etc/systemd/system" / NAME
    try:
        if not broker.exists():
            broker.parent.mkdir(parents=True, exist_ok=True)
            with open(os.open(broker, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write("mqtt://127.0.0.1:1883\n")
            print(f"wrote {broker} (mode 0600: the broker's URL, put user and password in there)")
        unit.parent.mkdir(parents=True, exist_ok=True)
        unit.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{error.filename}: cannot be written ({error.strerror})") from None
    print(f"wrote {unit}")
    if live:
        _start(NAME)
    return 0


def _start(name: str) -> None:
    from adaptd.cli.service import run_words

    run_words("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER, may_fail=True)
    run_words("systemctl", "daemon-reload")
    run_words("systemctl", "enable", "--now", name)
    print(f"started; ask with `sudo adaptd fleet ask --lake {LAKE}`, boxes trust {LAKE}/fleet.pub")
