"""The process that talks to jetson-stats: one JSON line a second on standard output, and nothing else of this project in it.

Started as ``python -m adaptd.sense.jtop_child`` by ``jtop.py``. The library is AGPL-3.0 and can block for ever, so it lives and
hangs here, away from the daemon.
Client and service must be of one version. Where this interpreter has no jetson-stats, or one of another version, the file is run
again with the interpreter of the installed ``jtop`` command, which is the service's own; so it needs nothing but Python 3.7.
A zone that is offline (-256) is written as null; a rail whose read failed is not written.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import json
import os
import shutil
import signal
import sys
from typing import Any

_OFFLINE_C = -256
_PR_SET_PDEATHSIG = 1


def line(board: Any) -> dict[str, Any]:
    """What one round of jtop says, in integers: millidegrees, milliwatt, percent; ``None`` where a sensor is offline."""
    power = board.power or {}
    rails = {name: _whole(rail.get("power")) for name, rail in (power.get("rail") or {}).items() if rail.get("online", True)}
    total = _whole((power.get("tot") or {}).get("power"))
    if total is not None:
        rails["tot"] = total
    return {
        "temperature_mc": {name: _zone(zone) for name, zone in (board.temperature or {}).items()},
        "power_mw": rails,
        "mode": None if board.nvpmodel is None else str(board.nvpmodel),
        "fan_percent": {name: [_whole(speed) for speed in fan.get("speed", [])] for name, fan in (board.fan or {}).items()},
    }


def _zone(zone: dict[str, Any]) -> int | None:
    celsius = zone.get("temp")
    if not zone.get("online", True) or not isinstance(celsius, (int, float)) or celsius <= _OFFLINE_C:
        return None
    return round(celsius * 1000)


def _whole(value: object) -> int | None:
    return round(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process with its parent: a child that hangs in the library would outlive a killed daemon."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def become_the_services(again: bool) -> None:
    """Go on as the interpreter that the installed ``jtop`` command names in its first line; return where there is none."""
    command = shutil.which("jtop")
    if again or command is None:
        return
    try:
        with open(command, "rb") as script:
            first = script.readline(256).decode("ascii", "replace").strip()
    except OSError:
        return
    if first.startswith("#!") and os.access(first[2:].split()[0], os.X_OK) and first[2:].split()[0] != sys.executable:
        words = first[2:].split()
        os.execv(words[0], [*words, os.path.abspath(__file__), *sys.argv[1:], "--again"])  # noqa: S606


def main() -> int:
    """Print lines until the reader closes the pipe; 1 with one line on standard error where jtop cannot be used."""
    parser = argparse.ArgumentParser(prog="adaptd.sense.jtop_child")
    parser.add_argument("--interval", type=float, default=1.0)
    parser.add_argument("--parent", type=int, default=0, help="process to end with")
    parser.add_argument("--again", action="store_true", help="this is the service's own interpreter already")
    wanted = parser.parse_args()
    interval = wanted.interval
    if wanted.parent:
        die_with_parent(wanted.parent)
    try:
        library: Any = importlib.import_module("jtop")
    except ImportError:
        become_the_services(wanted.again)
        sys.stderr.write("not installed: pip install 'adaptd[jetson]' and sudo jtop --install-service\n")
        return 1
    try:
        with library.jtop(interval=interval) as board:
            while board.ok():
                sys.stdout.write(json.dumps({"version": str(getattr(library, "__version__", "")), **line(board)}) + "\n")
                sys.stdout.flush()
    except (library.JtopException, OSError) as error:
        if "version" in str(error).lower() or "mismatch" in str(error).lower():
            become_the_services(wanted.again)
        sys.stderr.write(f"{' '.join(str(error).split())[:200]}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
