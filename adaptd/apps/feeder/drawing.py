"""The two pictures of the report as inline SVG: five weeks of days, and one day on a time line."""

from datetime import date, datetime
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 220, 34, 26, 14
STRIP_HEIGHT = 62
ALERT_SHARE = 0.6
LEGEND = (
    '<p class="soft"><i class="key bar"></i> eating in 24 h, minutes <i class="key bar low"></i> below 60 % of the usual '
    '<i class="key bar none"></i> cannot tell <i class="key line"></i> usual <i class="key line dashed"></i> 60 % of it</p>'
)


def five_weeks(rows: list[dict[str, Any]]) -> str:
    """A bar a day; low days in red, days that cannot be told as a grey foot; the usual as a line, 60 % of it dashed."""
    if not rows:
        return '<p class="soft">No day is over yet.</p>'
    top = max([row["eating_24h_s"] or 0 for row in rows] + [row["usual_s"] or 0 for row in rows] + [60]) * 1.08
    step = (WIDTH - LEFT) / len(rows)
    parts = [_axis(top)]
    parts += [_bar(row, LEFT + step * at, step, top) for at, row in enumerate(rows)]
    usual = [(LEFT + step * (at + 0.5), row["usual_s"]) for at, row in enumerate(rows) if row["usual_s"] is not None]
    for share, name in ((1.0, "usual"), (ALERT_SHARE, "limit")):
        if usual:
            points = " ".join(f"{x:.1f},{_y(value * share, top):.1f}" for x, value in usual)
            parts.append(f'<polyline class="{name}" points="{points}"/>')
    return LEGEND + _svg(HEIGHT, "Eating a day in minutes, against the usual", "".join(parts))


def day_strip(pet: dict[str, Any]) -> str:
    """0 to 24 h: what was seen as a pale band, bouts as bars."""
    span = WIDTH - LEFT
    parts = []
    for start, seen, sure, _ in pet["windows"]:
        if seen:
            name = "none" if sure else "grid"
            width = span / 288
            parts.append(
                f'<rect class="{name}" x="{LEFT + span * _hours(start) / 24:.2f}" y="30" width="{width:.2f}" height="10"/>'
            )
    for bout in pet["bouts_today"]:
        same = bout["start"][:10] == pet["day"]
        begin, end = (_hours(bout["start"]) if same else 0.0), _hours(bout["end"])
        width = max(span * (end - begin) / 24, 2.0)
        title = f"{bout['start'][11:16]}: {bout['eating_s']} s"
        place = f'x="{LEFT + span * begin / 24:.1f}" y="12" width="{width:.1f}" height="28"'
        parts.append(f'<rect class="ok" {place}><title>{title}</title></rect>')
    parts += [f'<text x="{LEFT + span * hour / 24:.0f}" y="56" text-anchor="middle">{hour}</text>' for hour in range(0, 24, 3)]
    return _svg(STRIP_HEIGHT, "Meals of the day", "".join(parts))


def _bar(row: dict[str, Any], x: float, step: float, top: float) -> str:
    value = row["eating_24h_s"]
    day = date.fromisoformat(row["day"])
    title = (
        f"{day:%a %d %b}: {'cannot tell' if value is None else f'{value / 60:.1f} min'}, {row['coverage_ppm'] // 10_000} % seen"
    )
    name = "none" if value is None or not row["counts"] else "low" if row["low"] else "ok"
    y = _y(value or 0, top) if value else HEIGHT - BOTTOM - 4
    label = ""
    if day.weekday() == 0:
        label = f'<text x="{x + step / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{day:%d %b}</text>'
    place = f'x="{x + step * 0.12:.1f}" y="{y:.1f}" width="{step * 0.76:.1f}" height="{HEIGHT - BOTTOM - y:.1f}"'
    return f'<rect class="{name}" {place}><title>{escape(title)}</title></rect>{label}'


def _axis(top: float) -> str:
    parts = [f'<text x="0" y="{TOP - 3}">min</text>']
    step = 5 if top < 1_800 else 15
    for minutes in range(0, int(top // 60) + 1, step):
        y = _y(minutes * 60, top)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{minutes}</text>')
    return "".join(parts)


def _y(seconds: float, top: float) -> float:
    return TOP + (HEIGHT - BOTTOM - TOP) * (1 - seconds / top)


def _hours(moment: str) -> float:
    at = datetime.fromisoformat(moment)
    return at.hour + at.minute / 60 + at.second / 3_600


def _svg(height: int, title: str, inner: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{inner}</svg>'
