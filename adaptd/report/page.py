"""The report: one HTML page, complete in itself, with the verdict on top. It opens offline and prints."""

import json
from collections.abc import Callable
from datetime import datetime, timezone
from html import escape
from pathlib import Path

from adaptd.log.format.verdicts import Outcome, VerifyReport
from adaptd.report import page_lines
from adaptd.report.drawing import LEFT, PLOT, WIDTH
from adaptd.report.page_style import SCRIPT, STYLE
from adaptd.report.page_tables import changes, intervals, proof_notes, settings, swaps
from adaptd.report.report_data import Story, tell

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
HEADLINES = {
    Outcome.VALID: "Valid: complete, unchanged, and every decision follows",
    Outcome.TORN_TAIL: "Torn tail: sound up to the last acknowledgement, nothing is proven after it",
    Outcome.EVIDENCE_INSUFFICIENT: "Evidence insufficient: an efficient engine served without proof",
    Outcome.GAP: "Gap: time is unaccounted for",
    Outcome.REPLAY_MISMATCH: "Replay mismatch: a decision does not follow from what was sensed",
    Outcome.FORGED: "Forged: the records are not the ones that were signed",
    Outcome.DAMAGED: "Damaged: records are missing or changed",
}


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
    return f"{when(report.first_ms)} to {when(report.last_ms)}"


def when(ms: int | None) -> str:
    """A moment for people, or 'unknown'."""
    try:
        return "unknown" if ms is None else f"{datetime.fromtimestamp(ms / 1000, tz=timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"


def _verdict(report: VerifyReport) -> str:
    kind = {Outcome.VALID: "good", Outcome.TORN_TAIL: "warn"}.get(report.verdict, "bad")
    bad = (
        "" if report.first_bad_seq is None else f"<p>First bad record: <b>{report.first_bad_seq}</b>. {escape(report.reason)}</p>"
    )
    if report.verdict in (Outcome.DAMAGED, Outcome.FORGED, Outcome.REPLAY_MISMATCH):
        bad += "<p>What this page shows from that record on is as it was found, and nothing vouches for it.</p>"
    items = "".join(f'<li class="{kind}">{escape(text)}</li>' for kind, text in _findings(report))
    return f'<section class="verdict {kind}"><strong>{HEADLINES[report.verdict]}</strong>{bad}<ul>{items}</ul></section>'


def _findings(report: VerifyReport) -> list[tuple[str, str]]:
    """What was checked, each with its result: '' for good, 'no', or 'unsure'."""
    last = report.first_seq + report.records - 1
    whole = report.verdict not in (Outcome.DAMAGED, Outcome.FORGED)
    found = [("" if whole else "no", f"Records {report.first_seq:,} to {last:,} re-encoded and compared byte by byte")]
    if report.replayed is None:
        found.append(("unsure", "Decisions were not run again"))
    else:
        same = report.replayed == report.decisions and report.verdict is not Outcome.REPLAY_MISMATCH
        found.append(
            ("" if same else "no", f"{report.replayed:,} of {report.decisions:,} decisions run again with the same bits")
        )
    weak = sum(not one.admitted for one in report.intervals)
    proof = f"Accuracy proof held in {len(report.intervals) - weak} of {len(report.intervals)} intervals on the efficient engine"
    found.append(("unsure" if report.replayed is None else "no" if weak else "", proof))
    found.append(
        ("no" if report.gaps else "", "No unexplained silence" if not report.gaps else f"{len(report.gaps)} gaps in time")
    )
    if report.witnessed is not None:
        by = ", ".join(report.witnesses) or "a checkpoint kept elsewhere"
        found.append(("", f"Witnessed up to record {report.witnessed - 1:,} by {by}"))
    signed = f"{report.self_signed:,} records signed by the device {'only' if report.witnessed is not None else 'alone'}"
    found.append(("unsure" if report.witnessed is None else "", signed))
    if report.unsigned:
        found.append(("no", f"{report.unsigned:,} records behind the last signature"))
    key = (
        "No key from outside was given: the log vouches for itself"
        if report.own_key
        else "Signatures checked under the key that was given"
    )
    found.append(("unsure" if report.own_key else "", key))
    if report.code_matches is False:
        found.append(("unsure", "The decision code is not the one that made the log"))
    return found


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
