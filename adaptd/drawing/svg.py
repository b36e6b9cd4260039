"""SVG as text: elements whose words and attributes are escaped, and the signs that every chart uses."""

from html import escape

_SHAPES = {
    "triangle": ((0, -5), (4.6, 4), (-4.6, 4)),
    "diamond": ((0, -5.4), (5.4, 0), (0, 5.4), (-5.4, 0)),
    "cross": ((-5, -2), (-2, -2), (-2, -5), (2, -5), (2, -2), (5, -2), (5, 2), (2, 2), (2, 5), (-2, 5), (-2, 2), (-5, 2)),
}


class Svg(str):
    """Finished SVG: everything inside is escaped already, templates show it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def element(name: str, *inner: str, **attributes: object) -> Svg:
    """One element; plain text inside is escaped, elements stay. ``cls`` is written class, and _ as -; None leaves out."""
    names = {key: "class" if key == "cls" else key.replace("_", "-") for key in attributes}
    said = "".join(f' {names[key]}="{escape(str(value))}"' for key, value in attributes.items() if value is not None)
    body = "".join(part if isinstance(part, Svg) else escape(part, quote=False) for part in inner)
    return Svg(f"<{name}{said}>{body}</{name}>" if body else f"<{name}{said}/>")


def text(x: float, y: float, words: str, *spans: tuple[str, str], anchor: str | None = None, **attributes: object) -> Svg:
    """Words at a place, then spans of (class, words)."""
    parts = [element("tspan", inner, cls=kind or None) for kind, inner in spans]
    return element("text", words, *parts, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, **attributes)


def rule(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> Svg:
    """A straight line."""
    return element("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", **attributes)


def box(x: float, y: float, width: float, height: float, *inner: str, **attributes: object) -> Svg:
    """A rectangle."""
    return element("rect", *inner, x=f"{x:.1f}", y=f"{y:.1f}", width=f"{width:.1f}", height=f"{height:.1f}", **attributes)


def mark(kind: str, x: float, y: float, **attributes: object) -> Svg:
    """A sign of about ten units around a place: circle, square, bar, triangle, diamond or cross."""
    if kind == "circle":
        return element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="5", **attributes)
    if kind == "square":
        return box(x - 4.2, y - 4.2, 8.4, 8.4, **attributes)
    if kind == "bar":
        return box(x - 1.8, y - 5, 3.6, 10, **attributes)
    return element("polygon", points=" ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in _SHAPES[kind]), **attributes)


def document(width: float, height: float, title: str, note: str, parts: list[Svg]) -> str:
    """A picture that stands alone on white: a title, a line under it, the parts."""
    top = [
        box(0, 0, width, height, fill="#ffffff"),
        text(16, 27, title, font_size=17, font_weight=600, fill="#222"),
        text(16, 46, note, font_size=12, fill="#555"),
    ]
    size = {"viewBox": f"0 0 {width:g} {height:g}", "font_family": "system-ui, sans-serif", "role": "img", "aria_label": title}
    return element("svg", *top, *parts, xmlns="http://www.w3.org/2000/svg", **size).replace("><", ">\n<") + "\n"
