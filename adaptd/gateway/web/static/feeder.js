// The feeder's view: today's bouts on a time line, five weeks against the usual, and what each finding rests on.
import { duration, fill, make, show } from "./words.js";

const byId = (id) => document.getElementById(id);
const NS = "http://www.w3.org/2000/svg";
const LEFT = 30, EVERY_MS = 15000, OLD_MS = 15 * 60000;
let view = null, shown = "device", resized = null;

const minutes = (seconds) => (seconds == null ? "?" : seconds < 594 ? (seconds / 60).toFixed(1) : String(Math.round(seconds / 60)));
const percent = (ppm) => `${Math.round(ppm / 10000)} %`;

function drawn(name, attributes, title) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (title) element.append(document.createElementNS(NS, "title")), (element.firstChild.textContent = title);
  return element;
}

function words(x, y, text, anchor) {
  const element = drawn("text", { x, y, "text-anchor": anchor || "middle" });
  element.textContent = text;
  return element;
}

function canvas(width, height, label) {
  return drawn("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
}

// Times come with their offset; the bowl's own clock is shown, wherever the reader is.
const hourOf = (moment) => Number(moment.slice(11, 13)) + Number(moment.slice(14, 16)) / 60 + Number(moment.slice(17, 19)) / 3600;

function dayLine(pet, width) {
  const svg = canvas(width, 64, "Today's bouts on a time line"), span = width - LEFT - 8, x = (hour) => LEFT + (span * hour) / 24;
  for (const [start, seen, sure] of pet.windows) {
    if (seen) svg.append(drawn("rect", { class: sure ? "seen" : "dark", x: x(hourOf(start)), y: 34, width: span / 288 + 0.3, height: 8 }));
  }
  for (const bout of pet.bouts_today) {
    const begin = bout.start.slice(0, 10) === pet.day ? hourOf(bout.start) : 0, end = bout.end.slice(0, 10) === pet.day ? hourOf(bout.end) : 24;
    svg.append(drawn("rect", { class: `meal${bout.sure ? "" : " unsure"}`, x: x(begin), y: 10, width: Math.max(2.5, x(end) - x(begin)), height: 32 },
      `${bout.start.slice(11, 16)}: ${bout.eating_s} s of eating, ${bout.pauses} pauses, ${bout.band} light`));
  }
  for (let hour = 0; hour <= 24; hour += width < 500 ? 6 : 3) svg.append(words(x(hour), 58, String(hour)));
  return svg;
}

function fiveWeeks(days, share, width) {
  const height = 200, bottom = 22, top = 14, svg = canvas(width, height, "Eating of each day in minutes, against the usual");
  const most = 1.08 * Math.max(60, ...days.map((day) => day.eating_24h_s || 0), ...days.map((day) => day.usual_s || 0));
  const y = (seconds) => top + (height - top - bottom) * (1 - seconds / most), step = (width - LEFT) / days.length;
  const every = most > 3600 ? 20 : most > 1500 ? 10 : 5;
  for (let at = 0; at * 60 <= most; at += every) {
    svg.append(drawn("line", { class: "axis", x1: LEFT, x2: width, y1: y(at * 60), y2: y(at * 60) }), words(LEFT - 5, y(at * 60) + 4, String(at), "end"));
  }
  days.forEach((day, index) => {
    const value = day.eating_24h_s, unknown = value == null || !day.counts, x = LEFT + step * index;
    const at = value == null ? height - bottom - 4 : y(value);
    svg.append(drawn("rect", { class: `day ${unknown ? "unknown" : day.low ? "low" : ""}`, x: x + step * 0.12, y: at, width: step * 0.76, height: height - bottom - at },
      `${day.day}: ${value == null ? "cannot tell" : `${minutes(value)} min`}, usual ${minutes(day.usual_s)} min, ${percent(day.coverage_ppm)} seen, ${day.bouts} bouts`));
    const date = new Date(`${day.day}T12:00:00Z`);
    if (date.getUTCDay() === 1) svg.append(words(Math.min(x + step / 2, width - 18), height - 6, date.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })));
  });
  for (const [name, part] of [["usual", 1], ["alert", share]]) {
    const line = days.map((day, index) => (day.usual_s == null ? null : `${(LEFT + step * (index + 0.5)).toFixed(1)},${y(day.usual_s * part).toFixed(1)}`)).filter(Boolean);
    if (line.length) svg.append(drawn("polyline", { class: name, points: line.join(" ") }));
  }
  return svg;
}

function fact(value, unit, label) {
  const box = make("div"), big = make("p", undefined, "big");
  big.append(make("span", value), make("span", ` ${unit}`, "unit"));
  box.append(big, make("p", label, "quiet small"));
  return box;
}

function key(className, text) {
  const entry = make("span", undefined, "entry");
  entry.append(make("span", undefined, `key ${className}`), make("span", text));
  return entry;
}

function pet(today, past, width) {
  const now = make("section", undefined, "card eats"), facts = make("div", undefined, "facts");
  facts.append(
    fact(minutes(today.eating_s), "min", `eaten today in ${today.bouts} ${today.bouts === 1 ? "bout" : "bouts"}`),
    fact(minutes(today.usual_by_now_s), "min", today.usual_s == null ? "the usual is not known yet" : `usual by now, ${minutes(today.usual_s)} min in a day`),
    fact(String(Math.round(today.coverage_ppm / 10000)), "%", "of the whole day seen in light so far"),
  );
  now.append(make("h2", `${today.name}, ${today.day}`), facts, dayLine(today, width), make("p", `Today rests on ${today.rests_on.words}.`, "quiet small"));
  const weeks = make("section", undefined, "card eats"), legend = make("p", undefined, "legend quiet small");
  legend.append(key("day", "eating in 24 h, minutes"), key("low", "low"), key("unknown", "cannot tell, or does not count"), key("usual", "usual"), key("limit", `${percent(view.alert_share_ppm)} of the usual`));
  const last = past && past.days.at(-1);
  weeks.append(make("h2", "Five weeks against the usual"), legend, last ? fiveWeeks(past.days, view.alert_share_ppm / 1e6, width) : make("p", "No day is over yet.", "quiet"));
  if (last) weeks.append(make("p", `The last day rests on ${last.rests_on.words}.`, "quiet small"));
  return [now, weeks];
}

const VERDICTS = { alert: "Alert, sent", "cannot tell": "Cannot tell, sent as a notice", withheld: "Not sent", watch: "Watch, shown only", notice: "Notice, sent" };

function finding(one) {
  const item = make("li", undefined, `found ${one.verdict.split(" ")[0]}`);
  item.append(make("p", `${one.made.slice(0, 16).replace("T", " ")} · ${VERDICTS[one.verdict] || one.verdict}`, "quiet small"), make("p", one.text));
  for (const [name, label] of [["now", "These days rest on"], ["usual", "The usual rests on"]]) {
    if (one.rests_on[name]) item.append(make("p", `${label} ${one.rests_on[name].words}.`, "quiet small"));
  }
  return item;
}

function draw() {
  if (view === null || shown !== "feeder") return;
  const width = Math.max(280, byId("feeder").clientWidth - 66);
  const past = new Map(view.history.pets.map((one) => [one.pet, one]));
  fill("pets", view.today.pets.flatMap((one) => pet(one, past.get(one.pet), width)));
  fill("found", view.alerts.length ? view.alerts.map(finding) : [make("li", "Nothing.", "quiet")]);
  byId("notes-card").hidden = !view.history.notes.length;
  fill("notes", view.history.notes.map((note) => make("li", `${note.kind.replaceAll("-", " ")} from ${note.from}${note.to ? ` to ${note.to}` : ""}${note.text ? `: ${note.text}` : ""}`)));
  const old = Date.now() - view.made_utc_ms, trouble = [...view.today.trouble];
  if (old > OLD_MS) trouble.unshift(`These figures are ${duration(old / 1000)} old: \`adaptd feeder run\` no longer writes them.`);
  byId("feeder-old").hidden = !trouble.length;
  show("feeder-old", trouble.join(" "));
  show("feeder-made", `Times are the bowl's own; these figures were made at ${view.today.made.slice(11, 16)}.`);
}

function choose(name) {
  shown = name;
  for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === name));
  byId("device").hidden = name !== "device";
  byId("feeder").hidden = name !== "feeder";
  draw();
  dispatchEvent(new Event("resize"));
}

async function look() {
  if (document.hidden) return;
  const answer = await fetch("api/view/feeder").catch(() => null);
  if (!answer || !answer.ok) return;
  view = (await answer.json()).view;
  byId("views").hidden = view === null;
  if (view === null) choose("device");
  else if (location.hash === "#feeder" && shown !== "feeder") choose("feeder");
  else draw();
}

for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => {
    history.replaceState(null, "", button.dataset.view === "feeder" ? "#feeder" : location.pathname);
    choose(button.dataset.view);
  });
}
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(draw, 200);
});
setInterval(look, EVERY_MS);
document.addEventListener("visibilitychange", look);
look();
