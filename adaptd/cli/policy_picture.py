"""The plane of a policy as a picture: in the terminal, and as SVG."""

from adaptd.cli.policy_plane import Cell, Plane
from adaptd.drawing.svg import Svg, box, document, element, rule, text

EFFICIENT, REFERENCE, PAUSE = "#009e73", "#0072b2", "#d55e00"
ANSI = {EFFICIENT: (0, 158, 115), REFERENCE: (0, 114, 178), PAUSE: (213, 94, 0)}
LEFT, TOP, CELL_W, ROW_H, FOOT, RIGHT = 150, 86, 11, 44, 92, 24
ROWS_A_BAND = 2
MARKS = (("resume_c", "resume_mc"), ("limit_c", "limit_mc"), ("critical_c", "critical_mc"))


def share(plane: Plane, cell: Cell) -> float:
    """The rate as a part of the target."""
    return min(1.0, cell.mfps / plane.policy.target_mfps)


def hue(plane: Plane, cell: Cell) -> str:
    """Green where an efficient variant serves, blue where the reference does, red where nothing does."""
    if not cell.mfps:
        return PAUSE
    return REFERENCE if cell.variant == plane.policy.reference else EFFICIENT


def letter(plane: Plane, cell: Cell) -> str:
    """For terminals without colour: E or R at the target rate, e or r below it, a dot where nothing is served."""
    if not cell.mfps:
        return "."
    name = "r" if cell.variant == plane.policy.reference else "e"
    return name.upper() if cell.mfps >= plane.policy.target_mfps else name


def terminal(plane: Plane, *, colour: bool) -> str:
    """The picture in characters: light from bright (top) to dark, temperature from left to right."""
    width = max(len(band.name) for band in plane.bands) + 1
    lines = [f"{plane.policy.name} on {plane.profile.name}: what is done at each temperature in each light", ""]
    for band, row in zip(plane.bands, plane.cells, strict=True):
        body = "".join(_block(plane, cell) if colour else letter(plane, cell) for cell in row)
        lines += [f"{band.name:>{width}} {body}"] * ROWS_A_BAND
    lines += _ruler(plane, width), *_words(plane, colour=colour)
    return "\n".join(lines) + "\n"


def _block(plane: Plane, cell: Cell) -> str:
    red, green, blue = (round(part * (0.35 + 0.65 * share(plane, cell))) for part in ANSI[hue(plane, cell)])
    return f"\x1b[48;2;{red};{green};{blue}m \x1b[0m"


def _ruler(plane: Plane, width: int) -> str:
    """Marks under the columns of resume_c, limit_c and critical_c."""
    line = [" "] * (len(plane.temperatures_mc) + 16)
    for name, key in MARKS:
        at = _column(plane, getattr(plane.policy, key))
        for offset, char in enumerate(f"^{name.removesuffix('_c')} {getattr(plane.policy, key) / 1000:g}"):
            line[at + offset] = char
    return " " * (width + 1) + "".join(line).rstrip()


def _column(plane: Plane, mc: int) -> int:
    return next((at for at, one in enumerate(plane.temperatures_mc) if one >= mc), len(plane.temperatures_mc) - 1)


def _words(plane: Plane, *, colour: bool) -> list[str]:
    policy, found = plane.policy, []
    low, high = plane.temperatures_mc[0] / 1000, plane.temperatures_mc[-1] / 1000
    key = "green: efficient, blue: reference, darker: fewer frames, red: nothing is served"
    plain = "E/R: efficient/reference at the target rate, e/r: below it, dot: nothing is served"
    found.append(f"{low:g} to {high:g} degC. {key if colour else plain}.")
    for band, row in zip(plane.bands, plane.cells, strict=True):
        found.append(f"{band.name} ({_range(band.down_at_mlx, band.up_at_mlx)}): {'; '.join(_runs(plane, row))}.")
    found.append(f"When nothing keeps every limit: {policy.on_conflict}.")
    return found


def _range(down_mlx: int | None, up_mlx: int | None) -> str:
    """The band's lux range: left below the first number, above the second."""
    low = "0" if down_mlx is None else f"{down_mlx / 1000:g}"
    return f"{low} lux and more" if up_mlx is None else f"{low} to {up_mlx / 1000:g} lux"


def _runs(plane: Plane, row: tuple[Cell, ...]) -> list[str]:
    """What is done from where on, in words, with equal neighbours told once."""
    found: list[str] = []
    last = ""
    for cell, mc in zip(row, plane.temperatures_mc, strict=True):
        what = f"{cell.variant} at {cell.mfps / 1000:g} fps" if cell.mfps else "nothing"
        kind = what if cell.mfps in (0, plane.policy.target_mfps, plane.policy.floor_mfps) else f"{cell.variant} in between"
        if kind != last:
            found.append(what if not found else f"from {mc / 1000:.1f} degC {kind}")
            last = kind
    return found


def svg(plane: Plane) -> str:
    """The picture as SVG text."""
    columns, rows = len(plane.temperatures_mc), len(plane.bands)
    width, height = LEFT + CELL_W * columns + RIGHT, TOP + ROW_H * rows + FOOT
    parts = _key()
    for at, (band, row) in enumerate(zip(plane.bands, plane.cells, strict=True)):
        y = TOP + ROW_H * at
        parts.append(_text(LEFT - 10, y + 19, band.name, anchor="end", weight=600))
        parts.append(_text(LEFT - 10, y + 34, _range(band.down_at_mlx, band.up_at_mlx), anchor="end", size=11, fill="#555"))
        for column, cell in enumerate(row):
            opacity = 0.3 + 0.7 * share(plane, cell) if cell.mfps else 1.0
            where = f"{plane.temperatures_mc[column] / 1000:.1f} degC, {band.name}"
            title = f"{where}: {cell.variant} {cell.mfps / 1000:g} fps, {cell.rule}"
            place = (LEFT + CELL_W * column, y, CELL_W, ROW_H - 2)
            parts.append(box(*place, element("title", title), fill=hue(plane, cell), fill_opacity=f"{opacity:.2f}"))
    parts += _axis(plane, TOP + ROW_H * rows)
    note = "what the policy does at each temperature in each light; paler is fewer frames"
    return document(width, height, f"{plane.policy.name} on {plane.profile.name}", note, parts)


def _key() -> list[Svg]:
    parts: list[Svg] = []
    x = 16
    for colour, words in ((EFFICIENT, "efficient variant"), (REFERENCE, "reference"), (PAUSE, "nothing is served")):
        parts.append(box(x, 60, 12, 12, fill=colour))
        parts.append(_text(x + 18, 70, words, size=12))
        x += 40 + 7 * len(words)
    return parts


def _axis(plane: Plane, y: int) -> list[Svg]:
    """Ticks every five degrees, and the three limits."""
    low, high = plane.temperatures_mc[0], plane.temperatures_mc[-1]
    scale = CELL_W * len(plane.temperatures_mc) / (high - low)
    parts: list[Svg] = []
    for mc in range(-(-low // 5000) * 5000, high + 1, 5000):
        x = LEFT + (mc - low) * scale
        parts.append(rule(x, y, x, y + 5, stroke="#555"))
        parts.append(_text(x, y + 19, f"{mc / 1000:g}", anchor="middle", size=11))
    for row, (name, key) in enumerate(MARKS):
        x = LEFT + (getattr(plane.policy, key) - low) * scale
        parts.append(rule(x, TOP - 4, x, y + 30 + 14 * row, stroke="#222", stroke_dasharray="3 3"))
        parts.append(_text(x - 4, y + 40 + 14 * row, name, anchor="end", size=11))
    parts.append(_text(LEFT, y + 82, "temperature, degC", size=11, fill="#555"))
    return parts


def _text(x: float, y: float, words: str, *, size: int = 13, fill: str = "#222", anchor: str = "start", weight: int = 400) -> Svg:
    return text(x, y, words, anchor=anchor, font_size=size, font_weight=weight, fill=fill)
