"""`adaptd fleet service`: the systemd unit of the fleet server, shown, or written with its user and its secret's place.

It is hardened, has its own user and folder, and just the broker to reach. The broker's URL is a secret where it holds a
password: it lies in a file of root's, and systemd hands it to the unit alone.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from adaptd.cli.errors import CommandError, refusing, using
from adaptd.cli.options import Sub, verb
from adaptd.cli.unit_sandbox import USERADD, command, run_words, server_sandbox, write_secret

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


def register(group: Sub) -> None:
    service = verb(group, "service", "the server's systemd unit: shown, or with --install written and started", _service)
    service.flag("--install", "write the unit and its user, and start it")
    service.path("--root", "install below this folder instead of /, starting nothing", default=Path("/"))
    service.many("--reach", "address or network of the broker, if not this machine's", metavar="ADDRESS")


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
    with using("name another --root"):
        if not broker.exists():
            broker.parent.mkdir(parents=True, exist_ok=True)
            write_secret(broker, "mqtt://127.0.0.1:1883")
            print(f"wrote {broker} (mode 0600: the broker's URL, put user and password in there)")
        unit.parent.mkdir(parents=True, exist_ok=True)
        unit.write_text(text, encoding="utf-8")
    print(f"wrote {unit}")
    if live:
        run_words(*USERADD, "--user-group", USER, may_fail=True)
        run_words("systemctl", "daemon-reload")
        run_words("systemctl", "enable", "--now", NAME)
        print(f"started; ask with `sudo adaptd fleet ask --lake {LAKE}`, boxes trust {LAKE}/fleet.pub")
    return 0
