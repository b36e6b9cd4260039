"""What `adaptd feeder` prints."""

from datetime import datetime, tzinfo
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adaptd.apps.feeder.settings import SECOND_US
from adaptd.apps.feeder.store import StoredBout
from adaptd.apps.feeder.words import minutes, share, who

BAR = 30
ENDINGS = {"left": "", "cut": "cut short", "resting": "slept there"}


def bout_line(bout: StoredBout, zone: tzinfo) -> str:
    """One bout, when it is over."""
    start, end = (datetime.fromtimestamp(at / SECOND_US, tz=zone) for at in (bout.start_us, bout.end_us))
    pauses = f", {bout.pauses} pause{'s' * (bout.pauses != 1)}" if bout.pauses else ""
    doubt = "" if bout.sure else "; too dark to be sure" if bout.ending != "resting" else "; slept there, not counted"
    return (
        f"{start:%a %H:%M:%S} to {end:%H:%M:%S}  {who(bout.pet)} ate {bout.eating_us / SECOND_US:.0f} s{pauses} "
        f"({bout.band} light, score {share(bout.score_ppm)}){doubt}"
    )


def finding_lines(verdict: str, text: str, rests_on: dict[str, Any]) -> list[str]:
    """A finding and what it rests on."""
    periods = (("now", "these days"), ("usual", "usual days"))
    return [f"[{verdict}] {text}", *(f"    {label}: {rests_on[key]['words']}" for key, label in periods if key in rests_on)]


def show_today(document: dict[str, Any]) -> None:
    """The day so far."""
    console = Console(highlight=False)
    for pet in document["pets"]:
        console.print(Text(f"{pet['name']}, {document['day']}", style="bold"))
        console.print(_summary(pet))
        console.print(f"rests on {pet['rests_on']['words']}", style="dim")
        table = Table("from", "to", "eating", "pauses", "score", "light", "", box=None, pad_edge=False)
        for bout in pet["bouts_today"]:
            note = ENDINGS[bout["ending"]] or ("" if bout["sure"] else "too dark to be sure")
            row = (
                bout["start"][11:19],
                bout["end"][11:19],
                f"{bout['eating_s']} s",
                str(bout["pauses"]),
                share(bout["score_ppm"]),
            )
            table.add_row(*row, bout["band"], note)
        console.print(table if pet["bouts_today"] else "no bout yet")
        console.print(_strip(pet))


def _summary(pet: dict[str, Any]) -> str:
    eaten = f"ate {minutes(pet['eating_s'] * SECOND_US)} in {pet['bouts']} bout{'s' * (pet['bouts'] != 1)}"
    usual = (
        f", usual a day {minutes(pet['usual_s'] * SECOND_US)}" if pet["usual_s"] is not None else ", the usual is not known yet"
    )
    return f"{eaten}{usual}; {share(pet['coverage_ppm'])} of the day seen in light"


def _strip(pet: dict[str, Any]) -> Text:
    """The day as 48 half hours, so that it fits on 80 columns: full blocks are eating, dots were not seen."""
    halves: list[list[int]] = [[0, 0] for _ in range(50)]
    for start, seen, _, eating in pet["windows"]:
        at = int(start[11:13]) * 2 + int(start[14:16]) // 30
        halves[at][0] += seen
        halves[at][1] += eating
    strip = Text("0h ")
    for seen, eating in halves[:48]:
        strip.append("·" if not seen else "▁" if not eating else "▄" if eating < 60 else "█", style="green" if eating else "dim")
    return strip.append(" 24h")


def show_history(document: dict[str, Any]) -> None:
    """Days against the usual."""
    console = Console(highlight=False)
    for pet in document["pets"]:
        console.print(Text(pet["name"], style="bold"))
        table = Table("day", "eating in 24 h", "usual", "", "seen", "bouts", box=None, pad_edge=False)
        top = max([row["eating_24h_s"] or 0 for row in pet["days"]] + [row["usual_s"] or 0 for row in pet["days"]] + [1])
        for row in pet["days"]:
            table.add_row(*_day_cells(row, top))
        console.print(table)
        weeks = [f"{week['week']} {_figure(week['eating_24h_s'])} ({week['known_days']} d)" for week in pet["weeks"]]
        console.print("weeks: " + ", ".join(weeks) if weeks else "no day is over yet")
    for note in document["notes"]:
        console.print(f"note: {note['kind']} from {note['from']}{' to ' + note['to'] if note['to'] else ''} {note['text']}")


def _day_cells(row: dict[str, Any], top: int) -> list[str | Text]:
    value, usual = row["eating_24h_s"], row["usual_s"]
    bar = Text("cannot tell", style="dim")
    if value is not None:
        bar = Text("█" * round(BAR * value / top), style="red" if row["low"] else "green")
    if value is not None and usual is not None:
        mark = round(BAR * usual / top)
        bar = bar + Text(" " * (mark - len(bar.plain)) + "|", style="dim") if mark > len(bar.plain) else bar
    flag = "low" if row["low"] else "" if row["counts"] or value is None else "not counted"
    eaten = Text(f"{_figure(value):>8}  ").append_text(bar)
    return [row["day"], eaten, _figure(usual), flag, share(row["coverage_ppm"]), str(row["bouts"])]


def _figure(seconds: int | None) -> str:
    return "?" if seconds is None else minutes(seconds * SECOND_US)


def show_alerts(document: dict[str, Any]) -> None:
    """Findings, newest first."""
    console = Console(highlight=False)
    if not document["alerts"]:
        console.print("nothing was found")
    for one in document["alerts"]:
        console.print(Text(one["made"][:16].replace("T", " "), style="bold"))
        for line in finding_lines(one["verdict"], one["text"], one["rests_on"]):
            console.print(Text(line))
