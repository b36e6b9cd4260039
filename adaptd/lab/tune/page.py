"""The page about a tuning: the picks beside today's, what breaks first, the front, and every candidate that was measured."""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from markupsafe import Markup

from adaptd.drawing.axes import NARROW, WIDE, ValueAxis, linear
from adaptd.drawing.pages import render
from adaptd.drawing.panel import Panel
from adaptd.drawing.svg import Svg
from adaptd.lab.tune.knobs import patch
from adaptd.lab.tune.picks import Pick, Picked
from adaptd.lab.tune.search import Found
from adaptd.lab.tune.trials import Lab, Trial
from adaptd.lab.whatif.compare import Line
from adaptd.lab.whatif.figures import FIGURES

TOP, BOTTOM = 34.0, 330.0
SIGNS = {"today": ("cross", "c1"), "safest": ("square", "c2"), "knee": ("diamond", "c0"), "thriftiest": ("triangle", "c3")}
SHOWN = ("power", "fps", "hours", "efficiency", "loss", "efficient", "hottest")


def page(title: str, asked: str, lab: Lab, found: Found, picked: Picked) -> str:
    picks = [picked.today, *picked.picks] if picked.nearest is None else [picked.today, picked.nearest]
    good = picked.nearest is None
    return render(
        "lab/tune/tune.html.j2",
        title=title,
        asked=asked,
        good=good,
        verdict=f"{len(picked.met)} of {len(found.trials)} candidates meet what was asked"
        if good
        else "Nothing measured meets it",
        how="every candidate of the space" if found.exhaustive else "today's policy, a coarse grid, then a guided search",
        stated=any(one.power for one in picks),
        chart=Markup("".join(front_svg(found, picked, picks, width) for width in (WIDE, NARROW))),  # noqa: S704 - our elements
        picks=_table(picks),
        days=picked.days,
        patches=[(one.name, patch(lab.policy, one.trial.text, lab.name) or "nothing changes") for one in picked.picks],
        measured=_measured(lab, found, picked),
        made=f"{datetime.now(tz=timezone.utc):%Y-%m-%d %H:%M}",
    )


def front_svg(found: Found, picked: Picked, picks: Sequence[Pick], width: int) -> Svg:
    """Every candidate over the two aims; the front as a line, the picks with their signs."""
    across, up = found.aims[0].figure, found.aims[1].figure
    xs, ys = ([trial.value(name) for trial in found.trials] for name in (across, up))
    low, high = min(xs), max(xs)
    air = (high - low or 1.0) * 0.06
    axis = ValueAxis(low - air, high + air, width)
    panel = Panel(axis, linear(ys, [], TOP, BOTTOM), _title(up), f"over {_title(across)}", write=lambda value: f"{value:g}")
    met = {id(trial) for trial in picked.met}
    for trial in found.trials:
        kind = "c4" if id(trial) in met else "idle"
        panel.point(axis.x(trial.value(across)), trial.value(up), "circle", kind, _tip(trial))
    panel.line([axis.x(t.value(across)) for t in picked.front], [t.value(up) for t in picked.front], "c0", stepped=False)
    for one in picks:
        sign, colour = SIGNS.get(one.name, ("diamond", "c1"))
        panel.point(axis.x(one.trial.value(across)), one.trial.value(up), sign, colour, f"{one.name}: {_tip(one.trial)}")
    names = [(one.name, SIGNS.get(one.name, ("diamond", "c1"))[1]) for one in picks]
    panel.key([*names, ("meets the goals", "c4"), ("does not", "idle")])
    return panel.svg(f"{_title(up)} over {_title(across)} of {len(found.trials)} candidates, three picks and today's marked")


def _title(figure: str) -> str:
    unit, words, _ = FIGURES[figure]
    return f"{words}, {unit}"


def _column(figure: str) -> str:
    unit = FIGURES[figure][0]
    return figure if unit == figure else f"{figure}, {unit}"


def _tip(trial: Trial) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in trial.setting)


def _table(picks: Sequence[Pick]) -> dict[str, Any]:
    shown = [name for name in SHOWN if name in (picks[0].trial.figures.values if picks[0].trial.figures else {})]
    columns = [("", "pick"), *[("n", _column(name)) for name in shown], ("some", "breaks first")]
    stated = any(one.power for one in picks)
    columns += [("some", "power against today's")] if stated else []
    rows = []
    for one in picks:
        figures = [f"{one.trial.value(name):.3g}" for name in shown]
        rows.append([one.name, *figures, one.first.text, *([power_words(one.power)] if stated else [])])
    return {"columns": columns, "rows": rows, "empty": ""}


def power_words(line: Line | None) -> str:
    """The difference, its stated error with both parts, and what follows."""
    if line is None or line.new == line.old:
        return "the same"
    parts = f"backtest {line.error:.2g} + untried hours {line.bounds:.2g}"
    return f"{line.new - line.old:+.2g} W, stated error {line.stated:.2g} W ({parts}): {line.verdict}"


def _measured(lab: Lab, found: Found, picked: Picked) -> dict[str, Any]:
    met = {id(trial) for trial in picked.met}
    columns = [("n", name.replace("_", " ")) for name in (*[knob.name for knob in lab.knobs], "power", "fps", "loss", "hottest")]
    ordered = sorted(found.trials, key=lambda trial: trial.value("power"))
    rows = [
        [*[f"{value:g}" for _, value in trial.setting], *[f"{trial.value(n):.3g}" for n in ("power", "fps", "loss", "hottest")],
         "yes" if id(trial) in met else "no"]
        for trial in ordered
    ]  # fmt: skip
    rows += [[*[f"{value:g}" for _, value in one.setting], "", "", "", "", one.refused] for one in found.refused]
    return {"columns": [*columns, ("", "meets the goals")], "rows": rows, "empty": ""}
