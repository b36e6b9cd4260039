"""How the report looks, on a screen, in the dark, at 380 px and on paper."""

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
