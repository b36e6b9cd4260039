"""`adaptd twin fit`: a software device of this very box, from its own verified log, tested on days it was not fitted on."""

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.options import Sub, answer, as_json, jobs, verb, verbs
from adaptd.cli.progress import stages

if TYPE_CHECKING:
    from adaptd.lab.fit.saved import Twin


def register(sub: Sub) -> None:
    group = verbs(sub, "twin", "fit a software device of this box from its own log")
    fit = verb(group, "fit", "fit heat, power, pace, light and load; test on days left out; write scenario files", _fit)
    fit.path("folder", "the box's log, of two whole days at least", metavar="DIR")
    fit.path("-o --output", "folder to write (default: DIR.twin beside the log)")
    fit.option("--enclosure", "the box's housing, for `adaptd fleet tune`", default="unknown", metavar="NAME")
    fit.add(jobs, as_json)


def _fit(arguments: argparse.Namespace) -> int:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,47}", arguments.enclosure):
        raise CommandError(
            f"--enclosure {arguments.enclosure!r}: is no name of small letters, digits and hyphens: fanless-box", 2
        )
    twin = fitted(arguments.folder, arguments.output, arguments.jobs, arguments.enclosure)
    return answer(arguments, twin.plain, words(twin))


def fitted(log: Path, output: Path | None, jobs: int | None, enclosure: str = "unknown") -> "Twin":
    """Fit the log and write the folder."""
    from adaptd.lab.fit import saved
    from adaptd.lab.fit.readings import FitError, read_grid

    with refusing(FitError, where="twin fit: "), stages() as stage:
        grid = read_grid(log, stage)
        place = output or saved.folder_of(log)
        return saved.make(grid, place, lambda done, total: stage("days tested", done, total), jobs, enclosure)


def twin_of(path: Path, jobs: int | None) -> "Twin":
    """The fitted twin in a folder, that of a log beside it, or one fitted now."""
    from adaptd.lab.fit import saved
    from adaptd.lab.fit.readings import FitError
    from adaptd.log.verify.reader import last, segment_files

    beside = saved.folder_of(path)
    with refusing(FitError):
        if (path / saved.FILE).is_file():
            return saved.load(path)
        if not segment_files(path):
            raise CommandError(f"{path}: holds neither a log nor a fitted twin, name the folder of `adaptd run --audit`", 2)
        if (beside / saved.FILE).is_file():
            twin = saved.load(beside)
            newest = (last(path) or {}).get("seq", 0) + 1
            if newest > int(twin.plain["log"]["records"] * 1.1):
                print(f"{beside}: the log has grown since, `adaptd twin fit {path}` takes it all in", file=sys.stderr)
            return twin
    print(f"no twin of {path} yet: fitting one", file=sys.stderr)
    return fitted(path, None, jobs)


def words(twin: "Twin") -> list[str]:
    """What was found, and how wrong it is."""
    plain = twin.plain
    found, tested = plain["estimates"], plain["backtest"]
    simulated = f", simulated readings: {', '.join(plain['simulated_readings'])}" if plain["simulated_readings"] else ""
    lines = [f"twin of {plain['profile']} from {plain['days']} days ({plain['log']['records']:,} records{simulated})"]
    lines += [f"  note: {note}" for note in plain["notes"]]
    base = found["base_w"]
    lines.append(f"  without a frame     {base['least']:.2f} W, with other load up to {base['most']:.2f} W")
    for name, one in found["energy_mj"].items():
        pace = found["latency_ms"][name]
        lines.append(f"  {name:<19} {one['value']:.1f} mJ a frame (+- {1.96 * one['sd']:.1f}), {pace['value']:.2f} ms")
    poles = ", ".join(f"{one['r_k_per_w']:.2f} K/W over {one['tau_s']:.0f} s" for one in found["poles"])
    scales = ", ".join(
        f"{name} x {found[key]['value']:.2f} +- {1.96 * found[key]['sd']:.2f}"
        for name, key in (("r", "r_scale"), ("tau", "tau_scale"))
    )
    lines.append(f"  thermal poles       {poles} ({scales})")
    lines += ["", f"tested on {len(tested['days_left_out'])} days left out, one at a time: {error_words(tested)}"]
    lines.append(f"written: {twin.folder} (days as scenario files, errors in twin.json)")
    return lines


def error_words(tested: dict[str, Any]) -> str:
    """Where a day is measured against what the twin says, in one line; printed with every answer that rests on the twin."""

    from adaptd.lab.fit.backtest import predicted

    def span(figure: str, kind: str = "again", scale: float = 1.0) -> str:
        errors = [float(one) for one in tested[f"errors_{kind}"][figure]]
        middle, half = predicted(errors, unseen=kind == "unseen")
        return f"{scale * (-middle - half):+.1f} to {scale * (half - middle):+.1f}"

    return (
        f"with 95 % certainty a day's mean power is measured {span('power_w', scale=100)} % from what the twin says when its "
        f"light, room and other load are known ({span('power_w', 'unseen', 100)} % when nothing of the day is), the rate "
        f"{span('fps', scale=100)} %, the temperature {span('temperature_c')} K, the efficient engine's share "
        f"{span('efficient_pct')} points"
    )
