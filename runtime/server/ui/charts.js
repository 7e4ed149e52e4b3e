// Lines over time, in SVG. A chart can be read with the pointer, with the arrow keys, and as words.

import { h, s, text, put } from "./dom.js";
import { clock } from "./format.js";

const HEIGHT = 112;
const LEFT = 46;
const BOTTOM = 16;
const TOP = 6;
const SPAN_MS = 300_000;
/** A longer silence than this is a gap in the line. */
const GAP_MS = 20_000;

/** The next round number, so that an axis doesn't move with each sample. Bytes are round in their own way. */
function ceiling(value, binary) {
  if (value <= 0) return 1;
  if (binary) return 2 ** Math.ceil(Math.log2(value));
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((round) => round >= value) ?? value;
}

/**
 * @param {string} title
 * @param {{label: string, class: string, pick: (sample: any) => number | null}[]} series
 * @param {(value: number) => string} format
 * @param {{least?: number, most?: number, binary?: boolean, note?: (sample: any) => string}} [more]
 */
export function chart(title, series, format, more = {}) {
  const now = h("span", { class: "now" });
  const legend = h("div", { class: "legend" }, series.map((line) => h("span", { class: `key ${line.class}` }, line.label, " ", h("b"))));
  const svg = s("svg", { height: HEIGHT, role: "img", tabindex: 0 });
  const element = h("figure", { class: "chart" }, h("figcaption", {}, h("span", {}, title), now), svg, legend);
  let samples = [];
  let chosen = null;
  let width = 0;

  const values = () => legend.querySelectorAll("b");
  const tell = (sample) => {
    series.forEach((line, i) => text(values()[i], sample ? show(line.pick(sample)) : "–"));
    const note = sample && more.note?.(sample);
    text(now, chosen != null && sample ? clock(sample.at) : note || "");
  };
  const show = (value) => (value == null ? "–" : format(value));

  const draw = () => {
    width = svg.clientWidth || width;
    if (!width) return;
    const end = samples.at(-1)?.at ?? 0;
    const seen = samples.filter((sample) => sample.at >= end - SPAN_MS);
    const all = seen.flatMap((sample) => series.map((line) => line.pick(sample))).filter((v) => v != null);
    const top = more.most ?? ceiling(Math.max(more.least ?? 0, ...all), more.binary);
    const x = (at) => LEFT + (width - LEFT - 4) * (1 - (end - at) / SPAN_MS);
    const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.min(value, top) / top);
    const grid = [0, 0.5, 1].map((part) => [
      s("line", { class: part ? "grid" : "axis", x1: LEFT, x2: width - 4, y1: y(top * part), y2: y(top * part) }),
      s("text", { x: LEFT - 6, y: y(top * part) + 3.5, "text-anchor": "end" }, format(top * part)),
    ]);
    const minutes = width < 420 ? [5, 3, 1] : [5, 4, 3, 2, 1];
    const times = minutes.map((minutes) => s("text", { x: x(end - minutes * 60_000), y: HEIGHT - 3, "text-anchor": minutes === 5 ? "start" : "middle" }, `−${minutes} min`));
    const lines = series.map((line, i) => {
      const parts = pieces(seen, line.pick);
      const d = parts.map((part) => part.map(([at, v], j) => `${j ? "L" : "M"}${x(at).toFixed(1)} ${y(v).toFixed(1)}`).join("")).join("");
      const area = i === 0 && parts.map((part) => `M${x(part[0][0]).toFixed(1)} ${y(0)}${part.map(([at, v]) => `L${x(at).toFixed(1)} ${y(v).toFixed(1)}`).join("")}L${x(part.at(-1)[0]).toFixed(1)} ${y(0)}Z`).join("");
      return [area && s("path", { class: `area ${line.class}`, d: area }), d && s("path", { class: `line ${line.class}`, d })];
    });
    const at = chosen == null ? null : nearest(seen, chosen);
    const cross = at && s("line", { class: "cross", x1: x(at.at), x2: x(at.at), y1: TOP, y2: HEIGHT - BOTTOM });
    put(svg, ...[grid, times, lines, cross].flat(3));
    svg.setAttribute("aria-label", words(seen));
    tell(at ?? samples.at(-1));
  };

  const words = (seen) => {
    if (!seen.length) return `${title}: no values yet`;
    const said = series.map((line) => {
      const all = seen.map(line.pick).filter((v) => v != null);
      return all.length ? `${line.label} ${show(line.pick(seen.at(-1)))}, at most ${format(Math.max(...all))}` : `${line.label} unknown`;
    });
    return `${title}, last 5 minutes: ${said.join("; ")}`;
  };

  svg.addEventListener("pointermove", (event) => {
    const end = samples.at(-1)?.at ?? 0;
    const part = (event.offsetX - LEFT) / Math.max(1, width - LEFT - 4);
    chosen = end - SPAN_MS * (1 - Math.max(0, Math.min(1, part)));
    draw();
  });
  const leave = () => { chosen = null; draw(); };
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("blur", leave);
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") return leave();
    if (!step || !samples.length) return;
    event.preventDefault();
    const from = samples.indexOf(nearest(samples, chosen ?? samples.at(-1).at));
    chosen = samples[Math.max(0, Math.min(samples.length - 1, from + step))].at;
    draw();
  });
  new ResizeObserver(draw).observe(element);
  return { element, update: (/** @type {any[]} */ list) => { samples = list; if (element.isConnected && element.offsetParent) draw(); } };
}

/** Runs of values without a gap. */
function pieces(samples, pick) {
  const parts = [];
  let last = null;
  for (const sample of samples) {
    const value = pick(sample);
    if (value == null) continue;
    if (last == null || sample.at - last > GAP_MS) parts.push([]);
    parts.at(-1).push([sample.at, value]);
    last = sample.at;
  }
  return parts;
}

const nearest = (samples, at) => samples.reduce((best, sample) => (best && Math.abs(best.at - at) <= Math.abs(sample.at - at) ? best : sample), null);

/** A line in a row of a table. @param {number[]} values */
export function spark(values, width = 84, height = 18) {
  const top = Math.max(1, ...values);
  const step = width / Math.max(1, values.length - 1);
  const points = values.map((v, i) => `${(i * step).toFixed(1)},${(height - 2 - (v / top) * (height - 4)).toFixed(1)}`).join(" ");
  return s("svg", { class: "spark", width, height, "aria-hidden": "true" }, values.length > 1 && s("polyline", { points }));
}

/** Shares of time side by side. */
export function shares(parts) {
  const said = parts.map((part) => `${part.label} ${Math.round(part.share * 100)}%`).join(", ");
  const bar = h("span", { class: "shares", role: "img", "aria-label": said, title: said });
  for (const part of parts) {
    const piece = h("span", { class: part.class });
    piece.style.width = `${Math.min(100, part.share * 100)}%`;
    bar.append(piece);
  }
  return bar;
}
