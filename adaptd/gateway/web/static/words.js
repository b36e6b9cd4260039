// Numbers and times in words: the unit stands beside each number, and what is missing is a word and never a number.

export const milli = (value, digits) => (value / 1000).toFixed(digits);

export function lux(value_mlx) {
  const value = value_mlx / 1000;
  return value >= 100 ? String(Math.round(value)) : value >= 1 ? value.toFixed(1) : value.toFixed(2);
}

export const points = (ppm) => (ppm / 10000).toFixed(2);

export const count = (number) => Number(number).toLocaleString("en-GB");

export function age(ms) {
  if (ms < 2000) return `${Math.round(ms)} ms ago`;
  if (ms < 120000) return `${Math.round(ms / 1000)} s ago`;
  return `${duration(ms / 1000)} ago`;
}

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
  return `${Math.round(s / 86400)} days`;
}

export function bytes(number) {
  if (number === null || number === undefined) return "size not known here";
  if (number < 1e6) return `${(number / 1e3).toFixed(0)} kB`;
  return number < 1e9 ? `${(number / 1e6).toFixed(1)} MB` : `${(number / 1e9).toFixed(2)} GB`;
}

export const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const plain = (name) => String(name).replaceAll("_", " ");

// Elements are made and filled by text alone: nothing that the daemon says is ever read as HTML.
export function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

// Shows `text` at an id; `raw` is the status document's own value, for whoever wants to compare.
export function show(id, text, raw) {
  const element = document.getElementById(id);
  if (element.textContent !== text) element.textContent = text;
  if (raw !== undefined) element.dataset.raw = JSON.stringify(raw);
  return element;
}

export function fill(id, children) {
  document.getElementById(id).replaceChildren(...children);
}
