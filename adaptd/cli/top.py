"""`adaptd top`: what the daemon does, redrawn each second, with keys for why, sensors, conditions and the log."""

import argparse
import contextlib
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adaptd.cli.options import Sub, socket, verb
from adaptd.client import ApiError, default_socket, get_json

PERIOD_S = 1.0
QUIT = {"q", "Q", "\x03", "\x04"}
PANES = {"w": "why", "s": "sensors", "c": "conditions", "l": "log"}


def register(sub: Sub) -> None:
    top = verb(sub, "top", "a live view in the terminal: engine, rate, heat, power, account, why", run, socket)
    top.flag("--json", argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Draw until q; where nobody looks (no terminal), print the status once."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        from adaptd.cli.status_text import show_status

        return show_status(arguments)
    from rich.console import Console
    from rich.live import Live

    from adaptd.cli.top_panes import Trail
    from adaptd.cli.top_view import view

    console, trail, pane = Console(), Trail(), "why"
    path: Path = arguments.socket or default_socket()
    with _keys(), Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        document, trouble = _ask(path)
        while True:
            trail.add(document)
            live.update(view(document, trouble, trail, pane, console.size), refresh=True)
            due_s = time.monotonic() + PERIOD_S
            while (key := _key(due_s - time.monotonic())) is not None:
                if key in QUIT:
                    return 0
                pane = PANES.get(key.lower(), pane)
                live.update(view(document, trouble, trail, pane, console.size), refresh=True)
            document, trouble = _ask(path)


def _ask(path: Path) -> tuple[dict[str, Any] | None, str]:
    """The status document, or None and why there is none."""
    try:
        document = get_json(path, "/v1/status")
    except (ApiError, ValueError) as error:
        return None, str(error)
    return (document, "") if "operating_point" in document else (None, "the daemon is starting: no decision yet")


@contextlib.contextmanager
def _keys() -> Iterator[None]:
    """Take single keys without showing them; the terminal is as before afterwards, whatever happens."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _key(wait_s: float) -> str | None:
    """The next key within ``wait_s``; None where none came. Ctrl-D and a closed terminal count as q."""
    ready, _, _ = select.select([sys.stdin], [], [], max(0.0, wait_s))
    return (sys.stdin.read(1) or "q") if ready else None
