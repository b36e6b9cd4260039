"""What the swap saves at each rate that the policy allows, beside what it must save to be worth it: bars and dashes."""

from typing import Any

from adaptd.drawing.axes import NARROW, ValueAxis, linear
from adaptd.drawing.panel import Panel
from adaptd.drawing.svg import Svg, box, element, rule, text

TOP, BOTTOM = 30, 190
BAR = 26


def saving_svg(rates: list[dict[str, Any]], number: int, title: str = "") -> Svg:
    """Bars of the board power saved at each rate, a dash at what is needed; ``number`` is the variant's colour."""
    values = [float(value) for rate in rates for value in (rate["saved_mw"], rate["needed_mw"])]
    axis = ValueAxis(-0.5, len(rates) - 0.5, NARROW, names=tuple(f"{rate['mfps'] / 1000:g}" for rate in rates))
    panel = Panel(axis, linear([0.0, *values], [1.0], TOP, BOTTOM), title, "mW of the board over fps")
    for index, rate in enumerate(rates):
        _bar(panel, rate, axis.x(index), f"c{number % 4}")
    return panel.svg("power saved by rate")


def _bar(panel: Panel, rate: dict[str, Any], middle: float, colour: str) -> None:
    saved, needed, y = rate["saved_mw"], rate["needed_mw"], panel.scale.y
    top, height = min(y(saved), y(0)), abs(y(saved) - y(0))
    words = f"{rate['mfps'] / 1000:g} fps: saves {saved} mW of {rate['board_mw']} mW, {needed} mW are needed"
    form = box(
        middle - BAR / 2, top, BAR, max(height, 1), element("title", words), cls="bar" if saved >= needed else "bar useless"
    )
    panel.raw(element("g", form, cls=colour))
    panel.raw(rule(middle - BAR * 0.7, y(needed), middle + BAR * 0.7, y(needed), cls="needed"))
    panel.raw(
        text(
            middle,
            min(top, y(needed) if saved < needed else top) - 6 if saved >= 0 else top + height + 14,
            str(saved),
            anchor="middle",
        )
    )
