"""The report: one HTML page, complete in itself, with the verdict on top. It opens offline and prints."""

import json
from collections.abc import Callable
from datetime import datetime, timezone
from html import escape
from pathlib import Path

from adaptd.log.format.verdicts import Outcome, VerifyReport
from adaptd.log.verify.headline import headline, meaning, moment, rewritable_from
from adaptd.report import page_lines
from adaptd.report.drawing import LEFT, PLOT, WIDTH
from adaptd.report.page_style import SCRIPT, STYLE
from adaptd.report.page_tables import changes, intervals, proof_notes, settings, swaps
from adaptd.report.report_data import Story, tell

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_page(folder: Path, report: VerifyReport, target: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Write the report on the log in ``folder`` to ``target``; raises OSError."""
    target.write_text(page(tell(folder, progress), report), encoding="utf-8")


def page(story: Story, report: VerifyReport) -> str:
    """The whole page."""
    title = f"Audit report: {report.origin or 'unknown log'}"
    parts = [
        f"<header><h1>{escape(title)}</h1><p class='soft'>{_span(report)}</p></header>",
        _verdict(report),
        _tiles(story),
        _lines(story),
        "<h2>Where the efficient engine served, and the proof for it</h2>",
        proof_notes(story),
        intervals(report),
        "<h2>Every swap, with its reason and its outcome</h2>",
        swaps(story),
        "<h2>What else is on record</h2>",
        changes(story, report),
        "<h2>What every decision is bound to</h2>",
        settings(story, report),
        _footer(report),
    ]
    head = (
        f'<meta charset="utf-8"><title>{escape(title)}</title><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style>'
    )
    body = f"{''.join(parts)}<script>{SCRIPT}</script>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _span(report: VerifyReport) -> str:
    return f"{moment(report.first_ms)} to {moment(report.last_ms)}"


def _verdict(report: VerifyReport) -> str:
    kind = {Outcome.VALID: "good", Outcome.TORN_TAIL: "warn"}.get(report.verdict, "bad")
    bad = (
        "" if report.first_bad_seq is None else f"<p>First bad record: <b>{report.first_bad_seq}</b>. {escape(report.reason)}</p>"
    )
    if report.verdict in (Outcome.DAMAGED, Outcome.FORGED, Outcome.REPLAY_MISMATCH):
        bad += "<p>What this page shows from that record on is as it was found, and nothing vouches for it.</p>"
    name = report.verdict.value.replace("_", " ").capitalize()
    said = f"{name}: {escape(meaning(report) if report.records else 'there is nothing to check')}"
    items = "".join(f'<li class="{kind}">{escape(text)}</li>' for kind, text in _findings(report))
    return f'<section class="verdict {kind}"><strong>{said}</strong>{bad}<ul>{items}</ul>{_extent(report)}</section>'


def _findings(report: VerifyReport) -> list[tuple[str, str]]:
    """What was checked, each with its result as a style: '' for good, 'no', or 'unsure'."""
    style = {"good": "", "unsure": "unsure", "bad": "no"}
    return [(style[one.standing], f"{one.topic.capitalize()}: {one.text}") for one in headline(report)] if report.records else []


def _extent(report: VerifyReport) -> str:
    """The log from its first record to its last as one bar: witnessed, sealed by erased keys, rewritable."""
    if report.records <= 0:
        return ""
    end, free = report.first_seq + report.records, rewritable_from(report)
    witnessed = min(max((report.witnessed or 0) - report.first_seq, 0), report.records)
    sealed = max(0, min(free, end) - report.first_seq - witnessed)
    parts = {"witnessed": witnessed, "sealed": sealed, "rewritable": report.records - witnessed - sealed}
    bars = "".join(f'<span class="{name}" style="flex-grow:{count}"></span>' for name, count in parts.items() if count)
    words = ", ".join(f"{name} {count:,}" for name, count in parts.items())
    return f'<div class="extent" role="img" aria-label="{words} records">{bars}</div><p class="soft">Records: {words}.</p>'


def _tiles(story: Story) -> str:
    """The figures one asks for first."""
    tiles = [(f"{story.delivered:,}", f"frames delivered, {story.missed:,} late, {story.dropped:,} dropped")]
    tiles += _energy_tiles(story)
    reference = story.policy.reference if story.policy is not None else ""
    efficient = sum(count for name, count in story.served.items() if name != reference)
    total = sum(story.served.values())
    share = f"{100 * efficient / total:.0f} %" if total else "-"
    tiles.append((share, f"of frames on an efficient engine, {len(story.swaps)} changes asked for"))
    hot = max((bucket.temperature.high for bucket in story.buckets if bucket.temperature.count), default=None)
    if hot is not None:
        limit = ""
        if story.policy is not None:
            limit = f"; limit {story.policy.limit_mc / 1000:g}, {story.over_limit_us / 1e6:,.0f} s above it"
        tiles.append((f"{hot / 1000:.1f} degC", f"highest temperature{limit}"))
    cards = "".join(f"<div class=tile><b>{value}</b><span>{escape(text)}</span></div>" for value, text in tiles)
    return f"<section class='tiles'>{cards}</section>"


def _energy_tiles(story: Story) -> list[tuple[str, str]]:
    if not story.metered_frames or story.energy_uj <= 0 or story.baseline_uj <= 0:
        return []
    mine, base = story.energy_uj / story.metered_frames / 1000, story.baseline_uj / story.metered_frames / 1000
    saved = (1 - mine / base) * 100
    change = (f"{saved:.1f} %", "energy saved against the reference alone")
    if saved < 0:
        change = (f"{-saved:.1f} %", "more energy than the reference alone")
    return [
        (f"{mine:,.1f} mJ", f"board energy per frame; the reference alone: {base:,.1f} mJ"),
        change,
        (f"{1000 / mine:,.2f}", f"inferences per joule; the reference alone: {1000 / base:,.2f}"),
    ]


def _lines(story: Story) -> str:
    """The time lines, with the moments that the reading line needs."""
    if not story.decisions:
        return "<h2>Time lines</h2><p>No decision is on record.</p>"
    axis = page_lines.axis_of(story)
    moments = escape(json.dumps(axis.moments[:: max(1, len(axis.moments) // 256)]), quote=True)
    simulated = ""
    if story.simulated:
        names = escape(", ".join(sorted(story.simulated)))
        simulated = f"<p><b>Simulated:</b> {names}. These readings come from the software device, not from a sensor.</p>"
    data = f"data-moments='{moments}' data-end='{axis.end_us}' data-left='{LEFT}' data-plot='{PLOT}' data-width='{WIDTH}'"
    panels = "".join(page_lines.draw(story))
    figure = f"<figure id=lines {data}>{panels}<div id=now><span id=when></span></div></figure>"
    return f"<h2>Time lines</h2>{simulated}<div class=sideways>{figure}</div>"


def _footer(report: VerifyReport) -> str:
    notes = "".join(f"<p>{escape(text[0].upper() + text[1:])}.</p>" for text in report.notes)
    made = datetime.now(tz=timezone.utc)
    energy = (
        "Energy is board power times time, idle included. The line of the reference alone is computed: the same frames at the "
        "reference's qualified energy, without shadow frames. A bound on the loss holds against the reference, for this device, "
        "bundle and band; it does not say that the reference is right."
    )
    check = (
        "Check it yourself: <span class=mono>adaptd audit verify DIR --key log.pub</span>, or without adaptd: "
        "<span class=mono>python verify_audit.py DIR --key log.pub</span>. Times are UTC as the device's clock had them; "
        f"order and validity never depend on them. Page written {made:%Y-%m-%d %H:%M} UTC."
    )
    return f"<footer class='soft'>{notes}<p>{energy}</p><p>{check}</p></footer>"
