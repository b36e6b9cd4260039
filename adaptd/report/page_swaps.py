"""The table of changes of engine and rate: each with its reason and outcome, small steps of the rate in one row."""

from adaptd.base.clock import wall_words
from adaptd.brain.decide.words import explain, rate
from adaptd.brain.judge.words import why_missing
from adaptd.report.page_tables import Table, clock, styled, table
from adaptd.report.story import Story, Swap
from adaptd.vocabulary import LIGHT, POWER, TEMPERATURE, Measured, OperatingPoint, Reading, believed

UNITS = {TEMPERATURE: "degC", POWER: "W", LIGHT: "lx"}
FELT = 10  # a step of the frame rate by more than a tenth of it has a row of its own


def swaps(story: Story) -> Table:
    """One row a change of engine, a change of rate by more than a tenth, or a run of smaller steps of the rate."""
    head = ["#record", "@time", "@change", "light", "~sensed", "!why", "outcome"]
    return table(head, [_row(run) for run in runs(story.swaps)], "No change was asked for.")


def runs(changes: list[Swap]) -> list[list[Swap]]:
    """The changes in order; steps of the rate that follow one another, each by a tenth or less and each applied, are one run."""
    found: list[list[Swap]] = []
    for one in changes:
        if found and _small(one) and _small(found[-1][-1]):
            found[-1].append(one)
        else:
            found.append([one])
    return found


def _small(one: Swap) -> bool:
    old, new = one.old, one.new
    if old is None or old.variant != new.variant or one.outcome not in ("applied", "overtaken"):
        return False
    return bool(new.fps_mfps) and FELT * abs(new.fps_mfps - old.fps_mfps) <= old.fps_mfps


def _row(run: list[Swap]) -> list[str]:
    """One change, or a run of small ones: its first and last record, where it led, why it began."""
    first, last = run[0], run[-1]
    why = sensed = light = "-"
    if first.decided is not None:
        seen, said, record = first.decided.snapshot, first.decided.verdict, first.decided.record
        why, light = explain(said, wall_words(record["mono_us"], record["utc_ms"])), said.band
        sensed = ", ".join(_reading(believed(seen, said, name), unit) for name, unit in UNITS.items())
    change = f"{_point(first.old)} \u2192 {_point(last.new)}"
    if len(run) == 1:
        return [str(first.seq), clock(first.utc_ms), change, light, sensed, why, _outcome(first)]
    minutes = max(1, round((last.at_us - first.at_us) / 60_000_000))
    change += f" in {len(run)} small steps, {minutes} min"
    overtaken = sum(one.outcome == "overtaken" for one in run)
    came = "all applied" if not overtaken else f"{len(run) - overtaken} applied, {overtaken} overtaken"
    seq, why = f"{first.seq}\u2013{last.seq}", f"First step: {why}{_turns(run)}"
    return [seq, clock(first.utc_ms), change, light, sensed, why, styled("yes", came)]


def _turns(run: list[Swap]) -> str:
    """The lowest and the highest rate on the way, where they lie beyond both ends."""
    rates = [one.new.fps_mfps for one in run]
    ends = (run[0].old.fps_mfps if run[0].old is not None else rates[0], rates[-1])
    turns = (("lowest", min(rates)), ("highest", max(rates)))
    said = [f"{word} {rate(at)} fps" for word, at in turns if not min(ends) <= at <= max(ends)]
    return f" On the way: {', '.join(said)}." if said else ""


def _outcome(one: Swap) -> str:
    late = f" in {one.latency_us / 1000:.1f} ms" if one.latency_us is not None and one.outcome == "applied" else ""
    good = "yes" if one.outcome == "applied" else "no" if one.outcome in (None, "silent", "interrupted") else "soft"
    return styled(good, one.outcome or "none on record") + late


def _point(point: OperatingPoint | None) -> str:
    if point is None:
        return "start"
    if not point.fps_mfps:
        return "nothing\u00a0served"
    return f"{point.variant}\u00a0{rate(point.fps_mfps)}\u00a0fps"


def _reading(reading: Reading, unit: str) -> str:
    if not isinstance(reading, Measured):
        return f"no {unit} ({why_missing(reading)})"
    value = reading.value / 1000
    return f"{value:,.0f}\u00a0{unit}" if value >= 100 else f"{value:.1f}\u00a0{unit}"
