// What a job did over the last minutes.

import { chart } from "../charts.js";
import { h } from "../dom.js";
import { bytes, compact, duration, percent } from "../format.js";

export function charts() {
  const all = [
    chart("Lag (records)", [
      { label: "shards, read", class: "a", pick: (x) => x.lag },
      { label: "whole job, committed", class: "b", pick: (x) => x.whole_lag },
    ], compact, { least: 10 }),
    chart("Watermark delay", [
      { label: "slowest partition", class: "a", pick: (x) => x.delay },
      { label: "fastest", class: "b", pick: (x) => x.delay_least },
    ], duration, { least: 1000 }),
    chart("Records a second", [
      { label: "read", class: "a", pick: (x) => x.read },
      { label: "late or dead-lettered", class: "c", pick: (x) => x.side },
    ], compact, { least: 10 }),
    chart("Where the time goes", [
      { label: "busy", class: "a", pick: (x) => x.busy },
      { label: "back-pressured", class: "d", pick: (x) => x.back_pressured },
      { label: "throttled", class: "c", pick: (x) => x.throttled },
    ], percent, { most: 1 }),
    chart("Epoch duration", [
      { label: "longest", class: "a", pick: (x) => x.epoch_ms },
      { label: "its commit", class: "b", pick: (x) => x.commit_ms },
    ], duration, { least: 100 }),
    chart("Epoch size", [{ label: "changelog", class: "a", pick: (x) => x.delta_bytes }], bytes, { least: 1024, binary: true, note: (x) => (x.epoch_records == null ? "" : `${compact(x.epoch_records)} records`) }),
  ];
  return {
    element: h("section", { class: "charts", "aria-label": "Over time" }, all.map((one) => one.element)),
    update: (samples) => { for (const one of all) one.update(samples); },
  };
}
