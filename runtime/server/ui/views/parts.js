// What several views show in the same way.

import { h, text } from "../dom.js";
import { clock } from "../format.js";

/** How a job is, in a word: what is wanted of it counts where it stands because of that. */
export function stateOf(job) {
  const state = job.status?.state;
  if (job.desired !== "running" && (!state || state === "idle")) return job.desired;
  const shards = job.status?.shards ?? [];
  // Its shards have given back what they held until there is something to read.
  if (state === "running" && shards.length && shards.every((shard) => shard.state === "idle")) return "parked";
  return state ?? "not here";
}

/** The same as a badge in `td`. */
export function state(td, job) {
  const word = stateOf(job);
  const badge = td.querySelector(".badge") ?? td.appendChild(h("span", { class: "badge" }));
  badge.dataset.state = word.replace(" ", "-");
  text(badge, word);
}

/** Says when a view's data is old, and why. */
export function stale() {
  const element = h("p", { class: "stale", role: "status" });
  let last = null;
  return {
    element,
    told: (/** @type {Error | null} */ error) => {
      if (!error) last = Date.now();
      text(element, error ? `${error.message}${last ? `; as of ${clock(last)}` : ""}` : "");
    },
  };
}

/** The lines of `diff -u`, coloured. */
export function diffView(diff, label = "Differences") {
  const kind = (line) => (line.startsWith("@@") ? "at" : line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : null);
  const lines = diff.replace(/\n$/, "").split("\n").map((line) => h("span", { class: kind(line) }, `${line}\n`));
  return h("pre", { class: "diff", tabindex: 0, role: "region", "aria-label": label }, lines);
}

/** What a deployment changes. @param {{changes: string[], diff: string}} deployed */
export function changesView({ changes, diff }) {
  if (!changes.length && !diff) return h("p", {}, "Nothing changes.");
  return h("div", {}, h("ul", { class: "changes" }, changes.map((change) => h("li", {}, change))), diff && diffView(diff));
}

/** Names and values. @param {[string, any][]} pairs */
export const facts = (pairs) => h("dl", { class: "facts" }, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

/** Links that change a part of a view. */
export function tabs(label, list) {
  const links = list.map(([name, words, href]) => h("a", { href, "data-tab": name }, words));
  return {
    element: h("nav", { class: "tabs", "aria-label": label }, links),
    choose: (name) => { for (const a of links) a.dataset.tab === name ? a.setAttribute("aria-current", "page") : a.removeAttribute("aria-current"); },
  };
}

