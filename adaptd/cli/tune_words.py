"""What `adaptd tune` says: the picks beside today's, what breaks first, and the patch."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adaptd.lab.tune.picks import Pick, Picked
    from adaptd.lab.tune.search import Found
    from adaptd.lab.tune.trials import Lab

COLUMNS = ("power", "fps", "hours", "efficiency", "loss", "efficient", "hottest")


def words(output: Path, lab: "Lab", found: "Found", picked: "Picked", *, applied: bool) -> list[str]:
    """The table, what breaks first, and the patch of the knee."""
    how = "all of the space" if found.exhaustive else "today's, a coarse grid, then guided"
    lines = [f"simulated: {len(found.trials)} candidates measured ({how}), {len(picked.met)} meet what was asked", ""]
    lines += _table(picked)
    if picked.nearest is not None:
        lines.append("nothing that was measured meets what was asked: the nearest is shown, with what it misses most")
        broken = [b.words for b in picked.bounds if b.slack(values(picked.nearest)[b.figure]) < 0]
        lines.append(f"missed: {', '.join(broken)}")
    for one in picked.picks:
        pairs = zip(one.trial.setting, lab.knobs, strict=True)
        turned = [f"{name} {value:g} (today {knob.today:g})" for (name, value), knob in pairs if value != knob.today]
        lines.append(f"{one.name}: {', '.join(turned) or 'as today'}{_power(one)}")
    lines += _patch(lab, picked)
    lines.append(f"\nwritten: {output / 'tune.html'} (the front), {output}/NAME.yaml (the picks)")
    if picked.picks and not applied:
        lines.append("nothing was changed: --policy FILE --apply knee writes a pick into the file")
    return lines


def _table(picked: "Picked") -> list[str]:
    shown = [picked.today, *picked.picks] if picked.nearest is None else [picked.today, picked.nearest]
    columns = [name for name in COLUMNS if name in values(shown[0])]
    lines = [f"{'':<12}" + "".join(f"{name:>11}" for name in columns) + "   breaks first"]
    for one in shown:
        numbers = "".join(f"{values(one)[name]:>11.3g}" for name in columns)
        lines.append(f"{one.name:<12}{numbers}   {one.first.text}")
    if picked.days:
        lines.append(f"(figures over all {picked.days} recorded days again; the search itself ran on the pattern day)")
    return [*lines, ""]


def _patch(lab: "Lab", picked: "Picked") -> list[str]:
    from adaptd.lab.tune.knobs import patch

    middle = next((one for one in picked.picks if one.name == "knee"), None)
    if middle is None:
        return []
    text = patch(lab.policy, middle.trial.text, Path(lab.name).name).rstrip()
    return ["", "patch of the knee:", text or "(nothing to change)"]


def _power(one: "Pick") -> str:
    """Its power against today's in the twin, with the stated error."""
    from adaptd.lab.tune.page import power_words

    return "" if one.power is None or one.power.new == one.power.old else f"\n  power against today's {power_words(one.power)}"


def values(one: "Pick") -> dict[str, float]:
    """A pick's figures."""
    assert one.trial.figures is not None
    return one.trial.figures.values
