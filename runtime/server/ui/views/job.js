// One job: how it is now and what it did while the page was open; its ledger, versions, dead letters and log are tabs.

import { call, get, poll, skew_ms } from "../api.js";
import { confirm } from "../dialog.js";
import { h, button, put, say, text } from "../dom.js";
import { problem } from "../problem.js";
import { bytes, compact, duration } from "../format.js";
import { graphView } from "../graph.js";
import { historyOf } from "../history.js";
import { charts } from "./job-charts.js";
import { ledger, shards } from "./job-tables.js";
import { letters } from "./job-letters.js";
import { logs } from "./job-logs.js";
import { versions } from "./job-versions.js";
import { stale, state, stateOf, tabs } from "./parts.js";

/** @param {import("../app.js").Context} context @returns {Promise<import("../app.js").View>} */
export async function job(context) {
  const { url, place, signal, tenant, can } = context;
  const name = context.rest[0];
  let last;
  try {
    last = await get(url("jobs", name), { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    return { title: name, element: h("section", {}, h("h1", {}, name), problem(error)) };
  }
  const history = historyOf(tenant, name, last.uid);
  const badge = h("span");
  const numbers = Object.fromEntries(["Version", "Records/s", "Lag", "Watermark delay", "State"].map((word) => [word, h("dd")]));
  const message = h("p", { class: "message", role: "status" });
  const freshness = stale();
  const graphs = h("div", {}, h("p", { class: "faint" }, "…"));
  const over = charts();
  const parts = { ledger: ledger(), shards: shards() };
  const versionList = versions(context, () => last, () => refresh());
  const dead = letters(context);
  const log = logs(url("jobs", name, "logs"), signal);
  let graph = null;
  let drawn = null;
  /** Lag of the whole job, whoever runs it: it grows also while nobody does. @type {number | null} */
  let whole = null;

  const actions = can("deploy") ? buttons() : { element: null, update: () => {} };
  const bodies = {
    overview: h("div", {}, h("section", { class: "panel" }, h("h2", {}, "Operators"), graphs, key()), over.element, h("section", { class: "panel" }, h("h2", {}, "Shards"), parts.shards.element)),
    ledger: h("section", { class: "panel" }, h("h2", {}, "Ledger"), h("p", { class: "hint" }, "Where the rows of each operator went since the job began. Rows in = all that went anywhere."), parts.ledger.element),
    versions: versionList.element,
    "dead-letters": dead.element,
    logs: log.element,
  };
  const nav = tabs("Of this job", [
    ["overview", "Overview", place("jobs", name)], ["ledger", "Ledger", place("jobs", name, "ledger")],
    ["versions", "Versions", place("jobs", name, "versions")], ["dead-letters", "Dead letters", place("jobs", name, "dead-letters")], ["logs", "Logs", place("jobs", name, "logs")],
  ]);
  const change = (rest) => {
    const tab = Object.hasOwn(bodies, rest[1] ?? "") ? rest[1] : "overview";
    nav.choose(tab);
    for (const [word, body] of Object.entries(bodies)) body.hidden = word !== tab;
    dead.show(tab === "dead-letters");
    log.show(tab === "logs");
    over.update(history.samples);
  };

  const drawGraph = async () => {
    const wanted = last.status?.version ?? last.version;
    if (drawn === `${last.uid}/${wanted}`) return;
    drawn = `${last.uid}/${wanted}`;
    const version = await get(url("jobs", name, "versions", String(wanted)), { signal }).catch(() => null);
    if (!version) { drawn = null; return; }
    parts.ledger.order(version.graph);
    graph = version.graph ? graphView(version.graph) : null;
    put(graphs, graph ? graph.element : h("p", { class: "faint" }, "this version can't be read any more, so there is no graph of it"));
  };
  const draw = () => {
    const sample = history.now;
    state(badge, last);
    const runs = last.status?.version;
    text(numbers.Version, runs != null && runs !== last.version ? `${runs} → ${last.version}` : String(last.version));
    text(numbers["Records/s"], compact(sample?.read));
    text(numbers.Lag, compact(whole ?? sample?.lag));
    text(numbers["Watermark delay"], duration(sample?.delay));
    text(numbers.State, bytes((last.status?.shards ?? []).reduce((sum, shard) => sum + shard.state_bytes, 0)));
    // What a host runs that does not answer is missing from everything here.
    const away = (last.hosts ?? []).filter((host) => host.unreached).map((host) => `host ${host.url ?? host.host} is not in this: ${host.unreached}`);
    const words = [last.status?.message, ...away].filter(Boolean).join("\n");
    text(message, words);
    message.hidden = !words;
    actions.update();
    graph?.update(sample);
    over.update(history.samples);
    parts.ledger.update(last.status);
    parts.shards.update(last.status, last.hosts);
    versionList.update(last);
  };
  const refresh = async () => {
    last = await get(url("jobs", name), { signal });
    history.take(last.status, Date.now() + skew_ms, whole);
    await drawGraph();
    if (!signal.aborted) draw();
  };

  function buttons() {
    const path = (what) => url("jobs", name, what);
    const ask = (title, words, label, method, where, danger) => async () => {
      const done = await confirm(title, words, label, () => call(method, where), danger);
      if (!done) return;
      say(`${name}: ${label.toLowerCase()} — done`);
      if (method === "DELETE") location.hash = place("jobs");
      else await refresh().catch(() => {});
    };
    const all = {
      pause: button("Pause", ask(`Pause ${name}?`, "It ends its epoch and stands. Its positions and windows stay; it goes on there when it is resumed.", "Pause", "POST", path("pause"))),
      resume: button("Resume", ask(`Resume ${name}?`, "It goes on where it was.", "Resume", "POST", path("resume"))),
      stop: button("Stop", ask(`Stop ${name}?`, "It ends its epoch and stands. A stopped job can be resumed, or deleted.", "Stop", "POST", path("stop"), true)),
      remove: button("Delete", ask(`Delete ${name}?`, "The job, its versions and what it has in Kafka (changelog, positions) go for good. Its output topics stay.", "Delete", "DELETE", url("jobs", name), true), { class: "danger" }),
    };
    const edit = h("a", { class: "button", href: `${place("deploy")}?job=${encodeURIComponent(name)}` }, "Edit spec");
    return {
      element: h("div", { class: "actions" }, edit, Object.values(all)),
      update: () => {
        all.pause.hidden = last.desired !== "running";
        all.resume.hidden = last.desired === "running" && stateOf(last) !== "halted";
        all.stop.hidden = last.desired === "stopped";
        all.remove.hidden = last.desired !== "stopped";
      },
    };
  }

  const element = h("section", {},
    h("div", { class: "head" }, h("h1", {}, name), badge,
      h("dl", { class: "numbers" }, Object.entries(numbers).map(([word, dd]) => h("div", {}, h("dt", {}, word), dd))),
      actions.element),
    message, freshness.element, nav.element, Object.values(bodies));
  change(context.rest);
  draw();
  poll(1500, signal, refresh, freshness.told);
  // The host asks the brokers for it, so not too often.
  poll(5000, signal, async () => { whole = (await get(url("jobs", name, "lag"), { signal })).lag; }, (error) => { if (error) whole = null; });
  return { title: name, element, change };
}

/** What the colours mean. */
const key = () => h("p", { class: "key-row" },
  h("span", {}, "operators: busy"), h("span", { class: "scale" }, [0, 1, 2, 3, 4].map((heat) => h("i", { "data-heat": heat }))),
  h("span", {}, "sinks: back-pressured"), h("span", { class: "scale sink" }, [0, 1, 2, 3, 4].map((heat) => h("i", { "data-heat": heat }))),
  h("span", { class: "faint" }, "rows a second; dashed: late rows, dead letters"));
