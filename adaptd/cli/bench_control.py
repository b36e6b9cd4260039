"""`adaptd bench control`: the table, the picture and the JSON of all controllers on all scenarios."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.options import answer
from adaptd.cli.progress import bar
from adaptd.twin.words import CONTROLLERS

if TYPE_CHECKING:
    from adaptd.lab.bench import BenchRow, Matrix

LETTERS = (
    ("over_critical_s", "C", "over critical, s"),
    ("over_limit_s", "L", "over limit, s"),
    ("budget_over_s", "B", "over budget, s"),
    ("unproven_frames", "U", "unproven frames"),
    ("statements_broken", "F", "broken statements"),
)


def control(arguments: argparse.Namespace) -> int:
    """Run, print, draw."""
    from adaptd.lab.oracle import OracleError

    with refusing(OracleError):
        run = _causes if arguments.causes else _matrix if arguments.random is None else _random
        return run(arguments)


def _matrix(arguments: argparse.Namespace) -> int:
    from adaptd.lab.bench import run_matrix

    paths = scenario_files(arguments.scenarios)
    names = _names(arguments, CONTROLLERS)
    with bar("controllers on scenarios") as progress:
        matrix = run_matrix(paths, names, policy=arguments.policy, jobs=arguments.jobs, progress=progress)
    if arguments.output is not None:
        from adaptd.lab.picture import draw

        arguments.output.write_text(draw(matrix))
    return answer(arguments, matrix.to_plain(), lambda: _print_matrix(matrix), indent=1)


def _random(arguments: argparse.Namespace) -> int:
    from adaptd.lab.sweep import CONTROLLERS as SWEPT
    from adaptd.lab.sweep import run_sweep

    names = [name for name in _names(arguments, SWEPT) if name != "oracle"]
    with bar("random hours") as progress:
        plain = run_sweep(arguments.random, arguments.seed, names, arguments.jobs, progress).to_plain()
    keys = [key for key, value in plain["controllers"][names[0]].items() if not isinstance(value, list)]
    rows = [[key, *(_plain(plain["controllers"][name][key]) for name in names)] for key in keys]
    title = f"{plain['random_hours']} random hours, seed {plain['seed']} (simulation)\nrandom hours"
    return answer(arguments, plain, lambda: _print_table(title, ["", *names], rows), indent=1)


def _causes(arguments: argparse.Namespace) -> int:
    """Where adaptd's regret comes from, episode by episode."""
    from adaptd.lab import causes_table

    with bar("regret by cause") as progress:
        if arguments.random is not None:
            found = causes_table.of_hours(arguments.random, arguments.seed, arguments.jobs, progress)
        else:
            found = causes_table.of_scenarios(scenario_files(arguments.scenarios), arguments.policy, arguments.jobs, progress)
    plain = found.to_plain()
    keys = causes_table.COLUMNS
    named = [*plain["each"], {"scenario": "mean", **plain["mean"]}, {"scenario": "worst", **plain["worst"]}]
    rows = [[row["scenario"], *(f"{100 * row[key]:+.2f}" for key in keys)] for row in named]
    title = "adaptd's regret by cause, in % of the oracle's board energy (simulation); proven: all but proof and shadows"
    return answer(arguments, plain, lambda: _print_table(title, ["scenario", *keys], rows), indent=1)


def endurance(arguments: argparse.Namespace) -> int:
    """The missions' figures."""
    from adaptd.lab.missions import fly_all, summary

    with bar("missions") as progress:
        plain = summary(fly_all(arguments.missions, arguments.seed, arguments.jobs, progress), arguments.seed)
    each = plain["each"]
    lines = [f"{plain['missions']} missions, seed {plain['seed']} (simulation)"]
    lines += [f"{key:<28} {value}" for key, value in plain.items() if key not in ("missions", "seed", "each")]
    title, rows = "\n".join([*lines, "each mission"]), [[str(value) for value in one.values()] for one in each]
    return answer(arguments, plain, lambda: _print_table(title, list(each[0]), rows), indent=1)


def scenario_files(folder: Path | None) -> list[Path]:
    """The scenarios of ``folder``, or the shipped ones but for those of `adaptd run` and that of a battery."""
    from adaptd.twin.scenario import scenarios_dir

    shipped = scenarios_dir()
    paths = sorted((folder or shipped).glob("*.yaml"))
    if folder is None or folder.resolve() == shipped.resolve():
        paths = [path for path in paths if path.stem not in ("demo", "room", "agv-shift")]
    if not paths:
        raise CommandError(f"{folder or shipped}: holds no scenario (*.yaml), name a folder that does", 2)
    return paths


def _names(arguments: argparse.Namespace, usual: Sequence[str]) -> list[str]:
    if arguments.controllers is None:
        return list(usual)
    names = [name.strip() for name in arguments.controllers.split(",")]
    for name in names:
        if name not in CONTROLLERS:
            raise CommandError(f"--controllers {name}: is no controller, name some of {', '.join(CONTROLLERS)}", 2)
    return names


def _print_matrix(matrix: "Matrix") -> None:
    names = [name for name in matrix.controllers() if name != "oracle"]
    rows = [
        [one.name, f"{100 * one.reference_excess:.1f}", _binds(one), *(_cell(matrix.row(one.name, name)) for name in names)]
        for one in matrix.grounds
    ]
    summary = matrix.summary()
    rows.append(["mean", "", "", *(f"{100 * summary[name]['mean_regret']:+.2f}" for name in names)])
    rows.append(["worst", "", "", *(f"{100 * summary[name]['worst_regret']:+.2f}" for name in names)])
    rows.append(["every promise kept in", "", "", *(f"{summary[name]['clean']}/{summary[name]['scenarios']}" for name in names)])
    title = "regret in % of the oracle's board energy (simulation); letters: what was broken"
    _print_table(title, ["scenario", "reference only", "binds", *names], rows)
    print("  ".join(f"{letter} {words}" for _, letter, words in LETTERS) + "; where a letter stands, the regret means nothing")
    broken = [_broken(row) for row in matrix.rows if row.result.controller != "oracle" and _letters(row)]
    if broken:
        print()
        _print_table("violations", ["scenario", "controller", *(words for _, _, words in LETTERS)], broken)
    found = matrix.discrimination()
    gap = 100 * max(ground.oracle.gap for ground in matrix.grounds)
    print(
        f"\nbest reference-only schedule: {100 * found['mean_reference_only_excess']:.1f} % over the oracle on average; "
        f"heat or power binds in {found['heat_or_power_binds']} of {found['scenarios']}; the swap is useless in "
        f"{found['swap_useless']}; the bound is within {gap:.3f} % of a schedule that keeps every limit"
    )


def _binds(ground: Any) -> str:
    return " ".join(word for word, holds in (("heat", ground.oracle.heat_binds), ("power", ground.oracle.budget_binds)) if holds)


def _letters(row: "BenchRow") -> str:
    return "".join(letter for key, letter, _ in LETTERS if row.violations[key] > 0)


def _cell(row: "BenchRow") -> str:
    """The regret, with letters in capitals where it is spoilt and in small where the time broken is within a tick's reaction."""
    letters = _letters(row)
    return f"{100 * row.regret:+.2f} {letters.lower() if row.clean else letters}".strip()


def _broken(row: "BenchRow") -> list[str]:
    return [row.result.scenario, row.result.controller, *(_plain(row.violations[key]) for key, _, _ in LETTERS)]


def _plain(value: Any) -> str:
    return "-" if value is None or value == 0 else f"{value:g}" if isinstance(value, float) else str(value)


def _print_table(title: str, head: list[str], rows: list[list[str]]) -> None:
    """A table by rich: with lines on a terminal, as wide as it needs and without lines elsewhere."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 10_000)
    table = Table(header_style="bold")
    if not console.is_terminal:
        table.box, table.pad_edge = None, False
    for at, word in enumerate(head):
        table.add_column(word, justify="left" if at == 0 else "right", no_wrap=at == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(title, table, sep="\n", markup=False, highlight=False)
