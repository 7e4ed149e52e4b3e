// Tokens of a tenant or of the installation: made, shown once, revoked.

import { call, get, path } from "../api.js";
import { confirm, dialog } from "../dialog.js";
import { h, button, field, put, say, table, text } from "../dom.js";
import { problem } from "../problem.js";
import { time } from "../format.js";

const SCOPES = [["view", "look"], ["push", "change modules, and look"], ["deploy", "change jobs, and look"], ["admin", "everything, tenants and tokens too"]];
const LIVES = [["", "until it is revoked"], [86_400, "a day"], [7 * 86_400, "a week"], [90 * 86_400, "90 days"], [366 * 86_400, "a year"]];

/** @param {import("../app.js").Context} context @returns {import("../app.js").View} */
export function tokens({ signal, tenant, who }) {
  const of = h("select", { id: "tokens-of", onchange: () => refresh() }, h("option", { value: tenant }, `tenant ${tenant}`), h("option", { value: "" }, "the installation"));
  const trouble = h("div");
  const url = (...more) => (of.value ? path("tenants", of.value, "tokens", ...more) : path("tokens", ...more));
  const state = (t) => (t.revoked ? "revoked" : t.expires_ms && t.expires_ms < Date.now() ? "expired" : "usable");
  const acts = (t, td) => {
    if (!td.firstChild) td.append(button("Revoke", () => revoke(t), { class: "danger", "aria-label": `Revoke ${t.name}` }));
    td.firstChild.hidden = state(t) !== "usable";
  };
  const list = table("Tokens", [
    { head: "Name", cell: (t) => t.name },
    { head: "State", cell: (t, td) => { const b = td.firstChild ?? td.appendChild(h("span", { class: "badge" })); b.dataset.state = state(t); text(b, state(t)); } },
    { head: "Id", cell: (t, td) => { td.className = "mono"; text(td, t.id === who.token_id ? `${t.id} (this session)` : t.id); } },
    { head: "May", cell: (t) => t.scopes.join(", ") },
    { head: "Made", cell: (t) => time(t.created_ms) },
    { head: "Ends", cell: (t) => (t.expires_ms ? time(t.expires_ms) : "") },
    { head: "", cell: acts },
  ], (t) => t.id, "no tokens");
  const refresh = async () => {
    put(trouble);
    try {
      const all = await get(url(), { signal });
      list.update(all.sort((a, b) => Number(state(a) !== "usable") - Number(state(b) !== "usable") || b.created_ms - a.created_ms));
    } catch (error) { if (!signal.aborted) put(trouble, problem(error)); }
  };
  const revoke = async (t) => {
    const own = t.id === who.token_id ? " It is the one of this session." : "";
    if (await confirm(`Revoke ${t.name}?`, `Whoever uses it is refused from now on, for good.${own}`, "Revoke", () => call("DELETE", url(t.id)), true)) { say(`${t.name} is revoked`); await refresh(); }
  };
  const create = async () => {
    const name = h("input", { type: "text", required: true, autocomplete: "off", spellcheck: "false", id: "token-name" });
    const scopes = SCOPES.filter(([scope]) => scope !== "admin" || !of.value).map(([scope, words]) => [scope, h("input", { type: "checkbox", id: `scope-${scope}`, checked: scope === "view" }), words]);
    const life = h("select", {}, LIVES.map(([seconds, words]) => h("option", { value: seconds }, words)));
    const content = [field("Name", name, "Whom or what it is for."),
      h("fieldset", {}, h("legend", {}, "It may"), scopes.map(([scope, box, words]) => h("div", { class: "check" }, box, h("label", { for: box.id }, h("b", {}, scope), ` ${words}`)))),
      field("It lasts", life)];
    const act = () => call("POST", url(), { body: { name: name.value.trim(), scopes: scopes.filter(([, box]) => box.checked).map(([scope]) => scope), ...(life.value ? { expires_in_s: Number(life.value) } : {}) } });
    const made = await dialog({ title: of.value ? `New token of ${of.value}` : "New token of the installation", content, confirm: "Make", act });
    if (!made) return;
    await refresh();
    const shown = h("input", { type: "text", readonly: true, class: "mono wide", value: made.token, id: "made-token", onfocus: () => shown.select() });
    const copied = h("span", { role: "status" });
    const copy = button("Copy", async () => {
      try { await navigator.clipboard.writeText(made.token); text(copied, "copied"); } catch { shown.focus(); text(copied, "press Ctrl-C"); }
    });
    await dialog({ title: `Token ${made.name}`, cancel: "Close", content: [field("Its text", shown, "It is shown now and never again."), h("div", { class: "actions" }, copy, copied)] });
  };
  refresh();
  const element = h("section", {},
    h("div", { class: "head" }, h("h1", {}, "Tokens"), h("label", { for: "tokens-of" }, "of"), of, button("New token", create, { class: "primary" })), trouble, list.element);
  return { title: "Tokens", element };
}
