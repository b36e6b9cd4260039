"""One HTML page, complete in itself: no script, no font, no picture from elsewhere; light and dark."""

from collections.abc import Sequence
from html import escape
from typing import Any

from adaptd.bundle_build.qualify.curve import curve_svg
from adaptd.bundle_build.qualify.report import (
    ENERGY_HEAD,
    ROW_HEAD,
    SHOWN_LAST,
    ReportRow,
    energy_kind,
    energy_rows,
    precision_note,
    proof,
    rows_of,
    variants_of,
    verdicts,
)
from adaptd.bundle_build.qualify.saving import saving_svg

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--line:#d8dee4;--paper:#fff;--card:#f6f8fa;--good:#116b34;
--bad:#9a4b00;
--c0:#2457a8;--c1:#c2410c;--c2:#4d7c0f;--c3:#7e22ce}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa6b2;--line:#313942;--paper:#0f1317;--card:#171c22;
--good:#5fd38d;
--bad:#f0a55a;--c0:#7fb0ff;--c1:#ff9b62;--c2:#b4d95c;--c3:#d3a4ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1080px;padding:28px 22px 60px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:26px;margin:0 0 2px}h2{font-size:17px;margin:34px 0 8px}p{margin:6px 0}.soft{color:var(--soft)}
ul.verdicts{list-style:none;margin:18px 0;padding:0}
ul.verdicts li{background:var(--card);border-left:4px solid var(--c0);padding:9px 14px;margin:8px 0;border-radius:4px}
ul.verdicts li.warn{border-left-color:var(--bad)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:5px 12px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;color:var(--soft);font-size:13px}
th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}
tr.new td{border-top:2px solid var(--line)}tr.faint td{color:var(--soft)}td.good{color:var(--good);font-weight:600}
td.bad{color:var(--bad)}
svg{width:100%;height:auto;display:block}
svg text{fill:var(--ink);font-size:12px}svg .head{font-size:15px;font-weight:600}svg .tick,svg .axis{fill:var(--soft)}
svg .grid{stroke:var(--line)}svg .way{fill:none;stroke:currentColor;
stroke-width:1.5;opacity:.55}
svg .whisker{stroke:currentColor;stroke-width:1.5;opacity:.7}svg circle,svg rect,svg path{fill:currentColor;
stroke:var(--paper)}
svg .needed{stroke:var(--ink);stroke-width:2;stroke-dasharray:5 3}svg .axis-line{stroke:var(--soft)}svg .useless{opacity:.45}
.v0{color:var(--c0)}.v1{color:var(--c1)}.v2{color:var(--c2)}.v3{color:var(--c3)}
.key span{margin-right:22px;white-space:nowrap}.key i{display:inline-block;width:11px;height:11px;margin-right:6px;
background:currentColor}
.key .v0 i{border-radius:50%}.key b{color:var(--ink);font-weight:500}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:6px 0}dt{color:var(--soft)}dd{margin:0;
overflow-wrap:anywhere}
"""


def page(record: dict[str, Any], made: dict[str, Any] | None = None) -> str:
    """The report of one qualification. ``made`` is the bundle's build note, for the part on calibration."""
    title = f"{escape(record['model'])}: qualification on {escape(record['backend'])}"
    parts = [
        f"<h1>{title}</h1><p class='soft'>{escape(record['device'])}</p>",
        _verdicts(record),
        "<h2>What accuracy costs</h2>",
        f"<p class='soft'>{escape(_caption(record))}</p>{_key(record)}<div class='scroll'>{curve_svg(record)}</div>",
        _savings(record),
        "<h2>By light band</h2>",
        _table(ROW_HEAD, [_cells(row, previous) for previous, row in _pairs(rows_of(record))]),
        f"<h2>Energy and memory, {energy_kind(record)}</h2>",
        _table(ENERGY_HEAD, [("", [(cell, "") for cell in cells]) for cells in energy_rows(record)]),
        "<h2>How it was measured</h2>",
        _facts(_how(record)),
    ]
    if made is not None:
        parts += ["<h2>How it was built</h2>", _facts(_built(made))]
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _caption(record: dict[str, Any]) -> str:
    rates = ", ".join(f"{mfps / 1000:g}" for mfps in record["policy"]["levels_mfps"])
    sure = 100 - record["policy"]["alpha_ppm"] / 1e4
    return (
        f"One point per variant and frame rate ({rates} fps). Left is cheaper, up is better, each band has its own scale; a "
        f"whisker reaches down to the least score that this evidence proves at {sure:g} %. Energies are {energy_kind(record)}."
    )


def _verdicts(record: dict[str, Any]) -> str:
    items = [("", sentence) for sentence in verdicts(record)]
    note = precision_note(record)
    items += [("", note)] if note else []
    items += [("warn", warning) for warning in record["warnings"]]
    return "<ul class='verdicts'>" + "".join(f"<li class='{kind}'>{escape(words)}</li>" for kind, words in items) + "</ul>"


def _key(record: dict[str, Any]) -> str:
    names = [name for name in variants_of(record) if name != SHOWN_LAST]
    return (
        "<p class='key'>"
        + "".join(f"<span class='v{number % 4}'><i></i><b>{escape(name)}</b></span>" for number, name in enumerate(names))
        + "</p>"
    )


def _savings(record: dict[str, Any]) -> str:
    """One chart per efficient variant; a bar below its dash is a swap that nobody would notice."""
    names = [name for name in variants_of(record) if name in record["gain"] and record["gain"][name]["rates"]]
    if not names:
        return ""
    shadow = "shadow frames counted; the dash is what must be saved to count: 2 x noise or 1 % of board power"
    charts = [
        f"<div><p class='soft'>{escape(name)} instead of {escape(record['reference'])}</p>"
        + saving_svg(record["gain"][name]["rates"], variants_of(record).index(name))
        + "</div>"
        for name in names
    ]
    return f"<h2>What the swap saves</h2><p class='soft'>Board power by frame rate, {shadow}.</p>{''.join(charts)}"


def _pairs(rows: Sequence[ReportRow]) -> list[tuple[ReportRow | None, ReportRow]]:
    return [(rows[index - 1] if index else None, row) for index, row in enumerate(rows)]


def _cells(row: ReportRow, previous: ReportRow | None) -> tuple[str, list[tuple[str, str]]]:
    first = previous is None or previous.band != row.band
    kind = ("new " if first else "") + ("faint" if row.variant == SHOWN_LAST else "")
    mark = {None: "", True: "good", False: "bad"}[row.within]
    plain = [row.band if first else "", row.variant, row.n, row.score, row.differs]
    return kind, [
        *((cell, "") for cell in plain),
        (row.bound, mark),
        (proof(row), mark),
        *((cell, "") for cell in (row.p50, row.p90, row.p99)),
    ]


def _table(head: Sequence[str], rows: Sequence[tuple[str, list[tuple[str, str]]]]) -> str:
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr class='{kind}'>" + "".join(f"<td class='{mark}'>{escape(cell)}</td>" for cell, mark in cells) + "</tr>"
        for kind, cells in rows
    )
    return f"<div class='scroll'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in facts) + "</dl>"


def _how(record: dict[str, Any]) -> list[tuple[str, str]]:
    policy = record["policy"]
    return [
        ("score", str(record["score"])),
        ("loss of a frame", f"{record['loss']} than the reference ({record['reference']})"),
        ("bound on the loss", f"{record['bound']}, at {100 - policy['alpha_ppm'] / 1e4:g} %"),
        ("latency", "single inferences, variants in turns on the same frame, preprocessing not counted"),
        *((f"energy, {name}", str(cost["method"])) for name, cost in record["energy"].items()),
        ("policy", f"{policy['name']}, sha256 {policy['sha256'][:16]}..."),
        ("profile", str(record["profile"])),
        *((f"fingerprint, {name}", value) for name, value in record["fingerprint"].items()),
        ("holds for", "this device, bundle and light band; correlated frames prove less than their number says"),
    ]


def _built(made: dict[str, Any]) -> list[tuple[str, str]]:
    compared = [
        f"{name}: soft disagreement {seen['soft_ppm'] / 1e4:.3f} %, {seen['loss_ppm'] / 1e6:g} of {seen['n']} differ"
        for name, seen in made["compared"].items()
    ]
    dear = [f"{item['layer']} {item['soft_ppm'] / 1e4:.3f} %" for item in made["sensitivity"][:8]]
    return [
        ("calibration", f"{made['method']}, {len(made['calibration'])} pictures, {len(made['held_out'])} held out"),
        *([("methods compared", "; ".join(compared))] if compared else []),
        ("kept in FP16", ", ".join(made["kept_in_fp16"]) or "nothing"),
        *([("soft disagreement left with one layer free", ", ".join(dear))] if dear else []),
        *((f"operations, {name}", _operations(seen["computed"])) for name, seen in made["files"].items()),
    ]


def _operations(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} in {kind}" for kind, count in sorted(counts.items())) + " (as ONNX Runtime rewrote the graph here)"
