"""`adaptd agv table`: run the shift on named profiles and print it beside the claimed figures, with what does not hold."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from adaptd.cli.profile import find_profile

if TYPE_CHECKING:
    from adaptd.lab.agv_table import Shift, Side

PROFILES = ("orin-nx-16gb", "orin-nano-super", "xavier-nx")
SCENARIO = Path("agv-shift")
NOTE = (
    "Simulated on the software device: a hall of 25 to 45 degC, 5 to 100,000 lux, one battery. Latency and energy of the engines "
    "are the scenario's, derived for Orin NX; of another profile only idle power, heat and trip points are used. mAP is that "
    "of the shipped inspection bundle on rendered parts with vibration blur, weighed by engine and light."
)


def show(arguments: argparse.Namespace) -> int:
    """Run and print."""
    from adaptd.cli.agv_run import qualified_of
    from adaptd.cli.simulate import find_scenario
    from adaptd.lab.agv_table import findings, run_table
    from adaptd.lab.episode import load_episode

    names: list[str] = arguments.profile or list(PROFILES)
    scenario = find_scenario(arguments.scenario or SCENARIO)
    quality, _ = qualified_of(None)
    episodes = {name: load_episode(scenario, None, find_profile(name)) for name in names}
    shifts = run_table(episodes, quality, _tell)
    if arguments.json:
        from adaptd.lab.agv_table import claimed

        plain = [shift.to_plain() for shift in shifts]
        words = {"v": 1, "simulated": True, "note": NOTE, "claimed": claimed(), "shifts": plain, "findings": findings(shifts)}
        print(json.dumps(words))
        return 0
    _print(shifts, findings(shifts))
    return 0


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _print(shifts: "list[Shift]", found: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    from adaptd.lab.agv_table import CLAIMED_FPS, CLAIMED_GAIN_PCT, CLAIMED_HOURS, CLAIMED_MAP

    table = Table(title="A shift before (FP16 at the target rate) and after (adaptd): SIMULATED", title_justify="left")
    for name in (
        "profile and model",
        "frames/s",
        "hours",
        "mAP at 0.5",
        "frames/J, board",
        "gain",
        "inference alone",
        "INT8",
        "over limit",
    ):
        table.add_column(name, justify="left" if name.startswith("profile") else "right")
    pairs = (CLAIMED_FPS, CLAIMED_HOURS, CLAIMED_MAP)
    claims = [f"{before:g} > {after:g}" for before, after in pairs]
    table.add_row("claimed for the vehicle", *claims, "", f"+{CLAIMED_GAIN_PCT:g} %", "", "", "", end_section=True)
    for shift in shifts:
        table.add_row(f"{shift.profile}, {shift.workload}", *_cells(shift))
    console = Console()
    console.print(table)
    for line in (NOTE, *found):
        console.print(line, highlight=False)


def _cells(shift: "Shift") -> list[str]:
    before, after = shift.before, shift.after
    return [
        f"{before.fps:.1f} > {after.fps:.1f}",
        f"{before.hours:.1f} > {after.hours:.1f}",
        f"{_map(before)} > {_map(after)}",
        f"{before.frames_per_joule:.2f} > {after.frames_per_joule:.2f}",
        f"{shift.efficiency_gain_pct:+.0f} %",
        f"{shift.inference_gain_pct:+.0f} %",
        f"{after.efficient_share:.0%}",
        f"{before.over_limit_s:.0f} > {after.over_limit_s:.0f} s",
    ]


def _map(side: "Side") -> str:
    return "?" if side.map_at_50 is None else f"{side.map_at_50:.3f}"
