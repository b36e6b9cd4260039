"""The picture of `adaptd top`: lines of a given size, from one status document and the last minutes of its figures."""

from typing import Any

from rich.console import Group
from rich.text import Text

from adaptd.cli.top_panes import Trail, charts, pane_lines

LABEL, MOST_LABEL = 12, 22
MODES = {"efficient": "green", "reference": "blue", "reduced": "yellow", "protect": "red", "stopped": "red", "fault": "red"}
QUANTITIES = (("temperature_mc", "Temperature"), ("power_mw", "Power"), ("light_mlx", "Light"))


def view(document: dict[str, Any] | None, trouble: str, trail: Trail, pane: str, size: tuple[int, int]) -> Group:
    """Everything, in ``size`` columns and lines."""
    width, height = max(40, size[0]), max(12, size[1])
    if document is None:
        return Group(Text("adaptd top", "bold"), Text(""), Text(trouble, "red"), Text(""), Text("asking again; q leaves", "dim"))
    top = [_head(document, width), *_serving(document, width, trail), *_quantities(document, width, trail), *_bands(document)]
    room = height - len(top) - 2
    below = pane_lines(document, pane, width)[: max(0, room)]
    below += charts(trail, width, room - len(below))
    blank = [Text("")] * max(0, room - len(below))
    lines = [*top, _rule(pane, width), *below, *blank, _foot()]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
        line.truncate(width)
    return Group(*lines[:height])


def bar(share: float, width: int, mark: float | None = None, style: str = "green") -> Text:
    """A bar filled to ``share`` of ``width``, with a mark at the limit."""
    filled = round(min(1.0, max(0.0, share)) * width)
    text = Text.assemble(("━" * filled, style))
    text.append("─" * (width - filled), "dim")
    if mark is not None and 0 <= mark <= 1:
        at = min(width - 1, int(mark * width))
        text = Text.assemble(text[:at], ("┃", "bold"), text[at + 1 :])
    return text


def _head(document: dict[str, Any], width: int) -> Text:
    mode = document["state"]
    left = Text.assemble(
        ("adaptd ", "bold"), (f" {mode} ", f"bold white on {MODES.get(mode, 'red')}"), f"  {document['policy']['name']}"
    )
    age_ms = document.get("age_ms", 0)
    stalled = document.get("stalled")
    right = f"STALLED for {age_ms // 1000} s" if stalled else f"up {_span(document['uptime_s'])}, decided {age_ms} ms ago"
    left.append(" " * max(1, width - left.cell_len - len(right)))
    left.append(right, "bold red" if stalled else "dim")
    return left


def _serving(document: dict[str, Any], width: int, trail: Trail) -> list[Text]:
    point, limits, frames = document["operating_point"], document.get("limits", {}), document["frames"]
    efficient = point["variant"] != limits.get("reference", point["variant"])
    line = _label("Serving")
    line.append(f"{point['variant']} ", "bold green" if efficient else "bold blue")
    line.append(f"{point['fps']:g} frames/s", "bold")
    wanted = limits.get("target_fps")
    line.append("" if wanted is None else f" of {wanted:g}", "dim")
    line.append(f" in {document['band']} light  ")
    line.append(trail.spark("fps", max(0, width - line.cell_len)), "green")
    counts = _label("Frames")
    counts.append(f"{frames['delivered']:,} delivered, {frames['missed']:,} late, {frames['dropped']:,} dropped, ")
    counts.append(f"{document.get('swaps', 0):,} swaps")
    return [line, counts]


def _quantities(document: dict[str, Any], width: int, trail: Trail) -> list[Text]:
    lines = []
    for name, label in QUANTITIES:
        reading = document["sensors"].get(name, {"missing": "unknown"})
        line = _label(label)
        if "missing" in reading:
            line.append(f"no reading: {reading['missing']}", "yellow")
            lines.append(line)
            continue
        line.append(f"{_figure(name, reading['value']):>11} ", "bold")
        line.append(f"{'simulated' if reading['simulated'] else '':<10}", "magenta")
        limit, top = _limit(document, name)
        if limit:
            over = reading["value"] > limit
            line.append_text(bar(reading["value"] / top, 16, limit / top, "red" if over else "green"))
            line.append(
                f" {_figure(name, abs(limit - reading['value']))} {'over' if over else 'left'}  ", "red" if over else "dim"
            )
        line.append(trail.spark(name, max(0, width - line.cell_len)), "cyan")
        lines.append(line)
    return lines


def _limit(document: dict[str, Any], name: str) -> tuple[int | None, int]:
    """The policy's limit for a quantity, and where its bar ends."""
    limits = document.get("limits", {})
    if name == "temperature_mc":
        return limits.get("limit_mc"), limits.get("critical_mc") or 100_000
    budget = limits.get("budget_mw") if name == "power_mw" else None
    return budget, (budget or 1) * 5 // 4


def _bands(document: dict[str, Any]) -> list[Text]:
    """One bar a band: the bound on its loss against the limit, from the account or, before there is one, the evidence."""
    allowed = document.get("limits", {}).get("max_loss_ppm") or 0
    account = document.get("account") or {}
    label = max(LABEL, min(MOST_LABEL, 2 + max(map(len, account or document["evidence"]), default=0)))
    lines = []
    for band, row in (account or document["evidence"]).items():
        limit, bound = row.get("limit_ppm", allowed), row.get("bound_ppm") or 0
        at_most = f"  at most {bound / 10_000:.2f} of {limit / 10_000:.2f} points"
        if row.get("allowed_frames"):  # the loan is more than the limit's share until the window has delivered enough
            limit, bound = row["allowed_frames"], row["bound_frames"]
            at_most = f"  at most {bound:,} differ, {limit:,} allowed"
        good = bool(row.get("open", row.get("admitted")))
        here = band.partition("/")[0] == document["band"]  # with several cameras each band is BAND/CAMERA
        line = _label(f"{'▸' if here else ' '}{band.replace('/', ' ')}"[: label - 1], label)
        line.append(f"{'open' if good else 'shut':<5}", "bold green" if good else "bold red")
        if limit:
            line.append_text(bar(bound / (1.5 * limit), 18 + LABEL - label, 1 / 1.5, "green" if bound <= limit else "red"))
        line.append(at_most, "" if good else "dim")
        frames = row.get("delivered", row.get("samples", 0))
        line.append(f"  {frames:,} {'frames' if account else 'compared'}", "dim")
        lines.append(line)
    return lines


def _rule(pane: str, width: int) -> Text:
    return Text(f"── {pane} ".ljust(width, "─"), "dim")


def _foot() -> Text:
    foot = Text()
    for key, words in (("w", "why"), ("s", "sensors"), ("c", "conditions"), ("l", "log"), ("q", "quit")):
        foot.append(f" {key} ", "reverse")
        foot.append(f" {words}  ")
    return foot


def _label(name: str, width: int = LABEL) -> Text:
    return Text.assemble((f"{name:<{width}}", "dim"))


def _figure(name: str, value: int) -> str:
    if name == "temperature_mc":
        return f"{value / 1000:.1f} °C"
    return f"{value / 1000:.2f} W" if name == "power_mw" else f"{value / 1000:,.4g} lux"


def _span(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
