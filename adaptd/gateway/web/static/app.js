// The live page: one event stream in, text out. No number is kept when its source is gone.
import { age, bytes, clock, count, duration, fill, lux, make, milli, plain, points, show } from "./words.js";
import { draw } from "./charts.js";

const byId = (id) => document.getElementById(id);
let heardAt = 0, latest = null, span = "hour", history = null, looking = null;

// ---- now ---------------------------------------------------------------------------------------------------------------

function reading(id, value, text) {
  const missing = !value || "missing" in value;
  const element = show(id, missing ? `no reading: ${value ? value.missing : "unknown"}` : text(value.value), missing ? null : value.value);
  element.parentElement.classList.toggle("words", missing);
  element.nextElementSibling.hidden = missing;
  byId(`${id}-sim`).hidden = missing || !value.simulated;
  show(`${id}-source`, missing ? "" : `${value.source}, ${age(value.age_ms)}`);
  return missing ? null : value.value;
}

function gauge(id, value, limit, top) {
  const share = value === null || !top ? 0 : Math.min(100, Math.max(0, (100 * value) / top));
  const bar = byId(`${id}-bar`);
  bar.setAttribute("width", share);
  bar.classList.toggle("bad", limit !== null && value !== null && value > limit);
  bar.classList.toggle("warn", limit !== null && value !== null && value <= limit && value > 0.92 * limit);
  byId(`${id}-mark`).setAttribute("x", limit === null ? -10 : Math.min(99, (100 * limit) / top));
}

function now(status) {
  const point = status.operating_point, limits = status.limits || {};
  show("engine", point.fps ? point.variant : "nothing served", point.variant).classList.toggle("eff", point.variant !== limits.reference);
  show("fps", String(point.fps), point.fps);
  const arriving = status.source && status.source.arriving_fps != null ? `, ${status.source.arriving_fps} arrive` : "";
  show("wanted", limits.target_fps === undefined ? "" : `${limits.target_fps} wanted, ${limits.floor_fps} at least${arriving}; asked: ${status.asked.variant} at ${status.asked.fps}`);
  const state = show("state", status.state, status.state);
  state.className = `pill ${["reference", "efficient", "reduced", "protect", "stopped", "fault"].includes(status.state) ? status.state : ""}`;
  show("why", status.why, status.why);
  const { hold, budget: asked } = status.orders || {};
  const orders = [
    hold ? `Held on the reference for ${duration(hold.left_s)} more, asked by ${hold.by}: ${hold.reason}.` : "",
    asked ? `A budget of ${milli(asked.budget_mw, 1)} W was asked by ${asked.by}: ${asked.reason}.` : "",
  ].filter(Boolean).join(" ");
  show("orders", orders).hidden = !orders;
  fill("refused", (status.refused || []).map((one) => make("li", `${one.variant} at ${one.fps} refused: ${one.words || plain(one.condition)}`)));
  const f = status.frames;
  show("frames", `Since the start ${duration(status.uptime_s)} ago: ${count(f.delivered)} frames delivered, ${count(f.missed)} late, ${count(f.dropped)} dropped, ${count(f.shadow || 0)} run on both engines, ${count(status.swaps || 0)} swap${status.swaps === 1 ? "" : "s"}`, f.delivered);

  const expected = status.expected || {};
  const mc = reading("temp", status.sensors.temperature_mc, (value) => milli(value, 1));
  gauge("temp", mc, limits.limit_mc ?? null, limits.critical_mc ?? 100000);
  const soon = expected.temperature_mc == null ? "" : `; ${milli(expected.temperature_mc, 1)} °C expected next`;
  show("temp-room", mc === null || limits.limit_mc === undefined ? "" : mc <= limits.limit_mc ? `${milli(limits.limit_mc - mc, 1)} °C below the limit of ${milli(limits.limit_mc, 0)} °C${soon}` : `${milli(mc - limits.limit_mc, 1)} °C over the limit of ${milli(limits.limit_mc, 0)} °C${soon}`);

  const mw = reading("power", status.sensors.power_mw, (value) => milli(value, 2));
  const budget = limits.budget_mw ?? null;
  gauge("power", mw, budget, budget === null ? Math.max(mw || 0, 1) * 1.5 : budget * 1.25);
  show("power-room", mw === null ? "" : budget === null ? "the policy names no budget" : mw <= budget ? `${milli(budget - mw, 2)} W below the budget of ${milli(budget, 1)} W` : `${milli(mw - budget, 2)} W over the budget of ${milli(budget, 1)} W`);
  const lasts = status.endurance && status.endurance.lasts_until_utc;
  const energy = status.energy ? `${milli(status.energy.total_mj / 1000, 2)} kJ since the start${status.energy.simulated ? " (simulated)" : ""}` : "";
  show("lasts", lasts ? `The battery lasts until ${lasts}${status.endurance.at_fps != null ? ` at ${status.endurance.at_fps} frames/s` : ""}. ${energy}` : energy);

  reading("light", status.sensors.light_mlx, lux);
  show("band", status.band, status.band);
  const band = (limits.bands || []).find((one) => one.name === status.band);
  const edges = band ? [band.down_at_mlx != null ? `darker below ${lux(band.down_at_mlx)} lux` : "", band.up_at_mlx != null ? `brighter above ${lux(band.up_at_mlx)} lux` : ""].filter(Boolean) : [];
  show("band-room", edges.join(", "));
}

// An account is kept for a light band or, with several cameras, for BAND/CAMERA.
function light(cell) {
  return cell.split("/")[0];
}

function inWords(cell) {
  const camera = cell.split("/")[1];
  return camera ? `${light(cell)}, camera ${camera}` : cell;
}

// The bands in the policy's order, darkest first; what the policy does not name comes last.
function ordered(bands, status) {
  const names = ((status.limits || {}).bands || []).map((band) => band.name);
  const place = ([name]) => (names.includes(light(name)) ? names.indexOf(light(name)) : names.length);
  return Object.entries(bands).sort((one, other) => place(one) - place(other));
}

function due(utc) {
  const at = new Date(utc);
  if (!utc || Number.isNaN(at.getTime())) return utc ? `due ${utc}` : "at the end of the window";
  return `due ${at.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })}`;
}

// ---- proof -------------------------------------------------------------------------------------------------------------

function bandRow(name, open, verdict, bound_ppm, limit_ppm, words, current) {
  const box = make("div", undefined, `band${current ? " current" : ""}`);
  const row = make("div", undefined, "row");
  row.append(make("strong", name), make("span", verdict, `tag ${open ? "yes" : "no"}`));
  const NS = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(NS, "svg");
  const part = (className, x, width) => {
    const rect = document.createElementNS(NS, "rect");
    for (const [key, value] of Object.entries({ class: className, x, width, height: 6 })) rect.setAttribute(key, value);
    svg.append(rect);
  };
  svg.setAttribute("class", "gauge");
  svg.setAttribute("viewBox", "0 0 100 6");
  svg.setAttribute("preserveAspectRatio", "none");
  const top = 1.5 * limit_ppm;
  part("track", 0, 100);
  if (bound_ppm != null && limit_ppm) part(`fill ${bound_ppm > limit_ppm ? "bad" : ""}`, 0, Math.min(100, (100 * bound_ppm) / top));
  if (limit_ppm) part("mark", 100 / 1.5, 0.8);
  box.append(row, svg, make("p", words, "quiet small"));
  return box;
}

function proof(status) {
  const limit_ppm = (status.limits || {}).max_loss_ppm || 0;
  if (status.account && Object.keys(status.account).length) {
    show("account-words", "Of the frames delivered in each window, how many may have differed from the reference at most, against the limit (the mark).");
    fill("account", ordered(status.account, status).map(([name, a]) => bandRow(inWords(name), a.open, a.open ? "open" : "shut: the reference serves", a.bound_frames, a.allowed_frames,
      `at most ${count(a.bound_frames)} differ, ${count(a.allowed_frames)} allowed (limit ${points(a.limit_ppm ?? limit_ppm)} points); ${count(a.delivered)} frames delivered, ${count(a.efficient)} served by an efficient engine (late ones too), ${count(a.shadowed)} on both, ${count(a.differed)} differed; statement ${due(a.window_end_utc)}`,
      light(name) === status.band)));
    return;
  }
  show("account-words", "How much an efficient engine may lose against the reference at most, against the limit (the mark).");
  fill("account", ordered(status.evidence, status).map(([name, e]) => bandRow(name, e.admitted, e.admitted ? "proven" : "not proven: the reference serves", e.bound_ppm, limit_ppm,
    `${e.variant} loses at most ${points(e.bound_ppm)} points, ${points(limit_ppm)} allowed; ${count(e.samples)} frames compared`, name === status.band)));
}

function lists(status) {
  fill("conditions", Object.entries(status.conditions).map(([name, holds]) => make("li", plain(name), holds ? "" : "no")));
  fill("trouble", status.trouble.map((line) => make("li", line)));
  byId("trouble-card").hidden = !status.trouble.length;
}

// ---- sensors, engines, log ---------------------------------------------------------------------------------------------

const UNITS = { temperature: (v) => `${milli(v, 1)} °C`, power: (v) => `${milli(v, 2)} W`, light: (v) => `${lux(v)} lux` };

function sensorRow(quantity, source, value, aged, state, used) {
  const row = make("tr");
  const name = make("td");
  name.append(make(used ? "strong" : "span", source));
  const text = value == null ? "none" : (UNITS[quantity] || String)(value);
  row.append(make("td", plain(quantity)), name, make("td", text, "num"), make("td", aged == null ? "" : age(aged), "num"), make("td", state));
  return row;
}

function sensors(status) {
  const rows = [];
  for (const [key, value] of Object.entries(status.sensors)) {
    const quantity = key.replace(/_[a-z]+$/, "");
    if ("missing" in value) rows.push(sensorRow(quantity, "none", null, null, `missing: ${value.missing}`, true));
    else rows.push(sensorRow(quantity, value.source, value.value, value.age_ms, value.simulated ? "simulated" : "measured", true));
    for (const one of ((status.sources || {})[quantity] || {}).sources || []) {
      if (one.source !== value.source) rows.push(sensorRow(quantity, one.source, one.value, one.age_ms, one.reason ? `${one.quality}: ${one.reason}` : one.quality));
    }
  }
  fill("sensors", rows);
}

function definitions(id, pairs) {
  fill(id, pairs.filter(([name, text]) => name && text).flatMap(([name, text]) => [make("dt", name), make("dd", text)]));
}

function cameraWords(one) {
  const last = one.last_result || {}, frames = one.frames || {};
  const seen = last.label ? `; last ${last.label}, sure to ${(last.score_ppm / 10000).toFixed(1)} %` : "";
  return `${(one.source || {}).words || "starting"}, ${count(frames.delivered || 0)} delivered${seen}`;
}

function engines(status) {
  const e = status.engines, last = status.last_result || {}, source = status.source || {};
  definitions("engines", [
    ["Backend", e.backend],
    ["Warm", e.warm.map((name) => `${name}${e.precision[name] && e.precision[name] !== name ? ` (computed as ${e.precision[name]} here)` : ""}`).join(", ")],
    ["Serving", e.active],
    ["Set aside", e.quarantined.join(", ")],
    ["Priors", Object.entries(e.priors || {}).map(([name, word]) => `${name}: ${plain(word)}`).join(", ")],
    ["Camera", source.arriving_fps != null ? `${source.arriving_fps} frames/s arrive, ${source.asked_fps} asked` : ""],
    ...Object.entries(status.cameras || {}).map(([name, one]) => [name, cameraWords(one)]),
    [Object.keys(status.cameras || {}).length ? "" : "Last result", last.label ? `${last.label}, sure to ${(last.score_ppm / 10000).toFixed(1)} %, by ${last.variant} in ${(last.latency_us / 1000).toFixed(1)} ms` : ""],
  ]);
}

function logState(status, gateway) {
  const a = status.audit;
  definitions("log", [
    ["Records", count(a.seq + 1)],
    ["Signed", a.checkpoint_seq < 0 ? "not yet" : `${count(a.checkpoint_seq + 1)} records`],
    ["State", a.degraded ? "DEGRADED: it cannot be written as it should" : "written as it should be"],
    ["Size", bytes(gateway.log_bytes)],
    ["Folder", a.folder],
  ]);
}

function verdict(found) {
  byId("verify").disabled = Boolean(found.running);
  const element = show("verdict", found.running ? "The verifier is reading the log." : found.words ? `${found.verdict || "none"} at ${clock(found.utc_ms)}, after ${found.took_s} s: ${found.words}` : "");
  element.className = found.running || !found.words ? "quiet" : found.verdict === "valid" ? "valid" : "bad";
}

// ---- the stream --------------------------------------------------------------------------------------------------------

function banner(words) {
  byId("banner").hidden = !words;
  if (words) show("banner", words);
  document.body.classList.toggle("away", Boolean(words));
}

function heard(event) {
  const message = JSON.parse(event.data), gateway = message.gateway;
  heardAt = Date.now();
  show("box", gateway.box);
  document.title = `adaptd on ${gateway.box}`;
  show("version", `gateway ${gateway.version}`);
  byId("command-card").hidden = !gateway.commands;
  verdict(gateway.verification);
  const status = message.status;
  if (status === null) {
    show("fresh", "");
    show("state", "away").className = "pill";
    banner(`No status since ${clock(message.since_utc_ms)}: ${message.words}`);
    return;
  }
  const first = latest === null;
  latest = status;
  banner(status.stalled ? `Stalled: no decision for ${duration(status.age_ms / 1000)}. What follows was true then.` : "");
  show("fresh", `decided ${age(status.age_ms)}`, message.number);
  show("policy", `Policy ${status.policy.name} ${status.policy.sha256.slice(0, 12)}`, status.policy.sha256);
  byId("preview-card").hidden = !status.preview;
  now(status);
  proof(status);
  lists(status);
  sensors(status);
  engines(status);
  logState(status, gateway);
  if (first) timelines();
}

function listen() {
  const stream = new EventSource("api/stream");
  stream.addEventListener("state", heard);
  setInterval(() => {
    if (heardAt && Date.now() - heardAt > 6000) banner(`The gateway has not been heard for ${duration((Date.now() - heardAt) / 1000)}.`);
    if (stream.readyState === EventSource.CLOSED) location.reload();
  }, 2000);
}

// ---- time lines --------------------------------------------------------------------------------------------------------

async function timelines() {
  if (document.hidden || latest === null) return;
  const answer = await fetch(`api/history?span=${span}`).catch(() => null);
  if (!answer || !answer.ok) return;
  history = await answer.json();
  redraw();
}

function redraw() {
  if (history === null || latest === null) return;
  const limits = latest.limits || {};
  show("key-ref", `reference${limits.reference ? ` (${limits.reference})` : ""}`);
  byId("lines-sim").hidden = !history.simulated;
  show("step", `mean of each ${duration(history.step_s)}${history.log === "read" ? "" : `; ${history.log}`}`);
  draw(byId("charts"), history, limits, limits.reference);
}

for (const button of document.querySelectorAll("[data-span]")) {
  button.addEventListener("click", () => {
    span = button.dataset.span;
    for (const one of document.querySelectorAll("[data-span]")) one.setAttribute("aria-pressed", String(one === button));
    timelines();
  });
}

// ---- asking ------------------------------------------------------------------------------------------------------------

const ask = (path, body) => fetch(path, { method: "POST", headers: { "X-Adaptd-Ask": "1", "Content-Type": "application/json" }, body: JSON.stringify(body || {}) });

byId("verify").addEventListener("click", async () => {
  verdict({ running: true });
  const answer = await ask("api/verify").catch(() => null);
  if (answer && answer.ok) verdict(await answer.json());
  else show("verdict", answer ? await answer.text() : "The gateway does not answer.");
});

async function command(verb, body) {
  const answer = await ask(`api/command/${verb}`, body).catch(() => null);
  show("command-words", answer ? await answer.text() : "The gateway does not answer.");
}
byId("hold").addEventListener("click", () => command("hold", { minutes: Number(byId("hold-minutes").value), reason: byId("reason").value }));
byId("budget").addEventListener("click", () => command("budget", { watts: Number(byId("budget-watts").value), reason: byId("reason").value }));
byId("reload").addEventListener("click", () => command("reload"));

function look() {
  if (document.hidden) return;
  byId("preview").src = `api/preview.jpg?${Date.now()}`;
}
byId("look").addEventListener("click", () => {
  clearInterval(looking);
  looking = looking === null ? setInterval(look, 1000) : null;
  byId("look").setAttribute("aria-pressed", String(looking !== null));
  byId("preview").hidden = looking === null;
  if (looking !== null) look();
});
byId("preview").addEventListener("error", () => show("preview-words", "no picture: the policy does not allow it, or the camera gives none"));
byId("preview").addEventListener("load", () => show("preview-words", "one picture a second, only while you look"));

let resized = null;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(redraw, 200);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
setInterval(timelines, 15000);
document.addEventListener("visibilitychange", timelines);
listen();
