// Time lines: four charts over one time axis, drawn by uPlot. Gaps stay gaps; swaps are dotted, limits dashed.
import { lux, make } from "./words.js";

const HEIGHT = 118;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let drawn = [];

function vertical(swaps) {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = colour("--quiet");
    ctx.setLineDash([2, 4]);
    // Where they stand too close to be told apart they are short ticks at the top, and the line behind stays readable.
    const seen = swaps.filter((swap) => swap.at_s >= plot.scales.x.min && swap.at_s <= plot.scales.x.max).length;
    const reach = seen * 14 * devicePixelRatio > bbox.width ? Math.round(8 * devicePixelRatio) : bbox.height;
    for (const swap of swaps) {
      const x = Math.round(plot.valToPos(swap.at_s, "x", true)) + 0.5;
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + reach);
      ctx.stroke();
    }
    ctx.restore();
  };
}

function limitLine(value) {
  return (plot) => {
    if (value === null || value === undefined) return;
    const { ctx, bbox } = plot;
    const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
    if (y < bbox.top || y > bbox.top + bbox.height) return;
    ctx.save();
    ctx.strokeStyle = colour("--bad");
    ctx.setLineDash([6, 4]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  };
}

function about(values, limit) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return [0, 1];
  const low = Math.min(...known);
  let high = Math.max(...known);
  if (limit !== null && limit !== undefined && limit < high + 2 * (high - low + 5)) high = Math.max(high, limit);
  const room = Math.max(0.08 * (high - low), 0.5);
  return [Math.max(0, low - room), high + room];
}

const tens = (plot, axis, low, high) => {
  const found = [];
  for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power += 1) found.push(10 ** power);
  return found;
};

function axes(logarithmic, seconds) {
  const grid = { stroke: colour("--line"), width: 1 };
  const base = { stroke: colour("--quiet"), grid, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  const times = (plot, splits) => splits.map((s) => new Date(s * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: seconds < 300 ? "2-digit" : undefined }));
  return [{ ...base, values: times, size: 22, space: 60 }, logarithmic ? { ...base, size: 44, splits: tens, values: (plot, splits) => splits.map((v) => (v == null ? "" : v.toLocaleString("en-GB"))) } : { ...base, size: 44, space: 26 }];
}

function plot(host, words, data, series, options) {
  const box = make("div", undefined, "chart");
  const title = make("div", undefined, "title");
  const silence = data.slice(1).every((column) => column.every((one) => one === null)) ? "no reading in this time" : "";
  const value = make("span", silence);
  title.append(make("span", words), value);
  box.append(title);
  host.append(box);
  const lines = series.map((one) => ({ spanGaps: false, points: { show: false }, width: 1.6, ...one }));
  const config = {
    width: Math.max(240, host.clientWidth), height: HEIGHT, legend: { show: false },
    cursor: { sync: { key: "time" }, y: false, points: { show: false } },
    scales: { x: { time: true, range: () => options.span }, y: options.y },
    padding: [8, 26, 0, 0], axes: axes(options.y.distr === 3, options.span[1] - options.span[0]), series: [{}, ...lines],
    hooks: {
      draw: options.draw,
      setCursor: [(u) => {
        const at = u.cursor.idx;
        const found = at === null || at === undefined ? null : options.say(at);
        value.textContent = found === null ? silence : `${new Date(u.data[0][at] * 1000).toLocaleTimeString("en-GB")}  ${found}`;
      }],
    },
  };
  drawn.push(new uPlot(config, data, box));
}

// Draws `history` (the answer of api/history) into `host`; `limits` are the policy's.
export function draw(host, history, limits, reference) {
  for (const one of drawn) one.destroy();
  drawn = [];
  host.replaceChildren();
  const c = history.columns;
  if (!c.at_s.length) {
    host.append(make("p", "Nothing is on record for this time yet.", "quiet"));
    return;
  }
  const end = c.at_s[c.at_s.length - 1] + history.step_s;
  const span = [Math.max(c.at_s[0], end - history.length_s), end];
  const swaps = vertical(history.swaps);
  const scaled = (name) => c[name].map((value) => (value === null ? null : value / 1000));
  const said = (values, text) => (at) => (values[at] === null ? "no reading" : text(values[at]));

  const temperature = scaled("temperature_mc"), limit = limits.limit_mc == null ? null : limits.limit_mc / 1000;
  plot(host, "Temperature, °C", [c.at_s, temperature], [{ stroke: colour("--ink") }],
    { span, y: { range: () => about(temperature, limit) }, draw: [swaps, limitLine(limit)], say: said(temperature, (v) => `${v.toFixed(1)} °C`) });

  const power = scaled("power_mw"), budget = limits.budget_mw == null ? null : limits.budget_mw / 1000;
  plot(host, "Power, W", [c.at_s, power], [{ stroke: colour("--ink") }],
    { span, y: { range: () => about(power, budget) }, draw: [swaps, limitLine(budget)], say: said(power, (v) => `${v.toFixed(2)} W`) });

  const rate = scaled("fps_mfps"), target = limits.target_fps;
  const only = (wanted) => rate.map((value, at) => (value !== null && (c.variant[at] === reference) === wanted ? value : null));
  const bars = uPlot.paths.bars({ size: [1, Infinity], align: 1, gap: 0 });
  const bar = (name) => ({ stroke: colour(name), fill: colour(name), width: 0, paths: bars });
  plot(host, "Frames/s by engine", [c.at_s, only(true), only(false)], [bar("--ref"), bar("--eff")],
    { span, y: { range: () => [0, 1.1 * Math.max(target || 1, ...rate.filter((v) => v !== null))] }, draw: [swaps],
      say: (at) => (rate[at] === null ? "not on record" : `${c.variant[at]} ${rate[at].toFixed(1)} frames/s, ${c.band[at]} light`) });

  const light = c.light_mlx.map((value) => (value === null ? null : Math.max(value / 1000, 0.01)));
  plot(host, "Light, lux (logarithmic)", [c.at_s, light], [{ stroke: colour("--warn") }],
    { span, y: { distr: 3, log: 10 }, draw: [swaps], say: said(light, (v) => `${lux(v * 1000)} lux`) });
}
