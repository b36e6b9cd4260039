"""The time lines of the report: temperature, power, light, engine and rate, energy, accuracy bounds, one above the other."""

from collections.abc import Callable

from adaptd.report.drawing import LEFT, RIGHT, WIDTH, Axis, Panel, Scale, linear
from adaptd.report.report_data import Bucket, Story, ValueRange

VARIANT_COLOURS = ("c0", "c1", "c2", "c3")
BAND_COLOURS = ("b0", "b1", "b2", "b3", "b4")
TOP = 24
SPANNED_US = 3_000_000
BASE = ("the reference alone", "base")


def axis_of(story: Story) -> Axis:
    """The common time axis."""
    known = [(at * story.width_us, bucket.utc_ms) for at, bucket in enumerate(story.buckets) if bucket.utc_ms is not None]
    return Axis(max(1, story.end_us), tuple(known))


def variant_colours(story: Story) -> dict[str, str]:
    """A colour for every variant, the reference first."""
    names = [fact.name for fact in story.facts]
    if story.policy is not None and story.policy.reference in names:
        names.remove(story.policy.reference)
        names.insert(0, story.policy.reference)
    names += [one.variant for one in story.stretches if one.variant and one.variant not in names]
    return {name: VARIANT_COLOURS[at % len(VARIANT_COLOURS)] for at, name in enumerate(dict.fromkeys(names))}


def draw(story: Story) -> list[str]:
    """Every panel as SVG, top to bottom."""
    axis = axis_of(story)
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


def _xs(story: Story, axis: Axis) -> list[float]:
    return [min(WIDTH - RIGHT, axis.x((at + 0.5) * story.width_us)) for at in _kept(story)]


def _spread(story: Story, panel: Panel, axis: Axis, pick: Callable[[Bucket], ValueRange], colour: str) -> None:
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


def _temperature(story: Story, axis: Axis) -> str:
    policy = story.policy
    held = _held(story, lambda bucket: bucket.temperature)
    limit = policy.limit_mc / 1000 if policy is not None and held and max(held) > policy.limit_mc / 1000 - 25 else None
    panel = Panel(axis, linear(held, [] if limit is None else [limit], TOP, 150), "Temperature", "degC")
    _spread(story, panel, axis, lambda bucket: bucket.temperature, "hot")
    if limit is not None:
        panel.mark(limit, f"limit {limit:g}")
    return panel.svg("Temperature over time")


def _power(story: Story, axis: Axis) -> str:
    """The budget is a mark across the panel where it held all the time, a stepped line where it was given from outside."""
    held, budgets = _held(story, lambda bucket: bucket.power), _held(story, lambda bucket: bucket.budget)
    panel = Panel(axis, linear(held, budgets, TOP, 130, zero=True), "Power", "W, whole board")
    _spread(story, panel, axis, lambda bucket: bucket.power, "watt")
    if budgets and min(budgets) == max(budgets):
        panel.mark(budgets[0], f"budget {budgets[0]:g}")
    elif budgets:
        lows = [bucket.budget.low / 1000 if bucket.budget.count else None for bucket in _buckets(story)]
        panel.line(_xs(story, axis), lows, "over", stepped=True, dashed=True)
        panel.key([("power", "watt"), (f"budget, {min(budgets):g} to {max(budgets):g}", "over")])
    return panel.svg("Power over time")


def _light(story: Story, axis: Axis) -> str:
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


def _engine(story: Story, axis: Axis) -> str:
    """Frame rate as a line, the engine in service as a ribbon under it."""
    held = _held(story, lambda bucket: bucket.rate)
    target = story.policy.target_mfps / 1000 if story.policy is not None else None
    scale = linear(held, [] if target is None else [target], TOP + 8, 96, zero=True)
    panel = Panel(axis, scale, "Engine and frame rate", "frames a second", times_y=121)
    colours = variant_colours(story)
    for one in story.stretches:
        name = one.variant or "nothing served"
        panel.ribbon(axis.x(one.from_us), axis.x(one.to_us), 108, colours.get(one.variant, "idle"), name)
    panel.raw(f'<text class="tick" x="{LEFT - 8}" y="118" text-anchor="end">engine</text>')
    rates = [None if bucket.rate.mean is None else bucket.rate.mean / 1000 for bucket in _buckets(story)]
    panel.line(_xs(story, axis), rates, "rate", stepped=True)
    if target is not None:
        panel.mark(target, f"target {target:g}", bad=False)
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


def _energy(story: Story, axis: Axis) -> str:
    used, base = _smoothed(story, lambda bucket: bucket.energy_uj), _smoothed(story, lambda bucket: bucket.baseline_uj)
    held = sorted(value for value in (*used, *base) if value is not None)
    if not held:
        return ""
    scale = linear(held[: max(1, int(len(held) * 0.995))], [], TOP, 120)
    return _against(story, axis, Panel(axis, scale, "Energy per frame", "mJ, whole board, idle included"), used, base)


def _per_joule(story: Story, axis: Axis) -> str:
    used = [_inverse(value) for value in _smoothed(story, lambda bucket: bucket.energy_uj)]
    base = [_inverse(value) for value in _smoothed(story, lambda bucket: bucket.baseline_uj)]
    held = [value for value in (*used, *base) if value is not None]
    if not held:
        return ""
    return _against(story, axis, Panel(axis, linear(held, [], TOP, 110), "Inferences per joule", "whole board"), used, base)


def _inverse(millijoule: float | None) -> float | None:
    return 1000 / millijoule if millijoule is not None and millijoule > 0 else None


def _against(story: Story, axis: Axis, panel: Panel, used: list[float | None], base: list[float | None]) -> str:
    """This log as a line, the reference alone as a dashed one."""
    xs = _xs(story, axis)
    panel.line(xs, base, "base", dashed=True)
    panel.line(xs, used, "c4")
    panel.key([("this log", "c4"), BASE])
    return panel.svg("Over time, against the reference alone")


def _bounds(story: Story, axis: Axis) -> str:
    """The upper bound on the loss per band; solid where it is admitted."""
    keys = list(dict.fromkeys(key for bucket in story.buckets for key in bucket.bounds))
    if not keys:
        return ""
    most = story.policy.max_loss_ppm / 10_000 if story.policy is not None else 1.0
    scale = Scale(0.01, 100.0, TOP, 140, decades=True)
    panel = Panel(axis, scale, "Bound on the accuracy loss", "points; dashed: not admitted")
    xs = _xs(story, axis)
    for at, key in enumerate(keys):
        values = _carried([bucket.bounds.get(key) for bucket in _buckets(story)])
        shown = [None if value is None else max(0.01, value[0] / 10_000) for value in values]
        admitted = [point if value is not None and value[1] else None for value, point in zip(values, shown, strict=True)]
        colour = BAND_COLOURS[at % len(BAND_COLOURS)]
        panel.line(xs, shown, colour, stepped=True, dashed=True)
        panel.line(xs, admitted, colour, stepped=True)
    panel.mark(most, f"policy: at most {most:g}")
    panel.key([(f"{key[1]}, {key[0]}", BAND_COLOURS[at % len(BAND_COLOURS)]) for at, key in enumerate(keys)])
    return panel.svg("Upper bound on the accuracy loss over time, per light band")


def _carried(values: list[tuple[int, bool] | None]) -> list[tuple[int, bool] | None]:
    """Each value, or the last one before it."""
    last = None
    found = []
    for value in values:
        last = value if value is not None else last
        found.append(last)
    return found
