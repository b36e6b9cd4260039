"""`adaptd agv table`: run the shift on named profiles and print it beside the claimed figures, with what does not hold."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from adaptd.cli.options import answer
from adaptd.cli.profile import find_profile

if TYPE_CHECKING:
    from adaptd.lab.agv_table import Shift, Side

PROFILES = ("orin-nx-16gb", "orin-nano-super", "xavier-nx")
SCENARIO = Path("agv-shift")
NOTE = (
    "Simulated on the software device: a hall of 25 to 45 degC, 5 to 100,000 lux, one battery. Latency and energy of the engines "
    "are the scenario's, derived for Orin NX; of another profile only idle power, heat and trip points are used. mAP is that "
    "of the shipped inspection bundle on rendered parts with vibration blur, weighed by engine and light. frames/J: of the whole "
    "board, then above idle. Before: the target rate in FP16 until the battery is empty. The slow model gives 12 fps in FP16 and "
    "has no hours to last."
)


def show(arguments: argparse.Namespace) -> int:
    """Run and print."""
    from adaptd.cli.agv_run import qualified_of
    from adaptd.cli.simulate import find_scenario
    from adaptd.lab.agv_table import claimed, findings, run_table
    from adaptd.lab.episode import load_episode

    names: list[str] = arguments.profile or list(PROFILES)
    scenario = find_scenario(arguments.scenario or SCENARIO)
    quality, _ = qualified_of(None)
    episodes = {name: load_episode(scenario, None, find_profile(name)) for name in names}
    shifts = run_table(episodes, quality, partial(print, file=sys.stderr, flush=True))
    found, plain = findings(shifts), [shift.to_plain() for shift in shifts]
    words = {"v": 1, "simulated": True, "note": NOTE, "claimed": claimed(), "shifts": plain, "findings": found}
    return answer(arguments, words, lambda: _print(shifts, found))


def _print(shifts: "list[Shift]", found: list[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from adaptd.lab.agv_table import CLAIMED_FPS, CLAIMED_GAIN_PCT, CLAIMED_HOURS, CLAIMED_MAP

    table = Table(
        title="A shift before and after: SIMULATED", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    for name in ("", "fps", "hours", "mAP", "frames/J", "above idle", "INT8"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for name, at in (("claimed, before", 0), ("claimed, after", 1)):
        gain = f"+{CLAIMED_GAIN_PCT:g} %" if at else ""
        figures = [f"{pair[at]:g}" for pair in (CLAIMED_FPS, CLAIMED_HOURS, CLAIMED_MAP)]
        table.add_row(name, *figures, gain, "", "", end_section=bool(at))
    for shift in shifts:
        table.add_row(shift.profile + (", slow model" if shift.slow else ""), style="bold")
        table.add_row("  before: FP16", *_cells(shift.before))
        table.add_row("  after: adaptd", *_cells(shift.after))
        gains = [f"{gain:+.0f} %" for gain in (shift.efficiency_gain_pct, shift.inference_gain_pct)]
        table.add_row("  gain", "", "", "", *gains, "", end_section=True)
    console = Console()
    console.print(table)
    for line in (NOTE, *found):
        console.print(line, highlight=False)


def _cells(side: "Side") -> list[str]:
    """Frames a second, hours, mAP, frames per joule of the board and of the engines alone, INT8's share."""
    quality = "?" if side.map_at_50 is None else f"{side.map_at_50:.3f}"
    joules = [f"{value:.2f}" for value in (side.frames_per_joule, side.frames_per_active_joule)]
    return [f"{side.fps:.1f}", f"{side.hours:.1f}", quality, *joules, f"{side.efficient_share:.0%}"]
