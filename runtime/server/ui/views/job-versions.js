// The versions of a job: what each of them was, how it differs from the one that runs, and back to it.

import { call, get } from "../api.js";
import { unified } from "../diff.js";
import { confirm } from "../dialog.js";
import { h, button, put, say, table, text } from "../dom.js";
import { problem } from "../problem.js";
import { digest, time } from "../format.js";
import { diffView } from "./parts.js";

/**
 * @param {import("../app.js").Context} context @param {() => any} current the job as it was seen last @param {() => Promise<void>} changed
 */
export function versions({ url, rest, signal, can }, current, changed) {
  const name = rest[0];
  const shown = h("div", { class: "shown", tabindex: -1 });
  const specs = new Map();
  const spec = async (number) => {
    if (!specs.has(number)) specs.set(number, (await get(url("jobs", name, "versions", String(number)), { signal })).spec);
    return specs.get(number);
  };
  const attempt = (act) => async () => {
    try { await act(); } catch (error) { if (!signal.aborted) show(problem(error)); }
  };
  const show = (...what) => { put(shown, ...what); shown.scrollIntoView({ block: "nearest" }); shown.focus({ preventScroll: true }); };
  const showSpec = (number) => attempt(async () => {
    show(h("h3", {}, `Spec of version ${number}`), h("pre", { tabindex: 0, role: "region", "aria-label": `Spec of version ${number}` }, await spec(number)));
  });
  const difference = async (number) => {
    const diff = unified(await spec(current().version), await spec(number));
    return diff ? diffView(diff, `From version ${current().version} to ${number}`) : h("p", {}, "Their specs are the same.");
  };
  const compare = (number) => attempt(async () => show(h("h3", {}, `From version ${current().version} to version ${number}`), await difference(number)));
  const back = (number) => attempt(async () => {
    const expected_version = current().version;
    const words = [`A new version repeats version ${number}. Windows and positions stay.`, await difference(number)];
    const done = await confirm(`Roll back to version ${number}?`, words, "Roll back", () => call("POST", url("jobs", name, "rollback"), { body: { to_version: number, expected_version } }));
    if (!done) return;
    say(`${name}: rolled back to version ${number}`);
    await changed();
  });
  const acts = (version, td) => {
    if (!td.firstChild) {
      td.append(h("div", { class: "row-actions" },
        button("Spec", showSpec(version.version), { "aria-label": `Spec of version ${version.version}` }),
        button("Compare", compare(version.version), { "aria-label": `Compare version ${version.version} with the current one` }),
        can("deploy") && button("Roll back", back(version.version), { "aria-label": `Roll back to version ${version.version}` })));
    }
    for (const extra of [...td.firstChild.children].slice(1)) extra.hidden = version.version === current().version;
  };
  const list = table("Versions", [
    { head: "Version", cell: (v, th) => { text(th, `${v.version}`); th.classList.toggle("current", v.version === current().version); } },
    { head: "", cell: (v) => (v.version === current().version ? "current" : v.version === current().status?.version ? "still runs" : "") },
    { head: "Deployed", cell: (v) => time(v.deployed_ms) },
    { head: "By", title: "id of the token", cell: (v, td) => { td.className = "mono"; text(td, v.deployed_by); } },
    { head: "Repeats", cell: (v) => v.rollback_of ?? "" },
    { head: "Plan", title: "hash of what is computed", cell: (v, td) => { td.className = "mono"; text(td, digest(v.plan_hash)); } },
    { head: "Modules", cell: (v, td) => { td.className = "modules"; text(td, Object.entries(v.modules).map(([module, sum]) => `${module} ${digest(sum)}`).join("\n")); } },
    { head: "", cell: acts },
  ], (v) => String(v.version));
  return {
    element: h("section", { class: "panel" }, h("h2", {}, "Versions"), list.element, shown),
    update: (job) => list.update(job.versions),
  };
}
