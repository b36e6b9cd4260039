"""The picture of `adaptd bench control`: regret per scenario on the left, broken promises beside it. SVG."""

from math import log10

from adaptd.drawing.svg import Svg, box, document, mark, rule, text
from adaptd.lab.bench import BenchRow, Matrix

MARKS = {
    "adaptd": ("circle", "#0072b2"),
    "alert": ("square", "#d55e00"),
    "alert-guarded": ("square", "#7a3b00"),
    "threshold": ("triangle", "#009e73"),
    "best-static": ("diamond", "#cc79a7"),
    "static-REF": ("bar", "#999999"),
    "static-EFF": ("cross", "#e69f00"),
}
LABEL_W, PLOT_W, GAP_W, COLUMN_W, RIGHT_W = 178, 470, 26, 84, 20
TOP, ROW_H, FOOT = 96, 34, 74
LOW, LINEAR, HIGH = -15.0, 4.0, 160.0
TICKS = (-10, 0, 1.3, 4, 10, 30, 100)
BROKEN = (
    ("over_critical_s", "critical", "s"),
    ("unproven_frames", "unproven", ""),
    ("statements_broken", "broken", ""),
    ("over_limit_s", "hot", "s"),
    ("budget_over_s", "power", "s"),
)


def draw(matrix: Matrix) -> str:
    names = [name for name in matrix.controllers() if name in MARKS]
    height = TOP + ROW_H * (len(matrix.grounds) + 1) + FOOT
    across = LABEL_W + PLOT_W + GAP_W + COLUMN_W * len(names)
    width = across + RIGHT_W
    parts = [*_legend(names), *_axis(len(matrix.grounds) + 1, across), *_heads(names)]
    for n, ground in enumerate(matrix.grounds):
        rows = [matrix.row(ground.name, name) for name in names]
        parts += _line(n, ground.name, rows)
    parts += _means(len(matrix.grounds), matrix, names)
    parts += _footer(matrix, height)
    note = "regret in % of the oracle's board energy; simulation on the software device; hollow: a promise was broken"
    return document(width, height, "Cost against the oracle, and promises broken", note, parts)


def _x(percent: float) -> float:
    """Linear up to LINEAR per cent, logarithmic beyond."""
    zero, knee = LABEL_W + 70.0, LABEL_W + 250.0
    if percent < 0:
        return zero + max(percent, LOW) / -LOW * (zero - LABEL_W - 6)
    if percent <= LINEAR:
        return zero + percent / LINEAR * (knee - zero)
    share = (log10(min(percent, HIGH)) - log10(LINEAR)) / (log10(HIGH) - log10(LINEAR))
    return knee + share * (LABEL_W + PLOT_W - 8 - knee)


def _legend(names: list[str]) -> list[Svg]:
    parts: list[Svg] = []
    x = 20.0
    for name in names:
        parts += [_mark(name, x, 66, hollow=False), _text(x + 11, 70, name)]
        x += 28 + 6.4 * len(name)
    return parts


def _axis(rows: int, across: int) -> list[Svg]:
    bottom = TOP + ROW_H * rows
    parts = [box(8, TOP + n * ROW_H, across, ROW_H, fill="#f5f6f8") for n in range(0, rows, 2)]
    for percent in TICKS:
        x = _x(percent)
        colour, dash = ("#222", None) if percent == 0 else ("#bbb", "2 3")
        parts.append(rule(x, TOP - 4, x, bottom, stroke=colour, stroke_dasharray=dash))
        parts.append(_text(x, TOP - 8, f"{percent:g}", size=11, fill="#555", anchor="middle"))
    return parts


def _column(n: int) -> float:
    """Where the column of the n-th controller's broken promises begins."""
    return LABEL_W + PLOT_W + GAP_W + COLUMN_W * n + 6.0


def _heads(names: list[str]) -> list[Svg]:
    parts = [_text(_column(0) - 6, TOP - 26, "what was broken most", size=11, fill="#555")]
    for n, name in enumerate(names):
        parts += [_mark(name, _column(n), TOP - 12, hollow=False), _text(_column(n) + 9, TOP - 8, name, size=10, fill="#555")]
    return parts


def _line(n: int, name: str, rows: list[BenchRow]) -> list[Svg]:
    y = TOP + n * ROW_H + ROW_H / 2
    parts = [_text(16, y + 4, name)]
    for row in reversed(rows):
        controller = row.result.controller
        parts.append(_mark(controller, _x(100 * row.regret), y + _offset(controller), hollow=not row.clean))
    parts += _broken(y, rows)
    return parts


def _offset(controller: str) -> float:
    """A few pixels up or down, so that equal regrets do not hide one another."""
    order = list(MARKS)
    return (order.index(controller) - (len(order) - 1) / 2) * 3.6


def _broken(y: float, rows: list[BenchRow]) -> list[Svg]:
    """What each controller broke, the gravest of it, in its own column."""
    parts: list[Svg] = []
    for n, row in enumerate(rows):
        worst = next((one for one in BROKEN if row.violations[one[0]] > 0), None)
        if worst is None or row.clean:
            parts.append(_text(_column(n) - 4, y + 4, "kept", size=10, fill="#999"))
        else:
            key, word, unit = worst
            value, (_, colour) = row.violations[key], MARKS[row.result.controller]
            number = f"{value / 1000:.0f}k" if value >= 10_000 else f"{value:.0f}"
            parts.append(_text(_column(n) - 4, y + 4, f"{word} {number} {unit}".strip(), size=10, fill=colour))
    return parts


def _means(n: int, matrix: Matrix, names: list[str]) -> list[Svg]:
    y, top = TOP + n * ROW_H + ROW_H / 2, TOP + n * ROW_H
    summary = matrix.summary()
    parts = [rule(8, top, LABEL_W + PLOT_W + GAP_W + COLUMN_W * len(names), top, stroke="#222")]
    parts.append(_text(16, y + 4, "mean; all promises kept in", weight=600))
    for name in reversed(names):
        row = summary[name]
        parts.append(_mark(name, _x(100 * row["mean_regret"]), y + _offset(name), hollow=row["clean"] < row["scenarios"]))
    for at, name in enumerate(names):
        row = summary[name]
        parts.append(_text(_column(at) - 4, y + 4, f"{row['clean']} of {row['scenarios']}", size=11, weight=600))
    return parts


def _footer(matrix: Matrix, height: int) -> list[Svg]:
    found = matrix.discrimination()
    gap = 100 * max(ground.oracle.gap for ground in matrix.grounds)
    words = (
        f"Best reference-only schedule {100 * found['mean_reference_only_excess']:.1f} % over the oracle on average. "
        f"Heat or power binds in {found['heat_or_power_binds']} of {found['scenarios']} scenarios; "
        f"the swap is useless in {found['swap_useless']}."
    )
    bound = f"The oracle's cost is a proven lower bound, at most {gap:.3f} % below a schedule that keeps every limit."
    return [_text(16, height - 44, words, fill="#555"), _text(16, height - 24, bound, fill="#555")]


def _mark(controller: str, x: float, y: float, *, hollow: bool) -> Svg:
    shape, colour = MARKS[controller]
    return mark(shape, x, y, fill="#fff" if hollow else colour, stroke=colour, stroke_width=1.6)


def _text(x: float, y: float, words: str, *, size: int = 12, weight: int = 400, fill: str = "#222", anchor: str = "start") -> Svg:
    return text(x, y, words, anchor=anchor, font_size=size, font_weight=weight, fill=fill)
