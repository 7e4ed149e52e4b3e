// All jobs of a tenant, and how each of them is.

import { get, poll, skew_ms } from "../api.js";
import { shares, spark } from "../charts.js";
import { h, put, table, text } from "../dom.js";
import { bytes, compact, count, duration } from "../format.js";
import { historyOf } from "../history.js";
import { stale, state } from "./parts.js";

/** @param {import("../app.js").Context} context @returns {import("../app.js").View} */
export function jobs({ url, place, signal, tenant, can }) {
  const link = (job, td) => {
    const a = td.firstChild ?? td.appendChild(h("a", {}));
    a.href = place("jobs", job.job);
    text(a, job.job);
  };
  const now = (job) => job.history.now;
  const list = table("Jobs", [
    { head: "Job", cell: link },
    { head: "State", cell: (job, td) => state(td, job) },
    { head: "Version", num: true, cell: (job) => version(job) },
    { head: "Shards", num: true, title: "shards that hosts run", cell: (job) => count(job.status?.shards.length ?? 0) },
    { head: "Records/s", num: true, cell: (job) => compact(now(job)?.read) },
    { head: "", cell: (job, td) => put(td, spark(job.history.samples.slice(-60).map((sample) => sample.read))) && undefined },
    { head: "Lag", num: true, title: "records not read yet", cell: (job) => compact(now(job)?.lag) },
    { head: "Watermark delay", num: true, title: "how far event time is behind, of the slowest partition", cell: (job) => duration(now(job)?.delay) },
    { head: "Time", title: "busy, back-pressured, throttled", cell: (job, td) => put(td, times(now(job))) && undefined },
    { head: "State size", num: true, cell: (job) => bytes((job.status?.shards ?? []).reduce((sum, shard) => sum + shard.state_bytes, 0)) },
    { head: "", cell: (job) => job.status?.message ?? "" },
  ], (job) => job.job, "no jobs: push a module, then deploy a spec");
  const filter = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter jobs by name", oninput: () => draw() });
  const freshness = stale();
  const summary = h("p", { class: "summary" });
  let all = [];
  const draw = () => {
    const wanted = filter.value.trim().toLowerCase();
    list.update(all.filter((job) => job.job.includes(wanted)));
    const halted = all.filter((job) => job.status?.state === "halted").length;
    text(summary, `${all.length} ${all.length === 1 ? "job" : "jobs"}${halted ? `, ${halted} halted` : ""}`);
  };
  poll(2000, signal, async () => {
    const answer = await get(url("jobs"), { signal });
    const at = Date.now() + skew_ms;
    all = answer.map((job) => ({ ...job, history: historyOf(tenant, job.job, job.uid) }));
    for (const job of all) job.history.take(job.status, at);
    draw();
  }, freshness.told);
  const element = h("section", {},
    h("div", { class: "head" }, h("h1", {}, "Jobs"), summary, filter, freshness.element,
      can("deploy") && h("a", { class: "button primary", href: place("deploy") }, "Deploy a job")),
    list.element);
  return { title: "Jobs", element };
}

const version = (job) => (job.status?.version != null && job.status.version !== job.version ? `${job.status.version} → ${job.version}` : String(job.version));

const times = (sample) => sample && shares([
  { label: "busy", class: "busy", share: sample.busy },
  { label: "back-pressured", class: "pressed", share: sample.back_pressured },
  { label: "throttled", class: "throttled", share: sample.throttled },
]);
