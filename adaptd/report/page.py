"""The report: one HTML page, complete in itself, with the verdict on top. It opens offline and prints."""

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from markupsafe import Markup

from adaptd.drawing.axes import NARROW, RIGHT
from adaptd.drawing.pages import render
from adaptd.log.format.verdicts import Outcome, VerifyReport
from adaptd.log.verify.headline import NEXT, headline, meaning, moment, rewritable_from
from adaptd.report import page_lines, page_tables
from adaptd.report.page_hours import hours_svg
from adaptd.report.page_swaps import swaps
from adaptd.report.report_data import tell
from adaptd.report.story import Story

_STYLES = {"good": "", "unsure": "unsure", "bad": "no"}  # of what was checked
_UNVOUCHED = (Outcome.DAMAGED, Outcome.FORGED, Outcome.REPLAY_MISMATCH)


def write_page(
    folder: Path,
    report: VerifyReport,
    target: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
    story: Story | None = None,
) -> None:
    """Write the report on the log in ``folder``, or on the part between two times, to ``target``; raises OSError.

    ``story``: what ``tell`` has made of that part, where it was told already.
    """
    story = story or tell(folder, progress, since_ms=since_ms, until_ms=until_ms)
    target.write_text(page(story, report, since_ms=since_ms, until_ms=until_ms), encoding="utf-8")


def page(story: Story, report: VerifyReport, *, since_ms: int | None = None, until_ms: int | None = None) -> str:
    """The whole page."""
    devices = ", ".join(dict.fromkeys(one.profile for one in story.reigns))
    return render(
        "report/report.html.j2",
        title=f"Audit report: {report.origin or 'unknown log'}",
        span=f"{moment(report.first_ms)} to {moment(report.last_ms)}{', on ' if devices else ''}{devices}",
        part=_part(since_ms, until_ms),
        **_verdict(report),
        tiles=_tiles(story),
        **_lines(story),
        hours=Markup(hours_svg(story) + hours_svg(story, NARROW)),  # noqa: S704 - elements of adaptd.drawing
        policies=page_tables.policies(story),
        proof=page_tables.proof_notes(story),
        account=page_tables.account(story.statements),
        intervals=page_tables.intervals(report),
        swaps=swaps(story),
        changes=page_tables.changes(story, report),
        settings=page_tables.settings(story, report),
        notes=[f"{text[0].upper()}{text[1:]}." for text in report.notes],
        made=f"{datetime.now(tz=timezone.utc):%Y-%m-%d %H:%M}",
    )


def _part(since_ms: int | None, until_ms: int | None) -> str:
    """What is said where the page tells a part of the log only."""
    if since_ms is None and until_ms is None:
        return ""
    first = "the beginning" if since_ms is None else moment(since_ms)
    last = "the end" if until_ms is None else moment(until_ms)
    return f"Figures, charts, policies, swaps and events: {first} to {last} only. Verdict and proof intervals: the whole log."


def _verdict(report: VerifyReport) -> dict[str, Any]:
    """The verdict, what was checked for it, and the bar of records."""
    end, free = report.first_seq + max(0, report.records), rewritable_from(report) if report.records > 0 else 0
    witnessed = min(max((report.witnessed or 0) - report.first_seq, 0), report.records)
    sealed = max(0, min(free, end) - report.first_seq - witnessed)
    extent = {"witnessed": witnessed, "sealed": sealed, "rewritable": report.records - witnessed - sealed}
    name, said = report.verdict.value.replace("_", " ").capitalize(), headline(report) if report.records else []
    return {
        "kind": {Outcome.VALID: "good", Outcome.TORN_TAIL: "warn"}.get(report.verdict, "bad"),
        "verdict": f"{name}: {meaning(report) if report.records else 'there is nothing to check'}",
        "first_bad": report.first_bad_seq,
        "reason": report.reason,
        "next": NEXT.get(report.verdict, ""),
        "unvouched": report.first_bad_seq is not None and report.verdict in _UNVOUCHED,
        "findings": [(_STYLES[one.standing], f"{one.topic.capitalize()}: {one.text}") for one in said],
        "extent": extent if report.records > 0 else {},
        "extent_words": ", ".join(f"{name} {count:,}" for name, count in extent.items()),
    }


def _tiles(story: Story) -> list[tuple[str, str]]:
    """The figures one asks for first; what rests on simulated readings says so."""
    tiles = [(f"{story.delivered:,}", f"frames delivered, {story.missed:,} late, {story.dropped:,} dropped")]
    tiles += _energy_tiles(story)
    reference = story.policy.reference if story.policy is not None else ""
    efficient = sum(count for name, count in story.served.items() if name != reference)
    total = sum(story.served.values())
    share = f"{100 * efficient / total:.0f} %" if total else "-"
    tiles.append((share, f"of frames on an efficient engine, {len(story.swaps)} changes asked for"))
    hot = max((bucket.temperature.high for bucket in story.buckets if bucket.temperature.count), default=None)
    if hot is not None:
        limits = sorted({one.policy.limit_mc for one in story.reigns})
        limit = f"; limit {' and '.join(f'{one / 1000:g}' for one in limits)}, read above it for {_seconds(story.over_limit_us)}"
        tiles.append((f"{hot / 1000:.1f} degC", f"highest temperature{limit if limits else ''}{_marked(story, 'temperature')}"))
    if any(bucket.budget.count for bucket in story.buckets):
        tiles.append((_seconds(story.over_budget_us), f"over the power budget in force{_marked(story, 'power')}"))
    tiles.append((_seconds(story.paused_us), "paused: nothing was served"))
    return tiles


def _seconds(us: int) -> str:
    return f"{us / 1e6:,.0f} s"


def _marked(story: Story, quantity: str) -> str:
    return " (simulated)" if quantity in story.simulated else ""


def _energy_tiles(story: Story) -> list[tuple[str, str]]:
    if not story.metered_frames or story.energy_uj <= 0 or story.baseline_uj <= 0:
        return []
    mine, base = story.energy_uj / story.metered_frames / 1000, story.baseline_uj / story.metered_frames / 1000
    saved = (1 - mine / base) * 100
    change = "energy saved against the reference alone" if saved >= 0 else "more energy than the reference alone"
    note = _marked(story, "power")
    return [
        (f"{mine:,.1f} mJ", f"board energy per frame; the reference alone: {base:,.1f} mJ{note}"),
        (f"{abs(saved):.1f} %", change + note),
        (f"{1000 / mine:,.2f}", f"inferences per joule; the reference alone: {1000 / base:,.2f}{note}"),
    ]


def _lines(story: Story) -> dict[str, Any]:
    """The time lines, each for a desk and for a telephone (the style sheet shows one), with what the reading line needs."""
    axis = page_lines.axis_of(story)
    panels = [wide + narrow for wide, narrow in zip(page_lines.draw(story), page_lines.draw(story, NARROW), strict=True)]
    return {
        "panels": Markup("".join(panels)) if story.decisions else "",  # noqa: S704 - elements of adaptd.drawing
        "moments": json.dumps(axis.moments[:: max(1, len(axis.moments) // 256)]),
        "end_us": axis.end_us,
        "left": axis.left,
        "plot": axis.width - axis.left - RIGHT,
        "width": axis.width,
        "simulated": ", ".join(sorted(story.simulated)),
    }
