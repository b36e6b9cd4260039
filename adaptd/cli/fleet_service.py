"""`adaptd fleet service`: the systemd unit of the fleet server, shown, or written with its user and its secret's place."""

import argparse
import os
from pathlib import Path
from typing import Any

from adaptd.cli.errors import CommandError


def register(actions: Any) -> None:
    """Add the action."""
    parser = actions.add_parser("service", help="the server's systemd unit: shown, or with --install written and started")
    parser.add_argument("--install", action="store_true", help="write the unit and its user, and start it")
    parser.add_argument("--root", type=Path, default=Path("/"), help="install below this folder instead of /, starting nothing")
    parser.add_argument(
        "--reach", action="append", default=[], metavar="ADDRESS", help="address or network of the broker, if not this machine's"
    )
    parser.set_defaults(handler=_service)


def _service(arguments: argparse.Namespace) -> int:
    from adaptd.cli.service_unit import command
    from adaptd.fleet.unit import BROKER_FILE, NAME, unit_text

    try:
        text = unit_text(command(), arguments.reach)
    except ValueError as error:
        raise CommandError(f"--reach {error}", 2) from None
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
    from adaptd.fleet.unit import LAKE, USER

    run_words("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER, may_fail=True)
    run_words("systemctl", "daemon-reload")
    run_words("systemctl", "enable", "--now", name)
    print(f"started; ask with `sudo adaptd fleet ask --lake {LAKE}`, boxes trust {LAKE}/fleet.pub")
