// Deploying: a spec, what it would change, and then the change. Only what was looked at can be deployed: the text of the
// last dry run, over the version that it was compared with.

import { call, get } from "../api.js";
import { h, button, field, put, say, text } from "../dom.js";
import { problem } from "../problem.js";
import { changesView } from "./parts.js";

const EXAMPLE = `apiVersion: sluicebox/v1
job: my-job
source:
  kafka: { topic: orders, start: earliest }
  watermark: { max_out_of_orderness: 20s }
operators:
  - id: valid
    filter: { module: orders-valid@1 }
    on_error: dead_letter
sink:
  kafka: { topic: valid-orders }
dead_letter: { topic: orders-dead }
`;

/** @param {import("../app.js").Context} context @returns {Promise<import("../app.js").View>} */
export async function deploy({ url, place, query, signal }) {
  const given = query.get("job");
  const trouble = h("div");
  const spec = h("textarea", { id: "spec", rows: 26, spellcheck: "false", autocomplete: "off", autocapitalize: "off", wrap: "off", required: true, oninput: () => edited() });
  const numbers = h("pre", { class: "lines", "aria-hidden": "true" });
  const file = h("input", { type: "file", id: "spec-file", accept: ".yaml,.yml,text/yaml", onchange: () => choose() });
  const job = h("input", { type: "text", id: "job-name", required: true, autocomplete: "off", spellcheck: "false", oninput: () => { typed = job.value !== ""; checked = null; edited(); } });
  const result = h("div", { class: "result", tabindex: -1, role: "region", "aria-label": "Result" });
  const dry = h("button", { type: "submit", class: "primary" }, "Dry run");
  const go = button("Deploy", () => act(false), { disabled: true });
  let typed = false;
  /** @type {{text: string, job: string, base: number} | null} */
  let checked = null;

  const edited = () => {
    if (!typed) job.value = /^job:[ \t]*["']?([^\s"'#]+)/m.exec(spec.value)?.[1] ?? "";
    const lines = spec.value.split("\n").length;
    text(numbers, Array.from({ length: lines }, (_, i) => i + 1).join("\n"));
    go.disabled = !checked || checked.text !== spec.value || checked.job !== job.value;
  };
  const choose = async () => {
    if (!file.files[0]) return;
    spec.value = await file.files[0].text();
    typed = false;
    edited();
  };
  spec.addEventListener("scroll", () => { numbers.scrollTop = spec.scrollTop; });

  /** The caret goes to where a problem is. */
  const lead = ({ line, column }) => {
    const lines = spec.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0) + (column ?? 1) - 1;
    const end = lines.slice(0, line).reduce((sum, l) => sum + l.length + 1, 0) - 1;
    spec.focus();
    spec.setSelectionRange(start, Math.max(start, end));
    spec.scrollTop = (spec.scrollHeight / lines.length) * Math.max(0, line - 6);
  };

  const act = async (dry_run) => {
    const [sent, name, base] = [spec.value, job.value.trim(), checked?.base];
    dry.disabled = go.disabled = true;
    put(result, h("p", { class: "faint" }, dry_run ? "checking the spec, its modules and topics …" : "deploying …"));
    try {
      const answer = await call("PUT", url("jobs", name), { body: sent, type: "application/yaml", query: { dry_run: dry_run || null, expected_version: dry_run ? null : base } });
      const nothing = !answer.changes.length && !answer.diff;
      if (dry_run) {
        checked = { text: sent, job: name, base: nothing ? answer.version : answer.version - 1 };
        put(result, h("h2", {}, nothing ? `Version ${answer.version} is this very job` : `This would be version ${answer.version} of ${name}`), changesView(answer),
          !nothing && h("p", { class: "hint" }, "Nothing is changed yet. Deploy makes it so."));
      } else {
        checked = null;
        say(`${name}: version ${answer.version} is deployed`);
        put(result, h("h2", {}, `Version ${answer.version} of ${name} is deployed`), changesView(answer), h("p", {}, h("a", { href: place("jobs", name) }, `See ${name} run`)));
      }
    } catch (error) {
      if (signal.aborted) return;
      checked = null;
      put(result, problem(error, lead));
    } finally {
      dry.disabled = false;
      edited();
    }
    result.focus({ preventScroll: true });
    result.scrollIntoView({ block: "nearest" });
  };

  if (given) {
    try {
      const now = await get(url("jobs", given), { signal });
      spec.value = (await get(url("jobs", given, "versions", String(now.version)), { signal })).spec;
    } catch (error) {
      if (signal.aborted) throw error;
      put(trouble, problem(error));
    }
  } else {
    spec.placeholder = EXAMPLE;
  }
  edited();
  const form = h("form", { onsubmit: (event) => { event.preventDefault(); act(true); } },
    h("div", { class: "row" }, field("Job", job), field("Spec from a file", file)),
    h("div", { class: "field" }, h("label", { for: "spec" }, "Spec"), h("div", { class: "editor" }, numbers, spec)),
    h("div", { class: "actions" }, dry, go, h("span", { class: "hint" }, "Variables are not replaced here: write values, or ${NAME:-default}.")));
  const element = h("section", {}, h("div", { class: "head" }, h("h1", {}, given ? `Deploy ${given}` : "Deploy")), trouble, h("div", { class: "halves" }, form, result));
  return { title: "Deploy", element };
}
