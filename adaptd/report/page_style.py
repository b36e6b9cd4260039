"""How the report looks: one style sheet for screen, dark and paper, and a few lines of script for the reading line."""

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--line:#dde3e8;--paper:#fff;--card:#f6f8fa;
--good:#116b34;--goodbg:#e9f6ee;--bad:#a4160d;--badbg:#fdecea;--warn:#8a5300;--warnbg:#fff4e0;
--c0:#2457a8;--c1:#c2410c;--c2:#4d7c0f;--c3:#7e22ce;--c4:#0f766e;--b0:#4338ca;--b1:#0d9488;--b2:#ca8a04;--b3:#be185d;--b4:#475569;--hot:#c2410c;--watt:#7e22ce;--lux:#a16207;--none:#9aa6b2}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa6b2;--line:#2d353d;--paper:#0f1317;--card:#171c22;
--good:#5fd38d;--goodbg:#10251a;--bad:#ff8a80;--badbg:#2c1513;--warn:#f0b45a;--warnbg:#2a2010;
--c0:#7fb0ff;--c1:#ff9b62;--c2:#b4d95c;--c3:#d3a4ff;--c4:#5eead4;--b0:#a5b4fc;--b1:#5eead4;--b2:#fde047;--b3:#f9a8d4;--b4:#cbd5e1;--hot:#ff9b62;--watt:#d3a4ff;--lux:#facc15;--none:#56616c}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1120px;padding:28px 24px 64px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:26px;line-height:1.25;margin:0}h2{font-size:18px;margin:38px 0 4px}p{margin:4px 0}
.soft{color:var(--soft)}.mono{font-family:ui-monospace,"SF Mono","DejaVu Sans Mono",monospace;font-size:.92em}
header{display:flex;justify-content:space-between;align-items:baseline;gap:6px 24px;flex-wrap:wrap;margin-bottom:14px}
.verdict{border-radius:10px;padding:18px 22px;background:var(--goodbg);border:1px solid var(--good)}
.verdict.bad{background:var(--badbg);border-color:var(--bad)}.verdict.warn{background:var(--warnbg);border-color:var(--warn)}
.verdict strong{display:block;font-size:24px;line-height:1.3;color:var(--good)}.verdict.bad strong{color:var(--bad)}
.verdict.warn strong{color:var(--warn)}
.verdict ul{margin:10px 0 0;padding:0;list-style:none;display:grid;grid-template-columns:
repeat(auto-fit,minmax(min(300px,100%),1fr));gap:4px 28px}
.verdict li{position:relative;padding-left:22px}
.verdict li::before{content:"\\2713";color:var(--good);font-weight:700;position:absolute;left:0}
.verdict li.no::before{content:"\\2717";color:var(--bad)}.verdict li.unsure::before{content:"\\2013";color:var(--warn)}
.extent{display:flex;height:14px;border-radius:4px;overflow:hidden;margin:14px 0 2px;border:1px solid var(--line)}
.extent .witnessed{background:var(--good)}.extent .sealed{background:var(--c0)}
.extent .rewritable{background:repeating-linear-gradient(45deg,var(--warn) 0 5px,transparent 5px 9px)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:18px 0 0}
.tile{background:var(--card);border-radius:8px;padding:12px 16px}.tile b{display:block;font-size:22px;line-height:1.3;
font-variant-numeric:tabular-nums}.tile span{color:var(--soft);font-size:13px;display:block}
.sideways{overflow-x:auto}figure{margin:0;position:relative;min-width:720px}
svg.panel{display:block;width:100%;height:auto;margin:10px 0 0;overflow:visible}
svg text{fill:var(--soft);font-size:12px;font-variant-numeric:tabular-nums;paint-order:stroke;stroke:var(--paper);
stroke-width:3px;stroke-linejoin:round}
svg .head{fill:var(--ink);font-size:13px;font-weight:600}
svg .unit{fill:var(--soft);font-weight:400}
svg .grid{stroke:var(--line);fill:none}svg .up{stroke-opacity:.55}
svg .line{fill:none;stroke:currentColor;stroke-width:1.7;stroke-linejoin:round}svg .dashed{stroke-dasharray:6 4}
svg .spread{fill:currentColor;opacity:.18}svg .limit{stroke:var(--bad);stroke-dasharray:7 4;fill:none}
svg text.limit{stroke:var(--paper);stroke-dasharray:none;fill:var(--bad)}
svg .edge{stroke:var(--soft);stroke-dasharray:2 4;fill:none}
svg text.edge{stroke:var(--paper);stroke-dasharray:none;fill:var(--soft)}svg .event{stroke:var(--bad);stroke-width:1.5;opacity:.7}
svg .stretch{fill:currentColor}svg .stretch.idle{color:var(--none)}
.hot{color:var(--hot)}.over{color:var(--bad)}.watt{color:var(--watt)}.lux{color:var(--lux)}.c0{color:var(--c0)}.c1{color:var(--c1)}
.c2{color:var(--c2)}.c3{color:var(--c3)}.c4{color:var(--c4)}.base,.rate{color:var(--soft)}.idle{color:var(--none)}
.b0{color:var(--b0)}.b1{color:var(--b1)}.b2{color:var(--b2)}.b3{color:var(--b3)}.b4{color:var(--b4)}svg tspan{fill:currentColor}
#now{position:absolute;top:0;bottom:0;width:1px;background:var(--soft);pointer-events:none;display:none}
#when{position:absolute;top:-2px;transform:translateX(-50%);background:var(--ink);color:var(--paper);font-size:12px;
padding:1px 7px;border-radius:4px;white-space:nowrap}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px;margin-top:8px}
th,td{padding:5px 12px 5px 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:13px;white-space:nowrap}td.n,th.n{text-align:right}td.t{white-space:nowrap}
td.why{min-width:260px}td.some{min-width:170px}
td .no{color:var(--bad);font-weight:600}td .yes{color:var(--good)}.arrow{color:var(--soft);padding:0 4px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 20px;margin:8px 0;font-size:14px}dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}footer{margin-top:40px;border-top:1px solid var(--line);padding-top:14px;font-size:13px}
@media screen and (max-width:760px){body{padding:18px 14px 48px}h1{font-size:21px}.verdict strong{font-size:20px}
.verdict{padding:14px 16px}.tiles{grid-template-columns:1fr 1fr;gap:8px}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:8px}
.scroll thead{display:none}.scroll table,.scroll tbody,.scroll tr{display:block}
.scroll tr{padding:8px 0;border-bottom:1px solid var(--line)}.scroll td,.scroll td.n,.scroll td.t{display:block;
position:relative;text-align:left;white-space:normal;border:0;padding:1px 0 1px 104px;min-width:0;overflow-wrap:anywhere}
.scroll td::before{content:attr(data-name);position:absolute;left:0;color:var(--soft);font-size:12px;line-height:1.75}
.scroll td:empty{display:none}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#ccc;--paper:#fff;--card:#f4f4f4;--good:#116b34;--goodbg:#fff;
--bad:#a4160d;--badbg:#fff;--warn:#8a5300;--warnbg:#fff;--c0:#2457a8;--c1:#c2410c;--c2:#4d7c0f;--c3:#7e22ce;--c4:#0f766e;--b0:#4338ca;--b1:#0d9488;--b2:#ca8a04;--b3:#be185d;--b4:#475569;
--hot:#c2410c;--watt:#7e22ce;--lux:#a16207;--none:#9aa6b2}
body{max-width:none;padding:0;font-size:11px}#now{display:none!important}h1{font-size:19px}h2{font-size:14px;margin-top:22px}
.verdict{padding:12px 16px}.verdict strong{font-size:17px}.tiles{grid-template-columns:repeat(6,1fr);gap:6px}
.tile{padding:8px 9px}.tile b{font-size:15px}.tile span{font-size:9.5px;line-height:1.35}
.sideways,.scroll{overflow:visible}figure{min-width:0}
table,dl{font-size:9.5px}th{font-size:9px}th,td{padding:3px 8px 3px 0}td.t{white-space:normal}
td.why{min-width:200px}td.some{min-width:115px}
footer{font-size:9.5px}h2,svg.panel,.tile,tr{break-inside:avoid}h2{break-after:avoid}
thead{display:table-header-group}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
@page{margin:14mm}
"""

SCRIPT = """
(function(){var f=document.getElementById('lines'),n=document.getElementById('now'),w=document.getElementById('when');
if(!f||!n)return;var m=JSON.parse(f.dataset.moments),e=+f.dataset.end,l=+f.dataset.left,p=+f.dataset.plot,v=+f.dataset.width;
f.addEventListener('pointermove',function(event){var r=f.getBoundingClientRect(),x=(event.clientX-r.left)/r.width*v,a=(x-l)/p;
if(a<0||a>1){n.style.display='none';return}var t=a*e,k=m[0];for(var i=0;i<m.length&&m[i][0]<=t;i++)k=m[i];
n.style.display='block';n.style.left=(x/v*100)+'%';
w.textContent=new Date(k[1]+(t-k[0])/1000).toISOString().replace('T',' ').slice(0,19)+' UTC'});
f.addEventListener('pointerleave',function(){n.style.display='none'})})();
"""
