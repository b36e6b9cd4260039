"""A stand-in for NVIDIA's ``nvpmodel`` on a tree of text files: ``python -m adaptd.twin.nvpmodel --root DIR -m 1``, or ``-q``.

It does what the real one does, silences included: a mode that differs in more than clocks asks for a reboot that nobody can
confirm here, and everything stays as it was. ``--deaf`` ends well and changes nothing, ``--fail`` ends with 1.
"""

import argparse
import sys
from pathlib import Path

from adaptd.config.nvpmodel import DeclaredMode, NvpmodelError, needs_reboot, parse_nvpmodel

CONF, STATUS = "etc/nvpmodel.conf", "var/lib/nvpmodel/status"


def main(words: list[str] | None = None) -> int:
    """Enter a mode, or say which one is in force."""
    parser = argparse.ArgumentParser(prog="nvpmodel")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("-m", dest="mode", type=int)
    parser.add_argument("-q", dest="query", action="store_true")
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--fail", action="store_true")
    asked = parser.parse_args(words)
    try:
        declared = parse_nvpmodel((asked.root / CONF).read_text(), f"/{CONF}")
        text = (asked.root / STATUS).read_text()
    except (OSError, NvpmodelError) as error:
        sys.stderr.write(f"NVPM ERROR: {error}\n")
        return 1
    here = declared.by_number(int(text.partition("pmode:")[2].split()[0]))
    there = None if asked.mode is None else declared.by_number(asked.mode)
    if here is None or (asked.mode is not None and there is None) or asked.fail:
        sys.stderr.write("NVPM ERROR: no such mode\n")
        return 1
    if there is not None and not asked.deaf:
        _enter(asked.root, here, there)
    if asked.query:
        sys.stdout.write(f"NV Power Mode: {here.name}\n{here.number}\n")
    return 0


def _enter(root: Path, here: DeclaredMode, there: DeclaredMode) -> None:
    if needs_reboot(here, there):
        sys.stdout.write(f"NVPM WARN: Reboot required for changing to this power mode: {there.number}\n")
        return
    for one in there.settings:
        path = root / one.path.lstrip("/")
        if one.clock and path.exists():
            path.write_text(f"{max(0, int(one.value))}\n")
    (root / STATUS).write_text(f"pmode:{there.number:04d} fmode:quiet\n")


if __name__ == "__main__":
    sys.exit(main())
