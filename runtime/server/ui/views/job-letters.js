// What a job could not process, and giving it to the job again.

import { call, get } from "../api.js";
import { confirm } from "../dialog.js";
import { h, button, put, say, table, text } from "../dom.js";
import { problem } from "../problem.js";
import { count, time } from "../format.js";

const SHOWN = 200;
const LONG = 120;

/** @param {import("../app.js").Context} context */
export function letters({ url, rest, signal, can }) {
  const place = (...more) => url("jobs", rest[0], "dead-letters", ...more);
  const said = h("span", { class: "faint", role: "status" });
  const trouble = h("div");
  const error = h("input", { type: "search", placeholder: "Error contains", "aria-label": "Error contains", onchange: () => look() });
  const all = h("input", { type: "checkbox", onchange: () => look() });
  const list = table("Dead letters", [
    { head: "Record", title: "partition and offset in the source", cell: (letter) => `${letter.source_partition}@${letter.source_offset ?? "end"}` },
    { head: "Operator", cell: (letter) => letter.operator },
    { head: "Error", cell: (letter, td) => { if (!td.firstChild) td.append(long(letter.error)); } },
    { head: "Key", cell: (letter, td) => { td.className = "mono"; text(td, beginning(letter.key)); } },
    { head: "Value", cell: (letter, td) => { td.className = "mono"; text(td, beginning(letter.value)); } },
    { head: "Event time", cell: (letter) => time(letter.timestamp_ms) },
    { head: "", cell: (letter) => (letter.window_end_ms != null ? "result of a window" : letter.whole ? "" : "cut") },
  ], (letter) => `${letter.partition}@${letter.offset}`, "none");

  const attempt = async (act) => {
    put(trouble);
    try { await act(); } catch (error) { if (!signal.aborted) put(trouble, problem(error)); }
  };
  // The host reads the topic for it: when it is asked for, not again and again.
  const look = () => attempt(async () => {
    text(said, "…");
    try {
      const found = await get(place(), { signal, query: { limit: SHOWN, all: all.checked || null, error: error.value.trim() || null } });
      list.update(found.letters);
      const shown = found.letters.length < found.count ? `, the first ${count(found.letters.length)} of them here` : "";
      text(said, `${count(found.count)}${found.more ? " or more" : ""}${shown}`);
    } catch (error) {
      text(said, "");
      throw error;
    }
  });
  const ask = (wish) => call("POST", place("requeue"), { body: wish, signal });
  const again = button("Requeue", async () => { again.disabled = true; await requeue(); again.disabled = false; });
  const requeue = () => attempt(async () => {
    const { would, repeats, warning } = await plan(ask);
    const wish = { repeats, until: would.until };
    const words = [warning, wouldDo(would), "Correct what made them fail first: what fails again waits here again."].filter(Boolean);
    const act = async () => { for (let done = false; !done;) ({ done } = await ask(wish)); };
    if (!(await confirm("Requeue the dead letters?", words, "Requeue", act, repeats))) return;
    say("The dead letters are requeued");
    await look();
  });
  return {
    element: h("section", { class: "panel" },
      h("div", { class: "head" }, h("h2", {}, "Dead letters"), said, error, h("label", {}, all, " with those dealt with"),
        h("div", { class: "actions" }, button("Look again", look), can("deploy") && again)),
      h("p", { class: "hint" }, "Of all hosts, whatever the filter: a requeue gives the record of each to the job again, once."), trouble, list.element),
    show: (seen) => { if (seen) look(); },
  };
}

/** What a requeue would do. Where it could count something twice that is the second question, and the answer says so. */
async function plan(ask) {
  try {
    return { would: await ask({ dry_run: true }), repeats: false, warning: null };
  } catch (error) {
    if (error.status !== 409) throw error;
    // Whatever else is in the way is in the way of this too, and says so.
    return { would: await ask({ dry_run: true, repeats: true }), repeats: true, warning: error.message };
  }
}

function wouldDo({ topic, requeued, gone, windows, foreign }) {
  const records = Object.entries(requeued).map(([operator, n]) => `${count(n)} of ${operator}`).join(", ");
  const rest = [[gone, "whose record is not there any more"], [windows, "that are results of windows"], [foreign, "that are not of this job"]];
  const left = rest.filter(([n]) => n).map(([n, what]) => `${count(n)} ${what}`).join(", ");
  return `To ${topic}: ${records || "nothing"}.${left ? ` Left alone: ${left}.` : ""}`;
}

/** A guest's backtrace goes on and on: its beginning is enough until somebody wants more. */
function long(words) {
  return words.length <= LONG ? words : h("details", {}, h("summary", {}, `${words.slice(0, LONG)}…`), words);
}

/** As much of a field as the host sends. */
function beginning(field) {
  if (!field) return "null";
  const seen = field.text ?? `0x${field.hex}`;
  const sent = field.text != null ? new TextEncoder().encode(field.text).length : (field.hex ?? "").length / 2;
  return sent < field.bytes ? `${seen}… (${count(field.bytes)} bytes)` : seen;
}
