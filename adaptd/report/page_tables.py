"""The tables of the report: intervals on the efficient engine, swaps, events, and what decisions are bound to."""

from datetime import datetime, timezone
from html import escape
from typing import Any

from adaptd.brain.judge.words import why_missing
from adaptd.brain.tick import explain
from adaptd.log.format.decisions import CHAIN_FIELDS
from adaptd.log.format.verdicts import Interruption, Interval, VerifyReport
from adaptd.report.report_data import Story, StoryEvent, Swap
from adaptd.vocabulary import LIGHT, POWER, TEMPERATURE, Measured, OperatingPoint, Reading, believed

_UNITS = {TEMPERATURE: "degC", POWER: "W", LIGHT: "lx"}

_KINDS = {"#": "n", "!": "why", "@": "t", "~": "some"}  # numbers, sentences, words on one line, a few words


def _table(head: list[str], rows: list[list[str]], empty: str) -> str:
    """A table; the first character of a name may say what kind of column it heads. A cell knows its column for narrow screens."""
    if not rows:
        return f"<p class=soft>{escape(empty)}</p>"
    columns = [(_KINDS.get(name[0]), escape(name.lstrip("#!@~"))) for name in head]
    names = "".join(f"<th class={kind}>{name}</th>" if kind == "n" else f"<th>{name}</th>" for kind, name in columns)
    marks = [f"<td{f' class={kind}' if kind else ''} data-name='{name}'>" for kind, name in columns]
    body = "".join(f"<tr>{''.join(f'{mark}{cell}</td>' for mark, cell in zip(marks, row, strict=True))}</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>"


def _clock(ms: int) -> str:
    try:
        return f"{datetime.fromtimestamp(ms / 1000, tz=timezone.utc):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"


def _span(us: int) -> str:
    seconds = us // 1_000_000
    if not seconds:
        return "under 1 s"
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def proof_notes(story: Story) -> str:
    """What the proof claims, in one sentence from the policy."""
    if story.policy is None:
        return ""
    policy = story.policy
    return (
        f"<p class=soft>Policy: at most {policy.max_loss_ppm / 10_000:g} points below {escape(policy.reference)}, with a "
        f"lifetime chance of one wrong admission of at most {policy.alpha_ppm / 10_000:g} %. Samples are shadow frames run on "
        f"both engines; the numbers are the weakest of each interval.</p>"
    )


def intervals(report: VerifyReport) -> str:
    """One row an interval."""
    head = ["#from record", "#to record", "engine", "light", "#time", "#frames", "#samples", "#bound at most", "proof"]
    empty = "The reference served throughout."
    if report.replayed is None:
        empty = "Decisions were not run again, so no interval is listed."
    return _table(head, [_interval(one) for one in report.intervals], empty)


def _interval(one: Interval) -> list[str]:
    held = "<span class=yes>held</span>" if one.admitted else "<span class=no>no proof</span>"
    bound = f"{one.bound_ppm / 10_000:.2f} points" if one.admitted else "-"
    names = [escape(one.variant), escape(one.band), _span(one.to_us - one.from_us)]
    return [str(one.from_seq), str(one.to_seq), *names, f"{one.frames:,}", f"{one.samples:,}", bound, held]


def swaps(story: Story) -> str:
    """One row a change of engine or rate."""
    head = ["#record", "@time (UTC)", "@change", "light", "~sensed", "!why", "outcome"]
    return _table(head, [_swap(one) for one in story.swaps], "No change was asked for.")


def _swap(one: Swap) -> list[str]:
    why = sensed = light = "-"
    if one.decided is not None:
        why, light = escape(explain(one.decided.verdict)), escape(one.decided.verdict.band)
        seen, said = one.decided.snapshot, one.decided.verdict
        sensed = ", ".join(_reading(believed(seen, said, name), unit) for name, unit in _UNITS.items())
    late = f" in {one.latency_us / 1000:.1f} ms" if one.latency_us is not None and one.outcome == "applied" else ""
    good = "yes" if one.outcome == "applied" else "no" if one.outcome in (None, "silent", "interrupted") else "soft"
    change = f"{_point(one.old)}<span class=arrow>&rarr;</span>{_point(one.new)}"
    outcome = f"<span class={good}>{escape(one.outcome or 'none on record')}</span>{late}"
    return [str(one.seq), _clock(one.utc_ms), change, light, sensed, why, outcome]


def _point(point: OperatingPoint | None) -> str:
    if point is None:
        return "start"
    if not point.fps_mfps:
        return "nothing&nbsp;served"
    return f"{escape(point.variant)}&nbsp;{point.fps_mfps / 1000:g}&nbsp;fps"


def _reading(reading: Reading, unit: str) -> str:
    if not isinstance(reading, Measured):
        return f"no {unit} ({escape(why_missing(reading))})"
    value = reading.value / 1000
    return f"{value:,.0f}&nbsp;{unit}" if value >= 100 else f"{value:.1f}&nbsp;{unit}"


def changes(story: Story, report: VerifyReport) -> str:
    """Starts, stops, clock steps, faults, failures of the disk, prunings; then gaps and interruptions from the verifier."""
    rows = [_event(one) for one in story.events]
    rows += [_row(gap.seq, "", "<span class=no>gap</span>", gap.why) for gap in report.gaps]
    rows += [_row(one.seq, "", "interruption", _interruption(one)) for one in report.interruptions]
    return _table(["#record", "@time (UTC)", "@kind", "!what"], rows, "Nothing.")


def _row(seq: int, time: str, kind: str, text: str) -> list[str]:
    return [str(seq), time, kind, escape(text)]


def _event(one: StoryEvent) -> list[str]:
    names = sorted(one.record.keys() - CHAIN_FIELDS, key=lambda name: (name not in _FIRST, name))
    return _row(one.seq, _clock(one.utc_ms), escape(one.kind), "; ".join(_said(name, one.record[name]) for name in names))


_FIRST = frozenset({"event", "fault", "reason", "state"})


def _said(name: str, value: Any) -> str:
    """One field in words; a time in microseconds becomes one that people read."""
    if name.endswith("_us") and type(value) is int:
        text = f"{value / 1_000_000:g} s" if value >= 1_000_000 else f"{value / 1000:g} ms"
        return f"{name[:-3].replace('_', ' ')} {text}"
    if type(value) is bool:
        return f"{name.replace('_', ' ')}: {'yes' if value else 'no'}"
    return _value(value) if name in _FIRST else f"{name.replace('_', ' ')}: {_value(value)}"


def _interruption(one: Interruption) -> str:
    text = "stopped and started again" if one.clean else "ended without a stop (power loss or kill) and was started again"
    down = "" if one.down_us is None else f", down for {_span(one.down_us)}"
    torn = f"; {one.torn_bytes} torn bytes were cut off, none of them acknowledged" if one.torn_bytes else ""
    return text + down + torn


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(_said(name, item) for name, item in sorted(value.items()))
    if isinstance(value, list) and len(value) <= 16:
        return ", ".join(map(_value, value))
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def settings(story: Story, report: VerifyReport) -> str:
    """Hashes of everything a decision depends on, per configuration."""
    items = [
        ("Log", report.origin),
        ("Runs", str(report.boots)),
        ("Key epochs", str(report.epochs)),
        ("Segments", str(report.segments)),
    ]
    if report.window_us is not None:
        window = f"at most {report.window_us / 1e6:g} s of periodic records; none that changed anything"
        items.append(("Not yet acknowledged at a power loss", window))
    seen: set[str] = set()
    for config in story.configs:
        if isinstance(config.get("binding"), dict) and str(config.get("bind")) not in seen:
            seen.add(str(config.get("bind")))
            items += _binding(config, config["binding"])
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd class=mono>{escape(text)}</dd>' for name, text in items)}</dl>"


def _binding(config: dict[str, Any], binding: dict[str, Any]) -> list[tuple[str, str]]:
    items = [
        (f"Policy, from record {config['seq']}", f"{_name(config.get('policy'))} {binding.get('policy')}"),
        ("Profile", f"{_name(config.get('profile'))} {binding.get('profile')}"),
        ("Bundle", str(binding.get("bundle"))),
    ]
    items += [("Engine file", " ".join(map(str, plan))) for plan in binding.get("plans", ()) if isinstance(plan, list)]
    return [*items, ("Decision code", str(binding.get("code"))), ("Boot", str(binding.get("boot_id")))]


def _name(plain: Any) -> str:
    return str(plain.get("name")) if isinstance(plain, dict) else ""
