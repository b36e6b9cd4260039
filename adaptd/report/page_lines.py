"""The time lines of the report: temperature, power, light, engine and rate, energy, accuracy bounds, one above the other."""

from collections.abc import Callable

from adaptd.config.policy import Policy
from adaptd.drawing.axes import RIGHT, WIDE, Scale, TimeAxis, linear, robust
from adaptd.drawing.panel import Panel
from adaptd.drawing.svg import text
from adaptd.report.story import Bucket, Story, ValueRange

VARIANT_COLOURS = ("c0", "c1", "c2", "c3")
BAND_COLOURS = ("b0", "b1", "b2", "b3", "b4")
TOP = 24
SPANNED_US = 3_000_000
BASE = ("the reference alone", "base")


def axis_of(story: Story, width: int = WIDE) -> TimeAxis:
    """The common time axis."""
    known = [(at * story.width_us, bucket.utc_ms) for at, bucket in enumerate(story.buckets) if bucket.utc_ms is not None]
    return TimeAxis(max(1, story.end_us), tuple(known), width)


def variant_colours(story: Story) -> dict[str, str]:
    """A colour for every variant, the reference first."""
    names = [fact.name for fact in story.facts]
    if story.policy is not None and story.policy.reference in names:
        names.remove(story.policy.reference)
        names.insert(0, story.policy.reference)
    names += [one.variant for one in story.stretches if one.variant and one.variant not in names]
    return {name: VARIANT_COLOURS[at % len(VARIANT_COLOURS)] for at, name in enumerate(dict.fromkeys(names))}


def draw(story: Story, width: int = WIDE) -> list[str]:
    """Every panel as SVG, top to bottom."""
    axis = axis_of(story, width)
    panels = [_temperature(story, axis), _power(story, axis), _light(story, axis), _engine(story, axis)]
    panels += [_energy(story, axis), _per_joule(story, axis), _bounds(story, axis)]
    return [panel for panel in panels if panel]


def _kept(story: Story) -> list[int]:
    """The buckets to draw: a line spans a few seconds without a decision, as late ticks leave them; a longer time is a hole."""
    kept: list[int] = []
    empty: list[int] = []
    for at, bucket in enumerate(story.buckets):
        if not bucket.rate.count:
            empty.append(at)
            continue
        kept += empty if len(empty) * story.width_us > SPANNED_US else []
        kept.append(at)
        empty = []
    return kept + empty


def _buckets(story: Story) -> list[Bucket]:
    return [story.buckets[at] for at in _kept(story)]


def _xs(story: Story, axis: TimeAxis) -> list[float]:
    return [min(axis.width - RIGHT, axis.x((at + 0.5) * story.width_us)) for at in _kept(story)]


Pieces = list[tuple[float, float, float]]


def _in_force(story: Story, axis: TimeAxis, pick: Callable[[Policy], int | None], unit: float = 1000) -> Pieces:
    """A number of the policy over time, as it was then: (from x, to x, value)."""
    ends = [*(one.at_us for one in story.reigns[1:]), story.end_us]
    return [
        (axis.x(one.at_us), axis.x(end), value / unit)
        for one, end in zip(story.reigns, ends, strict=False)
        if (value := pick(one.policy)) is not None
    ]


def _runs(story: Story, panel: Panel, axis: TimeAxis) -> None:
    """Where the daemon was started again."""
    for at_us in story.starts_us[:200]:
        if at_us:
            panel.upright(axis.x(at_us), "started again")


def _spread(story: Story, panel: Panel, axis: TimeAxis, pick: Callable[[Bucket], ValueRange], colour: str) -> None:
    """Mean as a line, lowest to highest as an area behind it; thousandths become units."""
    xs = _xs(story, axis)
    ranges = [pick(bucket) for bucket in _buckets(story)]
    lows = [one.low / 1000 if one.count else None for one in ranges]
    highs = [one.high / 1000 if one.count else None for one in ranges]
    panel.area(xs, lows, highs, colour)
    panel.line(xs, [None if one.mean is None else one.mean / 1000 for one in ranges], colour)


def _held(story: Story, pick: Callable[[Bucket], ValueRange]) -> list[float]:
    ranges = [pick(bucket) for bucket in story.buckets]
    return [value / 1000 for one in ranges if one.count for value in (one.low, one.high)]


def _temperature(story: Story, axis: TimeAxis) -> str:
    held = _held(story, lambda bucket: bucket.temperature)
    limits = _in_force(story, axis, lambda policy: policy.limit_mc)
    near = [value for _, _, value in limits if held and max(held) > value - 25]
    panel = Panel(axis, linear(held, near, TOP, 150), "Temperature", "degC")
    _spread(story, panel, axis, lambda bucket: bucket.temperature, "hot")
    _runs(story, panel, axis)
    if near:
        panel.stepped_mark(limits, "limit")
    return panel.svg("Temperature over time")


def _power(story: Story, axis: TimeAxis) -> str:
    """The budget is a mark across the panel where it held all the time, a stepped line where it was given from outside."""
    held, budgets = _held(story, lambda bucket: bucket.power), _held(story, lambda bucket: bucket.budget)
    panel = Panel(axis, linear(held, budgets, TOP, 130, zero=True), "Power", "W, whole board")
    _spread(story, panel, axis, lambda bucket: bucket.power, "watt")
    _runs(story, panel, axis)
    if budgets and min(budgets) == max(budgets):
        panel.mark(budgets[0], f"budget {budgets[0]:g}")
    elif budgets:
        lows = [bucket.budget.low / 1000 if bucket.budget.count else None for bucket in _buckets(story)]
        panel.line(_xs(story, axis), lows, "over", stepped=True, dashed=True)
        panel.key([("power", "watt"), (f"budget, {min(budgets):g} to {max(budgets):g}", "over")])
    return panel.svg("Power over time")


def _light(story: Story, axis: TimeAxis) -> str:
    held = [value for value in _held(story, lambda bucket: bucket.light) if value > 0]
    low, high = 0.1, 10.0
    while held and low > min(held) and low > 0.002:
        low /= 10
    while held and high < max(held):
        high *= 10
    scale = Scale(max(low, high / 1e6), high, TOP, 120, decades=True)
    panel = Panel(axis, scale, "Light", "lx", write=lambda value: f"{value:,.12g}")
    _spread(story, panel, axis, lambda bucket: bucket.light, "lux")
    for one in story.policy.bands if story.policy is not None else ():
        if one.up_at_mlx is not None and scale.low < one.up_at_mlx / 1000 < high:
            panel.mark(one.up_at_mlx / 1000, f"{one.name} up to {one.up_at_mlx / 1000:g}", bad=False)
    return panel.svg("Light over time")


def _engine(story: Story, axis: TimeAxis) -> str:
    """Frame rate as a line, the engine in service as a ribbon under it."""
    held = _held(story, lambda bucket: bucket.rate)
    targets = _in_force(story, axis, lambda policy: policy.target_mfps)
    scale = linear(held, [value for _, _, value in targets], TOP + 8, 96, zero=True)
    panel = Panel(axis, scale, "Engine and frame rate", "frames a second", times_y=121)
    colours = variant_colours(story)
    for one in story.stretches:
        name = one.variant or "nothing served"
        panel.ribbon(axis.x(one.from_us), axis.x(one.to_us), 108, colours.get(one.variant, "idle"), name)
    panel.raw(text(axis.left - 8, 118, "engine", cls="tick", anchor="end"))
    rates = [None if bucket.rate.mean is None else bucket.rate.mean / 1000 for bucket in _buckets(story)]
    panel.line(_xs(story, axis), rates, "rate", stepped=True)
    _runs(story, panel, axis)
    if targets:
        panel.stepped_mark(targets, "target", bad=False)
    idle = [("nothing served", "idle")] if any(not one.variant for one in story.stretches) else []
    panel.key([*colours.items(), *idle])
    return panel.svg("Engine and frame rate over time")


def _smoothed(story: Story, pick: Callable[[Bucket], float]) -> list[float | None]:
    """Energy per frame in mJ over three buckets, None where no frame was delivered."""
    values: list[float | None] = []
    for at in _kept(story):
        near = story.buckets[max(0, at - 1) : at + 2]
        frames = sum(bucket.frames for bucket in near)
        values.append(sum(pick(bucket) for bucket in near) / frames / 1000 if frames else None)
    return values


def _energy(story: Story, axis: TimeAxis) -> str:
    used, base = _smoothed(story, lambda bucket: bucket.energy_uj), _smoothed(story, lambda bucket: bucket.baseline_uj)
    return _against(story, axis, ("Energy per frame", "mJ, whole board, idle included"), 120, used, base)


def _per_joule(story: Story, axis: TimeAxis) -> str:
    used, base = _smoothed(story, lambda bucket: bucket.energy_uj), _smoothed(story, lambda bucket: bucket.baseline_uj)
    title = ("Inferences per joule", "whole board")
    return _against(story, axis, title, 110, [_inverse(one) for one in used], [_inverse(one) for one in base])


def _inverse(millijoule: float | None) -> float | None:
    return 1000 / millijoule if millijoule is not None and millijoule > 0 else None


def _against(
    story: Story, axis: TimeAxis, title: tuple[str, str], bottom: float, used: list[float | None], base: list[float | None]
) -> str:
    """This log as a line, the reference alone as a dashed one; nothing where neither is known."""
    held = [value for value in (*used, *base) if value is not None]
    if not held:
        return ""
    panel, xs = Panel(axis, robust(held, [], TOP, bottom), *title), _xs(story, axis)
    panel.line(xs, base, "base", dashed=True)
    panel.line(xs, used, "c4")
    panel.key([("this log", "c4"), BASE])
    _runs(story, panel, axis)
    return panel.svg("Over time, against the reference alone")


def _bounds(story: Story, axis: TimeAxis) -> str:
    """The upper bound on the loss per band; solid where it is admitted."""
    keys = list(dict.fromkeys(key for bucket in story.buckets for key in bucket.bounds))
    if not keys:
        return ""
    goals = _in_force(story, axis, lambda policy: policy.max_loss_ppm, 10_000)
    scale = Scale(0.0, 2.5 * max([value for _, _, value in goals], default=1.0), TOP, 140)
    panel = Panel(axis, scale, "Bound on the accuracy loss", "points; dashed: not admitted; upper edge: more")
    xs = _xs(story, axis)
    for at, key in enumerate(keys):
        values = _carried([bucket.bounds.get(key) for bucket in _buckets(story)])
        shown = [None if value is None else value[0] / 10_000 for value in values]
        admitted = [point if value is not None and value[1] else None for value, point in zip(values, shown, strict=True)]
        colour = BAND_COLOURS[at % len(BAND_COLOURS)]
        panel.line(xs, shown, colour, stepped=True, dashed=True)
        panel.line(xs, admitted, colour, stepped=True)
    if goals:
        panel.stepped_mark(goals, "policy: at most")
    panel.key([(f"{key[1]}, {key[0]}", BAND_COLOURS[at % len(BAND_COLOURS)]) for at, key in enumerate(keys)])
    return panel.svg("Upper bound on the accuracy loss over time, per light band")


def _carried(values: list[tuple[int, bool] | None]) -> list[tuple[int, bool] | None]:
    """Each value, or the last one before it."""
    found: list[tuple[int, bool] | None] = []
    for value in values:
        found.append(value if value is not None or not found else found[-1])
    return found
