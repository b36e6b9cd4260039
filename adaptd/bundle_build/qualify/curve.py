"""The efficiency-accuracy curve as hand-made SVG: one panel a light band, one point per variant and frame rate.

Across: energy of one delivered frame with the board's idle power shared among the frames, in millijoules, logarithmic, since
idle dominates at low rates. Up: score in percent (without labels: agreement with the reference), with a whisker down to the
least score that is proven for an efficient variant. Left and up is better.
"""

from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Any

from adaptd.bundle_build.qualify.report import SHOWN_LAST, variants_of

WIDTH, HEIGHT = 340, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 50, 46
MARKS = ("circle", "square", "diamond")


@dataclass(frozen=True, slots=True)
class Point:
    """One variant at one rate in one band: mJ a frame, score in percent, the least score proven (None for the reference).

    ``what`` the score is: without labels it is agreement with the reference.
    """

    variant: str
    fps: float
    millijoules: float
    score: float
    proven: float | None
    what: str = "score"


def points_of(record: dict[str, Any], band: str) -> list[Point]:
    """All points of one band, ordered by variant and rate."""
    reference = record["scores"][record["reference"]][band]["score_ppm"]
    points = []
    for name in variants_of(record):
        if name == SHOWN_LAST or name not in record["energy"]:
            continue
        seen, cost = record["scores"][name][band], record["energy"][name]
        agreement = 100 - 100 * seen["disagreed"] / max(seen["n"], 1)
        score = agreement if seen["score_ppm"] is None else seen["score_ppm"] / 1e4
        what = "agreement" if seen["score_ppm"] is None else "score"
        proven = None
        if name != record["reference"]:
            proven = (100 if reference is None else reference / 1e4) - seen["disagreement_bound_ppm"] / 1e4
        for mfps in record["policy"]["levels_mfps"]:
            energy = (cost["marginal_uj"] + cost["idle_mw"] * 1_000_000 / mfps) / 1000
            points.append(Point(name, mfps / 1000, energy, score, proven, what))
    return points


def curve_svg(record: dict[str, Any]) -> str:
    """All panels side by side: one scale of energy, a scale of score for each, since bands differ more than variants."""
    bands = [band for band in [*record["policy"]["bands"], "all"] if band in record["scores"][record["reference"]]]
    panels = {band: points_of(record, band) for band in bands}
    every = [point for points in panels.values() for point in points]
    left, right = _energy_span(every)
    names = [name for name in variants_of(record) if any(point.variant == name for point in every)]
    parts = [_panel(band, panels[band], _Scale(left, right, *_score_span(panels[band]), names)) for band in bands]
    drawn = [f'<g transform="translate({index * WIDTH},0)">{part}</g>' for index, part in enumerate(parts)]
    size = f'viewBox="0 0 {WIDTH * len(bands)} {HEIGHT}" style="max-width:{WIDTH * len(bands)}px"'
    return f'<svg role="img" aria-label="score against energy of a frame, by light band" {size}>{"".join(drawn)}</svg>'


@dataclass(frozen=True, slots=True)
class _Scale:
    left: float
    right: float
    low: float
    high: float
    names: list[str]

    def x(self, millijoules: float) -> float:
        share = (log10(millijoules) - log10(self.left)) / (log10(self.right) - log10(self.left))
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, score: float) -> float:
        share = (min(max(score, self.low), self.high) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _panel(band: str, points: list[Point], scale: _Scale) -> str:
    parts = [f'<text class="head" x="{LEFT}" y="20">{escape(band)}</text>', *_grid(scale, points[0].what), *_rates(points, scale)]
    for name in scale.names:
        own = [point for point in points if point.variant == name]
        parts += _series(own, scale, scale.names.index(name))
    return "".join(parts)


def _grid(scale: _Scale, what: str) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for score in _ticks(scale.low, scale.high):
        y = scale.y(score)
        parts.append(_line("grid", LEFT, right, y, y))
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{score:.4g}</text>')
    for energy in _decades(scale.left, scale.right):
        x = scale.x(energy)
        parts.append(_line("grid", x, x, TOP, bottom))
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{energy:g}</text>')
    middle = (LEFT + right) / 2
    parts.append(f'<text class="axis" x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">mJ a frame, idle shared</text>')
    parts.append(
        f'<text class="axis" transform="translate(13,{(TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">{what} %</text>'
    )
    return parts


def _rates(points: list[Point], scale: _Scale) -> list[str]:
    """The frame rates along the upper edge, over the first variant's points."""
    own = [point for point in points if point.variant == scale.names[0]]
    places = [(scale.x(point.millijoules), f"{point.fps:g}") for point in own]
    return [f'<text class="tick" x="{x:.1f}" y="{TOP - 6}" text-anchor="middle">{words} fps</text>' for x, words in places]


def _series(points: list[Point], scale: _Scale, number: int) -> list[str]:
    if not points:
        return []
    parts = [f'<g class="v{number % 4}">']
    way = " ".join(f"{scale.x(point.millijoules):.1f},{scale.y(point.score):.1f}" for point in points)
    parts.append(f'<polyline class="way" points="{way}"/>')
    for point in points:
        x, y = scale.x(point.millijoules), scale.y(point.score)
        if point.proven is not None:
            end = scale.y(point.proven)
            parts.append(_line("whisker", x, x, y, end))
            parts += [] if point.proven < scale.low else [_line("whisker", x - 4, x + 4, end, end)]
        parts.append(f"<g>{_mark(number, x, y)}<title>{escape(_title(point))}</title></g>")
    return [*parts, "</g>"]


def _line(kind: str, x1: float, x2: float, y1: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'


def _title(point: Point) -> str:
    proven = "" if point.proven is None else f", proven to be at least {point.proven:.2f} %"
    return f"{point.variant} at {point.fps:g} fps: {point.millijoules:.1f} mJ a frame, {point.what} {point.score:.2f} %{proven}"


def _mark(number: int, x: float, y: float) -> str:
    kind = MARKS[number % len(MARKS)]
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
    if kind == "square":
        return f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9"/>'
    return f'<path d="M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z"/>'


def _score_span(points: list[Point]) -> tuple[float, float]:
    """From just under the lowest score or proof worth showing to just over the highest; hopeless proofs run out of the panel."""
    scores = [point.score for point in points]
    proofs = [point.proven for point in points if point.proven is not None and point.proven > min(scores) - 5]
    low, high = min([*scores, *proofs]), max(scores)
    room = max(0.15, (high - low) * 0.25)
    return max(0.0, low - room), high + room


def _energy_span(points: list[Point]) -> tuple[float, float]:
    energies = [point.millijoules for point in points]
    return min(energies) / 1.25, max(energies) * 1.25


def _ticks(low: float, high: float) -> list[float]:
    step = next(step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if (high - low) / step <= 6)
    first = ceil(low / step)
    return [round(index * step, 3) for index in range(first, floor(high / step) + 1) if index * step <= 100]


def _decades(left: float, right: float) -> list[float]:
    """1, 2, 5 and their powers of ten inside the span; every half decade only where that is enough."""
    found = [digit * 10.0**power for power in range(-3, 7) for digit in (1, 2, 5)]
    return [value for value in found if left <= value <= right]
