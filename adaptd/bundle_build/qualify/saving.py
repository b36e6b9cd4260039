"""What the swap saves at each rate that the policy allows, beside what it must save to be worth it: hand-made SVG bars."""

from html import escape
from typing import Any

WIDTH, HEIGHT = 520, 230
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 16, 46
BAR = 34


def saving_svg(rates: list[dict[str, Any]], number: int) -> str:
    """Bars of the board power saved at each rate, a dash at what is needed; ``number`` is the variant's colour."""
    values = [float(value) for rate in rates for value in (rate["saved_mw"], rate["needed_mw"])]
    low, high = min(0.0, *values) * 1.15, max(1.0, *values) * 1.15
    step = (WIDTH - LEFT - RIGHT) / len(rates)

    def y(milliwatts: float) -> float:
        return TOP + (high - milliwatts) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [_rule("axis-line", LEFT, WIDTH - RIGHT, y(0))]
    for index, rate in enumerate(rates):
        middle = LEFT + step * (index + 0.5)
        parts += _bar(rate, middle, y)
    parts.append(f'<text class="axis" x="{LEFT - 8}" y="{y(0) + 4:.1f}" text-anchor="end">0</text>')
    parts.append(
        f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">frames a second</text>'
    )
    turned = f'transform="translate(14,{(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)"'
    parts.append(f'<text class="axis" {turned} text-anchor="middle">mW of the board</text>')
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" style="max-width:{WIDTH}px"'
    return f'<svg class="v{number % 4}" role="img" aria-label="power saved by rate" {size}>{"".join(parts)}</svg>'


def _bar(rate: dict[str, Any], middle: float, y: Any) -> list[str]:
    saved, needed = rate["saved_mw"], rate["needed_mw"]
    top, height = min(y(saved), y(0)), abs(y(saved) - y(0))
    words = f"{rate['mfps'] / 1000:g} fps: saves {saved} mW of {rate['board_mw']} mW, {needed} mW are needed"
    look = "" if saved >= needed else ' class="useless"'
    label = min(y(saved), y(0)) - 6 if saved >= 0 else max(y(saved), y(0)) + 14
    place = f'x="{middle - BAR / 2:.1f}" y="{top:.1f}" width="{BAR}" height="{max(height, 1):.1f}"'
    return [
        f"<rect{look} {place}><title>{escape(words)}</title></rect>",
        _rule("needed", middle - BAR, middle + BAR, y(needed)),
        f'<text x="{middle:.1f}" y="{label:.1f}" text-anchor="middle">{saved}</text>',
        f'<text class="tick" x="{middle:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{rate["mfps"] / 1000:g}</text>',
    ]


def _rule(kind: str, x1: float, x2: float, y: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
