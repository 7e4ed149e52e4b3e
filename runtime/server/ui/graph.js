// A job's operators as a graph: source → operators → sinks, and below them where late rows and dead letters go. Operators
// are coloured by how busy they are, sinks by how long the shards wait for brokers, the source by how long a quota holds them.

import { h, s, text } from "./dom.js";
import { compact, percent } from "./format.js";

const W = 172, H = 74, GAP_X = 62, GAP_Y = 26, SIDE_H = 44;

/** @typedef {{id: string, class: string, x: number, y: number, title: string, sub: string, meter?: (sample: any) => number, meter_label?: string, rate?: (sample: any) => number, h?: number}} Box */

/**
 * @param {{source: any, operators: any[], sinks: any[]}} graph as the API answers it
 */
export function graphView(graph) {
  const { boxes, edges, width, height } = layout(graph);
  const svg = s("svg", { class: "graph", viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
  const paint = [];
  for (const edge of edges) paint.push(drawEdge(svg, edge));
  for (const box of boxes.values()) paint.push(drawBox(svg, box));
  const order = [...boxes.values()];
  const update = (sample) => {
    for (const act of paint) act(sample);
    svg.setAttribute("aria-label", `Operators. ${order.map((box) => words(box, sample)).join("; ")}`);
  };
  update(null);
  return { element: h("div", { class: "graph-scroll", tabindex: 0, role: "region", "aria-label": "Operator graph" }, svg), update };
}

function words(box, sample) {
  const rate = box.rate && sample ? `, ${compact(box.rate(sample))} rows a second` : "";
  const meter = box.meter && sample ? `, ${box.meter_label} ${percent(box.meter(sample))}` : "";
  return `${box.title} (${box.sub})${rate}${meter}`;
}

/** Columns by distance from the source, rows by branch; side outputs in a last row. */
function layout(graph) {
  /** @type {Map<string, any>} */ const boxes = new Map();
  const edges = [];
  const depth = new Map([[graph.source.id, 0]]);
  const used = new Map();
  const add = (key, box, from) => {
    const column = from == null ? 0 : (depth.get(from) ?? 0) + 1;
    depth.set(key, column);
    // Beside what it reads, or in the next free row of its column.
    const wish = from == null ? 0 : (boxes.get(from)?.row ?? 0);
    const taken = used.get(column) ?? -1;
    const row = Math.max(wish, taken + 1);
    used.set(column, row);
    boxes.set(key, { key, ...box, row, x: column * (W + GAP_X), y: row * (H + GAP_Y), h: H });
  };
  const { source } = graph;
  add(source.id, {
    class: "source", title: source.input, sub: "source", meter: (x) => x.throttled, meter_label: "throttled",
    rate: (x) => x.read,
  });
  for (const operator of graph.operators) {
    add(operator.id, {
      class: "operator", title: operator.id, sub: `${operator.kind} · ${operator.module}`,
      meter: (x) => x.operators[operator.id]?.busy ?? 0, meter_label: "busy", rate: (x) => x.operators[operator.id]?.rows ?? 0,
    }, operator.from);
    edges.push({ from: operator.from, to: operator.id, rate: out(operator.from, source) });
  }
  for (const sink of graph.sinks) {
    const key = `sink:${sink.id}`;
    add(key, { class: "sink", title: sink.output, sub: "sink", meter: (x) => x.back_pressured, meter_label: "back-pressured" }, sink.from);
    edges.push({ from: sink.from, to: key, rate: out(sink.from, source) });
  }
  const below = (Math.max(0, ...[...boxes.values()].map((box) => box.row)) + 1) * (H + GAP_Y) + 4;
  sides(graph, boxes, edges, below);
  const all = [...boxes.values()];
  for (const edge of edges) { edge.a = boxes.get(edge.from); edge.b = boxes.get(edge.to); }
  return {
    boxes, edges: edges.filter((edge) => edge.a && edge.b),
    width: Math.max(...all.map((box) => box.x + W)) + 2, height: Math.max(...all.map((box) => box.y + box.h)) + 2,
  };
}

/** Rows of an operator that go on; of windows: pairs of a row and a window that has fired. */
const out = (id) => (sample) => (sample.flows[id]?.forwarded ?? 0) + (sample.flows[id]?.released ?? 0);

/** A box for each topic of late rows or dead letters, below the operators that fill it. */
function sides(graph, boxes, edges, y) {
  const topics = new Map();
  const side = (topic, kind, from, way) => {
    if (!topic) return;
    const key = `side:${topic}`;
    if (!topics.has(key)) topics.set(key, { key, class: "side", title: topic, kinds: new Set(), from: [], ways: [], h: SIDE_H, y });
    const box = topics.get(key);
    box.kinds.add(kind);
    box.from.push(from);
    box.ways.push([from, way]);
    edges.push({ from, to: key, side: true, rate: (sample) => sample.flows[from]?.[way] ?? 0 });
  };
  side(graph.source.dead_letter, "dead letters", graph.source.id, "dead_lettered");
  for (const operator of graph.operators) {
    side(operator.dead_letter, "dead letters", operator.id, "dead_lettered");
    side(operator.late, "late rows", operator.id, "late");
  }
  let right = -Infinity;
  const mean = (box) => box.from.reduce((sum, id) => sum + boxes.get(id).x, 0) / box.from.length;
  for (const box of [...topics.values()].sort((a, b) => mean(a) - mean(b))) {
    const x = Math.max(mean(box), right);
    right = x + W + 24;
    const rate = (sample) => box.ways.reduce((sum, [id, way]) => sum + (sample.flows[id]?.[way] ?? 0), 0);
    boxes.set(box.key, { ...box, x, sub: [...box.kinds].join(", "), rate });
  }
}

function drawEdge(svg, { a, b, side, rate }) {
  const [x1, y1, x2, y2] = side
    ? [a.x + W / 2, a.y + a.h, b.x + W / 2, b.y]
    : [a.x + W, a.y + a.h / 2, b.x, b.y + b.h / 2];
  const bend = side ? (y2 - y1) / 2 : (x2 - x1) / 2;
  const d = side
    ? `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`
    : `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2 - 5} ${y2}`;
  const path = s("path", { class: side ? "edge side" : "edge", d });
  const head = !side && s("path", { class: "head", d: `M${x2 - 7} ${y2 - 4}L${x2} ${y2}L${x2 - 7} ${y2 + 4}Z` });
  const label = !side && s("text", { class: "rate", x: (x1 + x2) / 2, y: (y1 + y2) / 2 - 7, "text-anchor": "middle" });
  svg.append(...[path, head, label].filter(Boolean));
  return (sample) => {
    const flow = sample ? rate(sample) : 0;
    path.classList.toggle("flows", flow > 0);
    path.style.strokeWidth = side ? "" : String(Math.min(5, 1.25 + Math.log10(1 + flow) * 0.7));
    if (label) text(label, sample ? `${compact(flow)}/s` : "");
  };
}

function drawBox(svg, box) {
  const meter = box.meter && s("rect", { class: "fill", x: box.x + 10, y: box.y + box.h - 13, height: 4, rx: 2, width: 0 });
  const track = box.meter && s("rect", { class: "track", x: box.x + 10, y: box.y + box.h - 13, height: 4, rx: 2, width: W - 20 });
  const value = box.meter && s("text", { class: "value", x: box.x + W - 10, y: box.y + 53, "text-anchor": "end" });
  const rate = box.rate && s("text", { class: "value", x: box.x + 10, y: box.y + (box.meter ? 53 : 35) });
  const sub = s("text", { class: "sub", x: box.x + 10, y: box.y + 35 }, clip(box.sub, 27));
  const shape = s("rect", { class: "shape", x: box.x + 0.5, y: box.y + 0.5, width: W - 1, height: box.h - 1, rx: 6 });
  const title = s("text", { class: "title", x: box.x + 10, y: box.y + 20 }, clip(box.title, 21));
  const full = s("title", {}, `${box.title} — ${box.sub}`);
  const group = s("g", { class: `box ${box.class}` }, full, shape, title, box.meter && sub, track, meter, value, rate);
  svg.append(group);
  return (sample) => {
    const known = sample != null;
    if (rate) text(rate, known ? `${compact(box.rate(sample))}/s${box.meter ? "" : ` ${box.sub}`}` : box.meter ? "" : box.sub);
    if (!box.meter) return;
    const share = known ? box.meter(sample) : 0;
    group.dataset.heat = String(heat(share));
    meter.setAttribute("width", String((W - 20) * share));
    text(value, known ? `${box.meter_label} ${percent(share)}` : "");
  };
}

/** 0 to 4. */
export const heat = (share) => [0.05, 0.3, 0.6, 0.85].filter((step) => share >= step).length;

const clip = (words, length) => (words.length > length ? `${words.slice(0, length - 1)}…` : words);
