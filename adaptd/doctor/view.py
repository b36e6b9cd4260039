"""`adaptd doctor` on a terminal: one table, one line a finding, remedies where the eye ends."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_MEASURE = "measure them on the device and write them into a copy of the profile"
_STYLES = {"ok": "green", "note": "cyan", "missing": "yellow", "bad": "bold red"}


def draw(report: dict[str, Any], console: Console | None = None) -> None:
    """Print the report."""
    out = console or Console()
    title = f"{report['board'] or 'board unknown'}   profile {report['profile']}"
    if report["root"] != "/":
        title += f"   tree {report['root']}"
    out.print(Text(title, style="bold"))
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for width in (8, 12, 26):
        table.add_column(min_width=width, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    area = ""
    for row in grouped(report["findings"]):
        said = Text(row["found"])
        if row["remedy"]:
            said.append(f"\n-> {row['remedy']}", style="italic dim" if row["level"] == "note" else "italic")
        level = Text(row["level"], style=_STYLES[row["level"]])
        table.add_row(level, Text(row["area"] if row["area"] != area else "", style="bold"), Text(row["item"]), said)
        area = row["area"]
    out.print(table)
    out.print(_meanings(report))
    out.print(Text(f"\n{verdict(report)}", style="green" if report["good"] else "bold red"))


def _meanings(report: dict[str, Any]) -> Table:
    table = Table(
        box=None, padding=(0, 2, 0, 0), title="\nWhat a missing reading means", title_justify="left", title_style="bold"
    )
    for name in ("missing", "counts as", "what happens"):
        table.add_column(name, header_style="dim")
    for meaning in report["missing_means"]:
        table.add_row(meaning["missing"], meaning["counts_as"], meaning["effect"])
    return table


def verdict(report: dict[str, Any]) -> str:
    """What it comes to, in one line."""
    bad, missing = (sum(row["level"] == level for row in report["findings"]) for level in ("bad", "missing"))
    if not report["good"]:
        return f"{bad} thing{'s' if bad != 1 else ''} must be mended before adaptd can be trusted here."
    lacks = f" {missing} thing{'s are' if missing != 1 else ' is'} missing: adaptd runs with care instead, as said above."
    return f"Nothing must be mended.{lacks if missing else ''}"


def grouped(findings: list[dict[str, str]]) -> list[dict[str, str]]:
    """The findings with all assumed numbers of the profile in one row, for people."""
    assumed = [row["item"] for row in findings if row["found"].startswith("assumed: ")]
    rows = [row for row in findings if not row["found"].startswith("assumed: ")]
    if assumed:
        said = f"nobody published them: {', '.join(assumed)}"
        item = f"{len(assumed)} assumed numbers"
        after = max(index for index, row in enumerate(rows) if row["area"] == "profile") + 1
        rows.insert(after, {"area": "profile", "item": item, "level": "note", "found": said, "remedy": _MEASURE})
    return rows
