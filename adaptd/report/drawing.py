"""Time lines as SVG, by hand: one panel a quantity, all over the same time, drawn from buckets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from html import escape
from math import floor, log10

WIDTH = 1000
LEFT, RIGHT = 58, 12
PLOT = WIDTH - LEFT - RIGHT

_STEPS = (1, 2, 5)
_SPANS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
    3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axis:
    """Time to the right: ``end_us`` of log time over the plot's width, labelled by the wall clock of known moments."""

    end_us: int
    moments: tuple[tuple[int, int], ...]  # (log time in us, UTC in ms), in order

    def x(self, at_us: float) -> float:
        return LEFT + PLOT * at_us / max(1, self.end_us)

    def utc_ms(self, at_us: float) -> int:
        """The wall clock at a log time, from the nearest known moment before."""
        known = self.moments[0] if self.moments else (0, 0)
        for moment in self.moments:
            if moment[0] > at_us:
                break
            known = moment
        return int(known[1] + (at_us - known[0]) / 1000)

    @property
    def step_s(self) -> int:
        """Seconds from one label to the next."""
        return next((step for step in _SPANS_S if self.end_us / 1e6 / step <= 9), _SPANS_S[-1])

    def ticks(self) -> list[float]:
        """Log times to be labelled, at round times of the wall clock."""
        span_s, step_s = self.end_us / 1e6, self.step_s
        first_s = -(self.utc_ms(0) / 1000) % step_s
        return [(first_s + at * step_s) * 1e6 for at in range(int((span_s - first_s) // step_s) + 1)]

    def label(self, at_us: float) -> str:
        coarse_s = 30 if self.end_us > 600e6 else 0.5  # labels are rounded, not cut
        there_s = self.utc_ms(at_us) / 1000
        round_s = round(there_s / self.step_s) * self.step_s  # late ticks shift a round time by a little
        there_s = round_s if abs(round_s - there_s) < self.step_s / 5 else there_s + coarse_s
        moment = datetime.fromtimestamp(there_s, tz=timezone.utc)
        if self.end_us > 3 * 86_400e6:
            return f"{moment:%d %b}"
        return f"{moment:%H:%M}" if self.end_us > 600e6 else f"{moment:%H:%M:%S}"


@dataclass(frozen=True, slots=True)
class Scale:
    """Values upwards, linear or by decades."""

    low: float
    high: float
    top: float
    bottom: float
    decades: bool = False

    def y(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.decades:
            low, high, at = log10(low), log10(high), log10(max(value, self.low))
        share = (at - low) / (high - low)
        return self.bottom - (self.bottom - self.top) * min(1.0, max(0.0, share))

    def ticks(self) -> list[float]:
        if self.decades:
            return [10.0**power for power in range(int(log10(self.low)), int(log10(self.high)) + 1)]
        step = nice((self.high - self.low) / 4)
        first = -(-self.low // step) * step
        return [first + at * step for at in range(int((self.high - first) / step + 1e-9) + 1)]


def nice(rough: float) -> float:
    """The round number (1, 2 or 5 times a power of ten) at or above ``rough``."""
    power = 10.0 ** floor(log10(rough)) if rough > 0 else 1.0
    return next((step * power for step in _STEPS if step * power >= rough), 10 * power)


def linear(values: Sequence[float], marks: Sequence[float], top: float, bottom: float, *, zero: bool = False) -> Scale:
    """A scale that holds all values and marks with some air."""
    held = [*values, *marks] or [0.0, 1.0]
    low, high = (0.0 if zero else min(held)), max(held)
    air = (high - low or abs(high) or 1.0) * 0.08
    return Scale(low - (0 if zero else air), high + air, top, bottom)


def path(points: Sequence[tuple[float, float] | None]) -> str:
    """An SVG path through the points; None lifts the pen."""
    parts, down = [], False
    for point in points:
        if point is None:
            down = False
            continue
        parts.append(f"{'L' if down else 'M'}{point[0]:.1f} {point[1]:.1f}")
        down = True
    return "".join(parts)


def steps(points: Sequence[tuple[float, float] | None]) -> str:
    """A path that holds each value until the next."""
    parts: list[str] = []
    last: tuple[float, float] | None = None
    for point in points:
        if point is not None:
            parts.append(
                f"M{point[0]:.1f} {point[1]:.1f}"
                if last is None
                else f"H{point[0]:.1f}" + (f"V{point[1]:.1f}" if point[1] != last[1] else "")
            )
        last = point
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
    """One time line: a title, a scale with its grid, then whatever is drawn on it."""

    def __init__(
        self,
        axis: Axis,
        scale: Scale,
        title: str,
        unit: str,
        *,
        write: Callable[[float], str] = lambda value: f"{value:g}",
        times_y: float | None = None,
    ) -> None:
        self._axis, self.scale = axis, scale
        labels_y = (times_y or scale.bottom) + 15
        self._height = labels_y + 9
        self._parts: list[str] = []
        self._text(LEFT, 14, f'{escape(title)} <tspan class="unit">{escape(unit)}</tspan>', "head")
        for tick in scale.ticks():
            y = scale.y(tick)
            self.raw(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
            self._text(LEFT - 8, y + 4, escape(write(tick)), "tick", "end")
        for at in axis.ticks():
            x = axis.x(at)
            self.raw(f'<path class="grid up" d="M{x:.1f} {scale.top}V{scale.bottom}"/>')
            if LEFT + 14 < x < WIDTH - 30:
                self._text(x, labels_y, axis.label(at), "tick", "middle")

    def key(self, names: Sequence[tuple[str, str]]) -> None:
        """Names of what is drawn, each in its colour, at the right of the title."""
        signs = {"base": "- -", "over": "- -"}
        parts = [f'<tspan class="{colour}">{signs.get(colour, chr(9632))}</tspan> {escape(name)}' for name, colour in names]
        self._text(WIDTH - RIGHT, 14, " &#160; ".join(parts), "key", "end")

    def area(self, xs: Sequence[float], lows: Sequence[float | None], highs: Sequence[float | None], colour: str) -> None:
        """The space between lowest and highest."""
        form = band(xs, [self._y(value) for value in lows], [self._y(value) for value in highs])
        self.raw(f'<path class="spread {colour}" d="{form}"/>')

    def line(
        self, xs: Sequence[float], values: Sequence[float | None], colour: str, *, stepped: bool = False, dashed: bool = False
    ) -> None:
        """A line through the values; None leaves a hole."""
        points = [None if value is None else (x, self.scale.y(value)) for x, value in zip(xs, values, strict=True)]
        form = steps(points) if stepped else path(points)
        self.raw(f'<path class="line {colour}{" dashed" if dashed else ""}" d="{form}"/>')

    def mark(self, value: float, text: str, *, bad: bool = True) -> None:
        """A limit across the panel, with its name at the right."""
        y, kind = self.scale.y(value), "limit" if bad else "edge"
        self.raw(f'<path class="{kind}" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        self._text(WIDTH - RIGHT, y - 4, escape(text), kind, "end")

    def ribbon(self, x: float, end: float, y: float, colour: str, name: str) -> None:
        """A piece of the ribbon under the panel."""
        size = f'x="{x:.2f}" y="{y:g}" width="{max(0.6, end - x):.2f}" height="12"'
        self.raw(f'<rect class="stretch {colour}" {size}><title>{escape(name)}</title></rect>')

    def raw(self, part: str) -> None:
        """Add one piece of SVG."""
        self._parts.append(part)

    def svg(self, label: str) -> str:
        """The finished panel; ``label`` is read out to those who do not see it."""
        head = f'<svg class="panel" viewBox="0 0 {WIDTH} {self._height:.0f}" role="img" aria-label="{escape(label, quote=True)}">'
        return f"{head}{''.join(self._parts)}</svg>"

    def _y(self, value: float | None) -> float | None:
        return None if value is None else self.scale.y(value)

    def _text(self, x: float, y: float, inner: str, kind: str, anchor: str = "start") -> None:
        self.raw(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{inner}</text>')
