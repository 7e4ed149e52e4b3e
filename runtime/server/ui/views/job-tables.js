// A job's ledger and its shards.

import { skew_ms } from "../api.js";
import { shares } from "../charts.js";
import { put, table, h, text } from "../dom.js";
import { bytes, count, duration, percent, shortHost } from "../format.js";
import { lagsOf, ledgerOf } from "../history.js";

const WAYS = [
  ["in", "In", "rows that came in"], ["forwarded", "Forwarded", "rows with at least one output"], ["filtered", "Filtered", "dropped on purpose"],
  ["skipped", "Skipped", "failed, and dropped by `on_error: skip`"], ["late", "Late", "all their windows were gone"],
  ["dead_lettered", "Dead-lettered", "failed, and sent to the dead-letter topic"], ["absorbed", "Absorbed", "taken into windows"],
  ["held", "Held", "(row, window) pairs in open windows"], ["released", "Released", "(row, window) pairs whose window is gone"],
];

export function ledger() {
  let order = [];
  const place = (id) => (order.includes(id) ? order.indexOf(id) : order.length);
  const list = table("Ledger", [
    { head: "Operator", cell: (row) => row.id },
    ...WAYS.map(([way, head, title]) => ({ head, title, num: true, cell: (row) => count(row.account[way] ?? 0) })),
    { head: "Balance", title: "whether all rows are accounted for", cell: (row) => (balanced(row.account) ? "✓" : "rows are missing") },
    { head: "Calls", num: true, title: "of its module, since the shards started", cell: (row) => count(row.calls) },
    { head: "Traps", num: true, cell: (row) => count(row.traps) },
    { head: "Memory", num: true, cell: (row) => bytes(row.memory) },
  ], (row) => row.id, "no shard of this job runs");
  return {
    element: list.element,
    /** The operators as the job has them. */
    order: (graph) => { order = graph ? [graph.source.id, ...graph.operators.map((operator) => operator.id)] : []; },
    update: (status) => {
      const modules = (status?.shards ?? []).flatMap((shard) => Object.entries(shard.operators));
      const sum = (id, what) => {
        const own = modules.filter(([of]) => of === id);
        return own.length ? own.reduce((total, [, figures]) => total + figures[what], 0) : undefined;
      };
      const rows = Object.entries(ledgerOf(status)).map(([id, account]) => ({ id, account, calls: sum(id, "calls"), traps: sum(id, "traps"), memory: sum(id, "memory_bytes") }));
      list.update(rows.sort((a, b) => place(a.id) - place(b.id)));
    },
  };
}

const balanced = (a) => a.in === a.forwarded + a.filtered + a.skipped + a.late + a.dead_lettered + a.absorbed && a.assigned === a.released + a.held;

export function shards() {
  const badge = (shard, td) => {
    const element = td.firstChild ?? td.appendChild(h("span", { class: "badge" }));
    element.dataset.state = shard.state;
    text(element, shard.state);
  };
  const total = (shard) => Object.values(shard.times).reduce((a, b) => a + b, 0) - shard.times.cpu_ms;
  const time = (shard, td) => {
    const all = total(shard) || 1;
    put(td, shares([
      { label: "busy", class: "busy", share: shard.times.busy_ms / all },
      { label: "back-pressured", class: "pressed", share: shard.times.back_pressured_ms / all },
      { label: "throttled", class: "throttled", share: shard.times.throttled_ms / all },
    ]));
  };
  let urls = new Map();
  const list = table("Shards", [
    { head: "Shard", cell: (shard) => shard.shard },
    { head: "State", cell: badge },
    { head: "Host", cell: (shard, td) => { td.title = urls.get(shard.host) ?? ""; return shortHost(shard.host); } },
    { head: "Partitions", cell: (shard) => Object.keys(shard.positions).join(", ") },
    { head: "Epoch", num: true, cell: (shard) => count(shard.epoch) },
    { head: "Position", num: true, title: "sum over its partitions", cell: (shard) => count(Object.values(shard.positions).reduce((a, b) => a + b, 0)) },
    { head: "Lag", num: true, cell: (shard) => count(lagsOf(shard).reduce((a, b) => a + b, 0)) },
    { head: "Watermark delay", num: true, cell: (shard) => delay(shard) },
    { head: "Last epoch", num: true, cell: (shard) => duration(shard.last_epoch.duration_ms) },
    { head: "Time since its start", cell: time },
    { head: "CPU", num: true, title: "of one core, since its start", cell: (shard) => percent(shard.times.cpu_ms / (total(shard) || 1)) },
    { head: "State size", num: true, cell: (shard) => bytes(shard.state_bytes) },
    { head: "Hot key", title: "the key that most of its records had lately", cell: (shard) => hottest(shard) },
    { head: "", cell: (shard) => shard.message ?? "" },
  ], (shard) => String(shard.shard), "no shard of this job runs");
  const update = (status, hosts) => {
    urls = new Map((hosts ?? []).map((host) => [host.host, host.url]));
    list.update([...(status?.shards ?? [])].sort((a, b) => a.shard - b.shard));
  };
  return { element: list.element, update };
}

/** Every shard has a hottest key; it is worth a word from this part of the records on, as on the command line. */
const HOT_PERCENT = 10;

function hottest({ hot_keys: [hot] }) {
  return hot?.percent >= HOT_PERCENT ? `${hot.key} (${hot.percent}%)` : "–";
}

function delay(shard) {
  const delays = Object.values(shard.watermarks).map((mark) => Date.now() + skew_ms - mark).filter((d) => d < 1e14);
  return delays.length ? duration(Math.max(...delays)) : "–";
}
