"""`adaptd doctor [--root DIR] [--profile F] [--write-profile F] [--json]`: what this machine offers, what it lacks, each remedy.

Exit code 0 when nothing must be mended, 1 when something must. With ``--root`` a captured device tree is examined in place of
this machine: sensors and profile only, since engines and permissions are of the machine the command runs on.
"""

import argparse
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from adaptd.cli.errors import CommandError, fresh, writing
from adaptd.cli.options import Sub, answer, verb
from adaptd.cli.profile import find_profile

AREAS = "temperature power light sensors camera reading profile machine engines permissions service".split()


def register(sub: Sub) -> None:
    words = "what this machine offers: sensors, engines, permissions, and the remedy for what is missing"
    doctor = verb(sub, "doctor", words, run)
    doctor.path("--root", "examine a captured device tree in place of this machine", default=Path("/"), metavar="DIR")
    doctor.option("--profile", "hardware profile to compare with (default: the one that fits the board)", metavar="F")
    doctor.path("--write-profile", "write a profile of this very board: its zones, meters and trip points", metavar="F")
    doctor.flag("--json", "one JSON object on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything once and say what was found."""
    if not arguments.root.is_dir():
        raise CommandError(
            f"{arguments.root}: no such folder, give --root a device tree such as tests/sense/trees/orin-nx-16gb", 2
        )
    if arguments.write_profile is not None:
        return _write_profile(arguments.root, arguments.profile, arguments.write_profile)
    with _working():
        report = examine(arguments.root, arguments.profile)
    return answer(arguments, report, lambda: _show(report), 0 if report["good"] else 1, indent=2, sort_keys=True)


def _write_profile(root: Path, profile_name: str | None, target: Path) -> int:
    from adaptd.config.profile import load_profile
    from adaptd.doctor.skeleton import skeleton
    from adaptd.sense.board import identify
    from adaptd.sense.catalog import Catalog
    from adaptd.sense.sysfs import Sysfs

    sysfs = Sysfs(root)
    board = identify(sysfs)
    fresh(target)
    with writing(target, "name another place"):
        target.write_text(skeleton(board, find_profile(profile_name or board.profile), Catalog(sysfs)))
    made = load_profile(target)
    print(f"wrote {target}: {made.name}, {len(made.assumed)} of its numbers assumed; use it with: adaptd run --profile {target}")
    return 0


def _working() -> AbstractContextManager[Any]:
    """A sign of life on a terminal: loading CUDA libraries takes seconds."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status("looking at sensors and engines")


def examine(root: Path, profile_name: str | None = None) -> dict[str, Any]:
    """Everything `adaptd doctor --json` prints: board, profile, findings, what missing means, and whether all is good."""
    from adaptd.config.profile import load_profile
    from adaptd.doctor import Level
    from adaptd.doctor.compare import profile_findings
    from adaptd.doctor.probe import reading_findings, sensor_findings
    from adaptd.sense.board import identify
    from adaptd.sense.catalog import Catalog
    from adaptd.sense.missing_policy import MEANINGS
    from adaptd.sense.sysfs import Sysfs

    sysfs = Sysfs(root)
    board = identify(sysfs)
    profile = load_profile(find_profile(profile_name or board.profile))
    catalog = Catalog(sysfs)
    findings = sensor_findings(sysfs, catalog, board)
    findings += reading_findings(profile, root, findings)
    findings += profile_findings(profile, sysfs, catalog, board)
    if root.resolve() == Path("/"):
        from adaptd.doctor.host import host_findings

        findings += host_findings(sysfs, board)
    findings.sort(key=lambda finding: AREAS.index(finding.area))
    return {
        "board": board.model,
        "profile": profile.name,
        "root": str(root),
        "findings": [finding.plain() for finding in findings],
        "missing_means": [{"missing": item.quantity, "counts_as": item.taken_as, "effect": item.effect} for item in MEANINGS],
        "good": not any(finding.level is Level.BAD for finding in findings),
    }


def _show(report: dict[str, Any]) -> None:
    """Tables on a terminal, plain aligned lines elsewhere."""
    from adaptd.doctor.view import draw, grouped, verdict

    if sys.stdout.isatty():
        draw(report)
        return
    print(f"{report['board'] or 'unknown board'}, profile {report['profile']}, root {report['root']}")
    for row in grouped(report["findings"]):
        print(
            f"{row['level']:<8} {row['area']:<12} {row['item']:<28} {row['found']}"
            + (f"  -> {row['remedy']}" if row["remedy"] else "")
        )
    for meaning in report["missing_means"]:
        print(f"means    {meaning['missing']:<12} {'missing counts as ' + meaning['counts_as']}: {meaning['effect']}")
    print(verdict(report))
