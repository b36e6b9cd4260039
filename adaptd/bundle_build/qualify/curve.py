"""The efficiency-accuracy curve: one panel a light band, one point per variant and frame rate.

Across: energy of one delivered frame with the board's idle power shared among the frames, in millijoules, logarithmic, since
idle dominates at low rates. Up: score in percent (without labels: agreement with the reference), with a whisker down to the
least score that is proven for an efficient variant. Left and up is better.
"""

from dataclasses import dataclass
from typing import Any

from adaptd.bundle_build.qualify.report import SHOWN_LAST, variants_of
from adaptd.drawing.axes import NARROW, Scale, ValueAxis
from adaptd.drawing.panel import Panel
from adaptd.drawing.svg import Svg, element, rule, text

MARKS = ("circle", "square", "diamond")
TOP, BOTTOM = 44, 240


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


def curve_svg(record: dict[str, Any]) -> Svg:
    """A panel a band: one scale of energy, a scale of score for each, since bands differ more than variants."""
    bands = [band for band in [*record["policy"]["bands"], "all"] if band in record["scores"][record["reference"]]]
    panels = {band: points_of(record, band) for band in bands}
    every = [point for points in panels.values() for point in points]
    energies = [point.millijoules for point in every]
    axis = ValueAxis(min(energies) / 1.25, max(energies) * 1.25, NARROW, decades=True)
    names = [name for name in variants_of(record) if any(point.variant == name for point in every)]
    return Svg("".join(_panel(axis, band, panels[band], names) for band in bands))


def _panel(axis: ValueAxis, band: str, points: list[Point], names: list[str]) -> Svg:
    low, high = _score_span(points)
    panel = Panel(axis, Scale(low, min(high, 100.0), TOP, BOTTOM), band, f"{points[0].what} % over mJ a frame", write=_percent)
    last = -100.0
    for point in sorted((each for each in points if each.variant == names[0]), key=lambda each: each.millijoules):
        x = axis.x(point.millijoules)
        if x - last > 34:  # rates whose words would run into one another keep their points
            panel.raw(text(x, TOP - 8, f"{point.fps:g} fps", cls="tick", anchor="middle"))
            last = x
    for number, name in enumerate(names):
        _series(panel, axis, [point for point in points if point.variant == name], number)
    return panel.svg(f"{points[0].what} against energy of a frame, {band}")


def _percent(value: float) -> str:
    return f"{value:.4g}"


def _series(panel: Panel, axis: ValueAxis, points: list[Point], number: int) -> None:
    colour = f"c{number % 4}"
    panel.line([axis.x(point.millijoules) for point in points], [point.score for point in points], f"{colour} way")
    for point in points:
        x = axis.x(point.millijoules)
        if point.proven is not None:
            y, end = panel.scale.y(point.score), panel.scale.y(point.proven)
            foot = rule(x - 4, end, x + 4, end) if point.proven >= panel.scale.low else ""
            panel.raw(element("g", rule(x, y, x, end), foot, cls=f"whisker {colour}"))
        panel.point(x, point.score, MARKS[number % len(MARKS)], colour, _title(point))


def _title(point: Point) -> str:
    proven = "" if point.proven is None else f", proven to be at least {point.proven:.2f} %"
    return f"{point.variant} at {point.fps:g} fps: {point.millijoules:.1f} mJ a frame, {point.what} {point.score:.2f} %{proven}"


def _score_span(points: list[Point]) -> tuple[float, float]:
    """From just under the lowest score or proof worth showing to just over the highest; hopeless proofs run out of the panel."""
    scores = [point.score for point in points]
    proofs = [point.proven for point in points if point.proven is not None and point.proven > min(scores) - 5]
    low, high = min([*scores, *proofs]), max(scores)
    room = max(0.15, (high - low) * 0.25)
    return max(0.0, low - room), high + room
