"""The lower half of `adaptd top`: why, sensors, conditions or the log, and the last minutes as sparklines and charts."""

import textwrap
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text

UNITS = {"temperature": ("°C", 1), "power": ("W", 2), "light": ("lux", 1)}
TICKS = "▁▂▃▄▅▆▇█"
KEPT = 300
LEAST_LINES = 4
MOST_LINES = 9
DRAWN = (("temperature_mc", "temperature", "°C"), ("power_mw", "power", "W"))


def pane_lines(document: dict[str, Any], pane: str, width: int) -> list[Text]:
    """The lines of one pane, the most important first: who has little room cuts from below."""
    drawers = {"sensors": _sensors, "conditions": _conditions, "log": _log}
    return drawers.get(pane, _why)(document, width)


def _why(document: dict[str, Any], width: int) -> list[Text]:
    orders = document.get("orders", {})
    lines = [Text(f"{name} asked by {order['by']}: {order['reason']}", "yellow") for name, order in sorted(orders.items())]
    lines += [Text(line) for line in textwrap.wrap(document.get("why", ""), width)]
    lines += [Text(f"trouble: {line}", "yellow") for line in document.get("trouble", ())[-3:]]
    priors = document["engines"].get("priors", {})
    left_out = [name for name, word in sorted(priors.items()) if word == "left_out"]
    return lines + [
        Text(f"{name} gives other output here than at qualification: off until proven", "yellow") for name in left_out
    ]


def _sensors(document: dict[str, Any], width: int) -> list[Text]:
    lines = [Text(f"{'quantity':<12} {'source':<22} {'value':>12} {'age':>9}  state", "dim")]
    for name, reading in document["sensors"].items():
        quantity = name.rsplit("_", 1)[0]
        if "missing" in reading:
            lines.append(_row(quantity, "none", None, None, f"missing: {reading['missing']}", "yellow"))
        else:
            word = "simulated" if reading["simulated"] else "in use"
            lines.append(_row(quantity, reading["source"], reading["value"], reading["age_ms"], word, "bold"))
        others = document.get("sources", {}).get(quantity, {}).get("sources", ())
        lines += [
            _row(quantity, one["source"], one["value"], one["age_ms"], one["reason"] or one["quality"], "dim")
            for one in others
            if one["source"] != reading.get("source")
        ]
    del width
    return lines + [_camera(name, one) for name, one in document.get("cameras", {}).items()]


def _camera(name: str, one: dict[str, Any]) -> Text:
    """One of several cameras: what arrives, what was delivered, what was seen last."""
    last = one.get("last_result") or {}
    seen = f", last {last['label']} {last['score_ppm'] / 10_000:.1f} %" if last else ""
    return Text(f"camera {name:<15} {one['source'].get('words', '')}, {one['frames']['delivered']:,} delivered{seen}")


def _row(quantity: str, source: str, value: int | None, age_ms: int | None, state: str, style: str) -> Text:
    unit, digits = UNITS.get(quantity, ("", 0))
    figure = "none" if value is None else f"{value / 1000:.{digits}f} {unit}"
    age = "" if age_ms is None else f"{age_ms} ms"
    return Text(f"{quantity:<12} {source[:22]:<22} {figure:>12} {age:>9}  {state}", style)


def _conditions(document: dict[str, Any], width: int) -> list[Text]:
    named = sorted(document["conditions"].items(), key=lambda pair: pair[1])  # what does not hold comes first
    columns = max(1, width // 26)
    lines = []
    for at in range(0, len(named), columns):
        line = Text()
        for name, holds in named[at : at + columns]:
            line.append("✓ " if holds else "✗ ", "green" if holds else "bold red")
            line.append(f"{name[:23].replace('_', ' '):<24}", "" if holds else "bold")
        lines.append(line)
    return lines


def _log(document: dict[str, Any], width: int) -> list[Text]:
    audit, energy = document["audit"], document.get("energy")
    signed = "not signed yet" if audit["checkpoint_seq"] < 0 else f"{audit['checkpoint_seq'] + 1:,} of them signed"
    lines = [
        Text(f"{audit['seq'] + 1:,} records, {signed}"),
        Text("DEGRADED: it cannot be written as it should", "bold red") if audit["degraded"] else Text("written as it should be"),
        Text(f"folder   {audit['folder']}"),
        Text(f"policy   {document['policy']['name']} {document['policy']['sha256'][:12]}"),
    ]
    if energy is not None:
        simulated = " (simulated)" if energy["simulated"] else ""
        lines.append(Text(f"energy   {energy['total_mj'] / 1e6:,.2f} kJ since the start{simulated}"))
    refusals = sorted(document.get("refusals", {}).items(), key=lambda pair: -pair[1])
    if refusals:
        words = ", ".join(f"{name} {count:,}" for name, count in refusals)
        lines += [Text(line) for line in textwrap.wrap(f"refused  {words}", width)]
    return lines


@dataclass(slots=True)
class Trail:
    """The last figures of each quantity; None where there was no reading."""

    figures: dict[str, deque[int | None]] = field(default_factory=dict)

    def add(self, document: dict[str, Any] | None) -> None:
        """Keep this second."""
        sensors = {} if document is None else document["sensors"]
        for name in ("temperature_mc", "power_mw", "light_mlx"):
            self._keep(name, sensors.get(name, {}).get("value"))
        self._keep("fps", None if document is None else round(1000 * document["operating_point"]["fps"]))

    def last(self, name: str, width: int) -> list[int | None]:
        """The last ``width`` figures."""
        return list(self.figures.get(name, ()))[-width:] if width > 0 else []

    def spark(self, name: str, width: int) -> str:
        """The last ``width`` figures as ticks between their least and largest; a blank is a second without a reading."""
        shown = self.last(name, width)
        known = [value for value in shown if value is not None]
        if not known:
            return ""
        low, reach = min(known), max(max(known) - min(known), 1)
        steps = len(TICKS) - 1
        return "".join(" " if value is None else TICKS[(value - low) * steps // reach] for value in shown)

    def _keep(self, name: str, value: int | None) -> None:
        self.figures.setdefault(name, deque(maxlen=KEPT)).append(value)


def charts(trail: Trail, width: int, lines: int) -> list[Text]:
    """Temperature and power side by side in what room is left; none where that is too little."""
    height = min(MOST_LINES, lines - 1)
    if height < LEAST_LINES:
        return []
    half = (width - 2) // 2
    columns = [_chart(trail.last(name, half), words, unit, half, height - 1) for name, words, unit in DRAWN]
    rows = [Text("")]
    for left, right in zip(*columns, strict=True):
        rows.append(Text.assemble((f"{left:<{half}}", "cyan"), "  ", (right, "cyan")))
    rows[1].stylize("dim")
    return rows


def _chart(values: list[int | None], words: str, unit: str, width: int, height: int) -> list[str]:
    """A title with the range, then ``height`` lines of blocks; each column is one second."""
    known = [value for value in values if value is not None]
    if not known:
        return [f"{words}: no reading", *[""] * height]
    low, high = min(known), max(known)
    title = f"{words} {low / 1000:.1f} to {high / 1000:.1f} {unit} in {len(values)} s"
    eighths = 8 * height - 1
    heights = [0 if value is None else 1 + (value - low) * eighths // max(1, high - low) for value in values]
    lines = [
        "".join(" " if filled <= 8 * row else TICKS[min(8, filled - 8 * row) - 1] for filled in heights)
        for row in range(height - 1, -1, -1)
    ]
    return [title[:width], *lines]
