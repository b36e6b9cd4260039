"""The page for the vet: five weeks of days against the usual, the last day's meals, what was found and what it rests on.

One file without anything from outside: own style, pictures as inline SVG. Reads at 380 px and prints on two sheets of paper.
"""

from datetime import datetime, tzinfo
from html import escape
from typing import Any

from adaptd.apps.feeder import words
from adaptd.apps.feeder.documents import alerts, history, today
from adaptd.apps.feeder.drawing import day_strip, five_weeks
from adaptd.apps.feeder.settings import SECOND_US, Settings
from adaptd.apps.feeder.store import Store

FOOT = (
    '<h2>How to read this</h2><p class="soft">A day\'s figure is eating in the time that the camera saw in enough light, scaled '
    "to 24 hours by when the pet usually eats. A day of which less than 60 % was seen has no figure: cannot tell. The usual is "
    "the mean of the middle half of days 8 to 63 before. Three days running below 60 % of it are an alert, days that cannot be "
    "told left out; so are 24 hours seen without eating. Minutes at the bowl are no measure of grams and no diagnosis.</p>"
)
STYLE = """
:root{color-scheme:light
dark;--ink:#1b1f24;--soft:#5b6570;--line:#dde3e8;--paper:#fff;--card:#f6f8fa;--ok:#2f7d4f;--low:#b3261e;--none:#c9d1d9;--usual:#2457a8}
@media
(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa6b2;--line:#2d353d;--paper:#0f1317;--card:#171c22;--ok:#5fb987;--low:#ff8a80;--none:#39424b;--usual:#7fb0ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:860px;padding:24px 20px 48px;background:var(--paper);color:var(--ink);font:15px/1.5
system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:24px;line-height:1.25;margin:0}
h2{font-size:18px;margin:30px 0 6px}
h3{font-size:15px;margin:18px 0 4px}
p{margin:4px 0}
.soft{color:var(--soft);font-size:13px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:12px 0}
.tile{background:var(--card);border-radius:8px;padding:10px 14px}
.tile b{display:block;font-size:20px}
.tile span{color:var(--soft);font-size:13px}
svg{display:block;width:100%;height:auto;margin:8px 0}
svg text{fill:var(--soft);font-size:11px}
.ok{fill:var(--ok)}
.low{fill:var(--low)}
.none{fill:var(--none)}
.usual{stroke:var(--usual);fill:none;stroke-width:2}
.limit{stroke:var(--low);fill:none;stroke-dasharray:5 4}
.key{display:inline-block;width:14px;height:10px;margin-left:8px;background:var(--ok)}
.key.low{background:var(--low)}
.key.none{background:var(--none)}
.key.line{height:0;background:none;border-top:2px solid var(--usual);vertical-align:middle}
.key.dashed{border-top:2px dashed var(--low)}
@media (max-width:500px){svg text{font-size:20px}}
.grid{stroke:var(--line)}
.found{border-left:4px solid var(--none);padding:6px 12px;margin:8px 0;background:var(--card);border-radius:0 8px 8px 0}
.found.alert{border-color:var(--low)}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:3px 10px 3px 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600;font-size:13px}
.scroll{overflow-x:auto}
@media
print{:root{--ink:#000;--soft:#444;--paper:#fff;--card:#fff;--line:#bbb;--ok:#4a4a4a;--low:#000;--none:#ddd;--usual:#000}body{max-width:none;padding:0;font-size:11pt}.tile,.found{border:1px
solid #bbb}section,.found,svg{break-inside:avoid}a{color:#000}}
"""


def page(store: Store, settings: Settings, zone: tzinfo, now_us: int, days: int = 35) -> str:
    past, so_far = history(store, settings, zone, now_us, days), today(store, settings, zone, now_us)
    found = alerts(store, zone)["alerts"]
    made = datetime.fromtimestamp(now_us / SECOND_US, tz=zone)
    sections = [_pet(pet, next(each for each in so_far["pets"] if each["pet"] == pet["pet"])) for pet in past["pets"]]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Eating at the bowl, {made:%d %B %Y}</title><style>{STYLE}</style></head><body>"
        f'<h1>Eating at the bowl</h1><p class="soft">Made {made:%A %d %B %Y, %H:%M} by adaptd from a camera at the bowl. '
        "It counts minutes with the muzzle in the bowl, not grams.</p>"
        f"{''.join(sections)}{_findings(found)}{_notes(past['notes'])}{FOOT}</body></html>"
    )


def _pet(pet: dict[str, Any], so_far: dict[str, Any]) -> str:
    known = [row for row in pet["days"] if row["eating_24h_s"] is not None]
    last3 = known[-3:]
    mean = sum(row["eating_24h_s"] for row in last3) // len(last3) if last3 else None
    usual = next((row["usual_s"] for row in reversed(pet["days"]) if row["usual_s"] is not None), None)
    part = f"{mean * 100 // usual} %" if mean is not None and usual else "?"
    tiles = (
        (_minutes(mean), "a day, last three known days"),
        (_minutes(usual), "a day is usual"),
        (part, "of the usual"),
        (f"{len(known)} of {len(pet['days'])}", "days known"),
    )
    shown = "".join(f'<div class="tile"><b>{value}</b><span>{label}</span></div>' for value, label in tiles)
    rests = pet["days"][-1]["rests_on"]["words"] if pet["days"] else "nothing yet"
    return (
        f'<section><h2>{escape(pet["name"])}</h2><div class="tiles">{shown}</div>{five_weeks(pet["days"])}'
        f'<p class="soft">The last day rests on {escape(rests)}.</p></section>'
        f"<section><h3>{so_far['day']} so far</h3>{day_strip(so_far)}{_bouts(so_far['bouts_today'])}</section>"
    )


def _bouts(bouts: list[dict[str, Any]]) -> str:
    if not bouts:
        return '<p class="soft">No bout yet.</p>'
    rows = "".join(
        f"<tr><td>{bout['start'][11:19]}</td><td>{bout['end'][11:19]}</td><td>{bout['eating_s']} s</td><td>{bout['pauses']}</td>"
        f"<td>{escape(bout['band'])}{'' if bout['sure'] else ', not sure'}</td></tr>"
        for bout in bouts
    )
    head = "".join(f"<th>{name}</th>" for name in ("from", "to", "eating", "pauses", "light"))
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def _findings(found: list[dict[str, Any]]) -> str:
    if not found:
        return "<h2>What was found</h2><p>Nothing.</p>"
    boxes = []
    for one in found[:20]:
        grounds = "".join(
            f'<br><span class="soft">{label}: {escape(one["rests_on"][key]["words"])}</span>'
            for key, label in (("now", "these days"), ("usual", "usual days"))
            if key in one["rests_on"]
        )
        kind = "alert" if one["verdict"] == "alert" else "other"
        when = one["made"][:16].replace("T", " ")
        boxes.append(f'<div class="found {kind}"><b>{when}, {escape(one["verdict"])}</b><br>{escape(one["text"])}{grounds}</div>')
    return f"<h2>What was found</h2>{''.join(boxes)}"


def _notes(notes: list[dict[str, Any]]) -> str:
    if not notes:
        return ""
    cells = ((note["kind"], note["from"], note["to"] or "", note["text"]) for note in notes)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
    return f"<h2>The owner's notes</h2><table><tr><th>what</th><th>from</th><th>to</th><th></th></tr>{rows}</table>"


def _minutes(seconds: int | None) -> str:
    return "?" if seconds is None else words.minutes(seconds * SECOND_US)
