// Modules: what was pushed, and pushing.

import { call, get, request } from "../api.js";
import { confirm } from "../dialog.js";
import { h, button, field, put, say, table, text } from "../dom.js";
import { problem } from "../problem.js";
import { bytes, digest, time } from "../format.js";
import { facts } from "./parts.js";

/** @param {import("../app.js").Context} context @returns {import("../app.js").View} */
export function modules({ url, signal, can, tenant, rest, place }) {
  const trouble = h("div");
  const details = h("div", { tabindex: -1 });
  let all = [];
  const open = (name, td) => {
    const a = td.firstChild ?? td.appendChild(h("a", {}));
    a.href = place("modules", name);
    text(a, name);
  };
  const list = table("Modules", [
    { head: "Module", cell: (m, td) => open(m.name, td) },
    { head: "Newest", num: true, cell: (m) => m.versions[0].version },
    { head: "Versions", num: true, cell: (m) => m.versions.length },
    { head: "Size", num: true, cell: (m) => bytes(m.versions[0].size_bytes) },
    { head: "Implements", cell: (m) => interfaces(m.versions[0].exports) },
    { head: "Pushed", cell: (m) => time(m.versions[0].pushed_ms) },
    { head: "Digest", title: "SHA-256", cell: (m, td) => { td.className = "mono"; text(td, digest(m.versions[0].digest)); } },
  ], (m) => m.name, "no modules yet: push one");
  const refresh = async () => {
    try {
      all = await get(url("modules"), { signal });
      list.update(all);
      const chosen = all.find((m) => m.name === rest[0]);
      put(details, rest[0] && (chosen ? detail(chosen) : h("p", { class: "faint" }, `there is no module ${rest[0]}`)));
    } catch (error) {
      if (!signal.aborted) put(trouble, problem(error));
    }
  };

  const detail = (module) => h("section", { class: "panel" }, h("h2", {}, module.name), module.versions.map((v, i) => h("details", { open: i === 0 },
    h("summary", {}, `${tenant}/${v.name}@${v.version}`, h("span", { class: "faint" }, ` ${time(v.pushed_ms)}, ${bytes(v.size_bytes)}`)),
    facts([
      ["In a spec", h("code", {}, `module: ${v.name}@${v.version}`)], ["SHA-256", h("code", {}, v.digest)], ["Implements", v.exports.join(", ") || "nothing"],
      ["Asks for", v.imports.join(", ") || "nothing"], ["Pushed by", h("code", {}, v.pushed_by)],
    ]),
    h("div", { class: "actions" },
      button("Download", () => download(v)),
      can("push") && button("Delete", () => remove(v), { class: "danger", "aria-label": `Delete ${v.name}@${v.version}` })))));

  const remove = async (v) => {
    const done = await confirm(`Delete ${v.name}@${v.version}?`, "Its number is not given again. A version that a job needs can't be deleted.", "Delete", () => call("DELETE", url("modules", v.name, String(v.version))), true);
    if (done) { say(`${v.name}@${v.version} is deleted`); await refresh(); }
  };
  const download = async (v) => {
    try {
      const answer = await request("GET", url("modules", v.name, String(v.version), "content"));
      const link = h("a", { href: URL.createObjectURL(await answer.blob()), download: `${v.name}-${v.version}.wasm` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (error) { put(trouble, problem(error)); }
  };

  refresh();
  const element = h("section", {},
    h("div", { class: "head" }, h("h1", {}, "Modules")),
    trouble, h("div", { class: can("push") ? "beside" : null }, h("div", {}, list.element, details), can("push") && upload(url, refresh)));
  return { title: "Modules", element };
}

/** `filter, lifecycle` of `sluicebox:udf/filter@0.1.0` and so on. */
const interfaces = (list) => list.map((name) => name.replace(/^.*\//, "").replace(/@.*$/, "")).filter((name) => name !== "lifecycle").join(", ");

/** The form that pushes. */
function upload(url, refresh) {
  const file = h("input", { type: "file", accept: ".wasm,application/wasm", required: true, id: "module-file", onchange: () => named() });
  const name = h("input", { type: "text", required: true, id: "module-name", pattern: "[a-z0-9\\-]{1,40}", autocomplete: "off", spellcheck: "false" });
  const imports = h("input", { type: "checkbox", id: "module-imports" });
  const submit = h("button", { type: "submit", class: "primary" }, "Push");
  const said = h("div", { role: "status" });
  const named = () => {
    const stem = file.files[0]?.name.replace(/\.wasm$/, "").toLowerCase().replace(/[^a-z0-9-]+/g, "-").slice(0, 40);
    if (stem) name.value = stem;
  };
  const onsubmit = async (event) => {
    event.preventDefault();
    submit.disabled = true;
    put(said, h("p", {}, "pushing: the host checks and compiles it …"));
    try {
      const answer = await request("PUT", url("modules", name.value.trim()), { body: file.files[0], type: "application/wasm", query: { allow_new_imports: imports.checked || null } });
      const version = await answer.json();
      const news = answer.status === 201 ? "is pushed" : "was there already, with these very bytes";
      put(said, h("p", { class: "good" }, `${version.name}@${version.version} ${news}`));
      imports.checked = false;
      await refresh();
    } catch (error) {
      put(said, problem(error));
    } finally {
      submit.disabled = false;
    }
  };
  return h("form", { class: "panel narrow", onsubmit, "aria-label": "Push a module" },
    h("h2", {}, "Push a module"),
    field("File", file, ["A WebAssembly component, as ", h("code", {}, "sluicebox build"), " makes it."]),
    field("Name", name, "Small letters, digits and dashes. The same name again makes the next version."),
    h("div", { class: "check" }, imports, h("label", { for: "module-imports" }, "Accept imports that the newest version does not have")),
    submit, said);
}
