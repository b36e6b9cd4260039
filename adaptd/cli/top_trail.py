"""The last minutes in `adaptd top`: figures kept second by second, as sparklines and as charts some lines high."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text

TICKS = "▁▂▃▄▅▆▇█"
KEPT = 300
LEAST_LINES = 4
MOST_LINES = 9
DRAWN = (("temperature_mc", "temperature", "°C"), ("power_mw", "power", "W"))


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
