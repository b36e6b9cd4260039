"""One panel of a chart as SVG: a title, a scale with its grid, lines, areas, points and limits over an axis to the right."""

from collections.abc import Callable, Sequence

from adaptd.drawing.axes import RIGHT, WIDE, Across, Scale
from adaptd.drawing.svg import Svg, element, mark, text


def path(points: Sequence[tuple[float, float] | None]) -> str:
    """An SVG path through the points; None lifts the pen."""
    pairs = zip((None, *points), points, strict=False)
    return "".join(f"{'M' if last is None else 'L'}{point[0]:.1f} {point[1]:.1f}" for last, point in pairs if point is not None)


def steps(points: Sequence[tuple[float, float] | None]) -> str:
    """A path that holds each value until the next."""
    parts: list[str] = []
    for last, point in zip((None, *points), points, strict=False):
        if point is not None and last is None:
            parts.append(f"M{point[0]:.1f} {point[1]:.1f}")
        elif point is not None and last is not None:
            parts.append(f"H{point[0]:.1f}" + (f"V{point[1]:.1f}" if point[1] != last[1] else ""))
    return "".join(parts)


def band(xs: Sequence[float], lows: Sequence[float | None], highs: Sequence[float | None]) -> str:
    """A closed area between two lines, one piece for every stretch without a hole."""
    parts, piece = [], []
    for x, low, high in [*zip(xs, lows, highs, strict=True), (0.0, None, None)]:
        if low is not None and high is not None:
            piece.append((x, low, high))
            continue
        if len(piece) > 1:
            upper = "L".join(f"{at:.1f} {top:.1f}" for at, _, top in piece)
            lower = "L".join(f"{at:.1f} {base:.1f}" for at, base, _ in reversed(piece))
            parts.append(f"M{upper}L{lower}Z")
        piece = []
    return "".join(parts)


class Panel:
    """A title, a scale with its grid, then whatever is drawn on it; classes of style.css give the colours."""

    def __init__(
        self,
        axis: Across,
        scale: Scale,
        title: str,
        unit: str,
        *,
        write: Callable[[float], str] = lambda value: f"{value:g}",
        times_y: float | None = None,
    ) -> None:
        self.axis, self.scale = axis, scale
        labels_y = (times_y or scale.bottom) + 15
        self._height = labels_y + 9
        self._parts: list[str] = []
        self._end = axis.width - RIGHT
        if axis.width < WIDE:
            unit = unit.partition(",")[0].partition(";")[0]
        self.raw(text(axis.left, 14, title, ("unit", f" {unit}"), cls="head"))
        for tick in scale.ticks():
            y = scale.y(tick)
            self._rule(y, "grid")
            self.raw(text(axis.left - 8, y + 4, write(tick), cls="tick", anchor="end"))
        for at in axis.ticks():
            x = axis.x(at)
            self.raw(element("path", cls="grid up", d=f"M{x:.1f} {scale.top:g}V{scale.bottom:g}"))
            if axis.left + 14 < x < self._end - 14:
                self.raw(text(x, labels_y, axis.label(at), cls="tick", anchor="middle"))

    def key(self, names: Sequence[tuple[str, str]]) -> None:
        """Names of what is drawn, each in its colour: at the right of the title, on a narrow panel below the axis."""
        signs = {"base": "- -", "over": "- -"}
        parts = [piece for name, colour in names for piece in ((colour, f"{signs.get(colour, chr(9632))}"), ("", f" {name}   "))]
        if self.axis.width >= WIDE:
            self.raw(text(self._end, 14, "", *parts, cls="key", anchor="end"))
            return
        x, y = 4.0, self._height + 6
        for name, colour in names:
            wide = 24 + 6.3 * len(name)
            if x + wide > self._end and x > 4:
                x, y = 4.0, y + 16
            self.raw(text(x, y, "", (colour, signs.get(colour, chr(9632))), ("", f" {name}"), cls="key"))
            x += wide
        self._height = y + 8

    def area(self, xs: Sequence[float], lows: Sequence[float | None], highs: Sequence[float | None], colour: str) -> None:
        """The space between lowest and highest."""
        form = band(xs, [self._y(value) for value in lows], [self._y(value) for value in highs])
        self.raw(element("path", cls=f"spread {colour}", d=form))

    def line(
        self, xs: Sequence[float], values: Sequence[float | None], colour: str, *, stepped: bool = False, dashed: bool = False
    ) -> None:
        """A line through the values; None leaves a hole."""
        points = [None if value is None else (x, self.scale.y(value)) for x, value in zip(xs, values, strict=True)]
        form = steps(points) if stepped else path(points)
        self.raw(element("path", cls=f"line {colour}{' dashed' if dashed else ''}", d=form))

    def mark(self, value: float, words: str, *, bad: bool = True) -> None:
        """A limit across the panel, with its name at the right."""
        kind = "limit" if bad else "edge"
        self._rule(self.scale.y(value), kind)
        self.raw(text(self._end, self.scale.y(value) - 4, words, cls=kind, anchor="end"))

    def stepped_mark(self, pieces: Sequence[tuple[float, float, float]], name: str, *, bad: bool = True) -> None:
        """A limit that changed: (from x, to x, value) one after another, each new value written where it begins."""
        if len({value for _, _, value in pieces}) == 1:
            self.mark(pieces[0][2], f"{name} {pieces[0][2]:g}", bad=bad)
            return
        kind, form, last = "limit" if bad else "edge", "", None
        for x, end, value in pieces:
            y = self.scale.y(value)
            form += f"M{x:.1f} {y:.1f}H{end:.1f}" if last is None else f"V{y:.1f}H{end:.1f}"
            if value != last:
                near_end = x > self._end - 90
                self.raw(
                    text(x + (-4 if near_end else 4), y - 4, f"{name} {value:g}", cls=kind, anchor="end" if near_end else "start")
                )
            last = value
        self.raw(element("path", cls=kind, d=form))

    def upright(self, x: float, words: str) -> None:
        """A moment: a thin line through the panel."""
        self.raw(element("path", element("title", words), cls="run", d=f"M{x:.1f} {self.scale.top:g}V{self.scale.bottom:g}"))

    def point(self, x: float, value: float, kind: str, colour: str, words: str) -> None:
        """A sign at a value; ``words`` are told to whoever points at it."""
        self.raw(element("g", mark(kind, x, self.scale.y(value)), element("title", words), cls=f"point {colour}"))

    def ribbon(self, x: float, end: float, y: float, colour: str, name: str) -> None:
        """A piece of the ribbon under the panel."""
        title = element("title", name)
        width = f"{max(0.6, end - x):.2f}"
        self.raw(element("rect", title, cls=f"stretch {colour}", x=f"{x:.2f}", y=f"{y:g}", width=width, height="12"))

    def raw(self, part: str) -> None:
        """Add one piece of SVG."""
        self._parts.append(part)

    def svg(self, label: str) -> Svg:
        """The finished panel; ``label`` is read out to those who do not see it."""
        size = f"0 0 {self.axis.width} {self._height:.0f}"
        kind = "panel" if self.axis.width >= WIDE else "panel narrow"
        return element("svg", *self._parts, cls=kind, viewBox=size, role="img", aria_label=label)

    def _rule(self, y: float, kind: str) -> None:
        self.raw(element("path", cls=kind, d=f"M{self.axis.left} {y:.1f}H{self._end}"))

    def _y(self, value: float | None) -> float | None:
        return None if value is None else self.scale.y(value)
