// Tenants: what each may have, what it uses now and has used on this host; for an admin also to change.

import { call, get, poll } from "../api.js";
import { tenantsChanged } from "../app.js";
import { confirm, dialog } from "../dialog.js";
import { h, button, field, put, say, table, text } from "../dom.js";
import { bytes, compact, count, duration, percent } from "../format.js";
import { stale } from "./parts.js";

/** Quotas: name, label, unit. */
const QUOTAS = [
  ["cpu_percent_max", "CPU", "percent of one core"], ["records_per_second_max", "Records", "a second"], ["bytes_per_second_max", "Bytes", "a second, read and written"],
  ["state_bytes_max", "State", "bytes"], ["memory_bytes_max", "Memory for state", "bytes, by what specs allow"], ["instance_memory_bytes_max", "Memory of an instance", "bytes"], ["module_bytes_max", "Size of a module", "bytes"],
  ["modules_max", "Modules", ""], ["jobs_max", "Jobs", ""],
];
const POLICY = [["read", "Topics it may read"], ["write", "Topics it may write"], ["groups", "Consumer groups it may use"], ["connections", "Kafka connections (none: all)"]];

/** @param {import("../app.js").Context} context @returns {import("../app.js").View} */
export function tenants({ signal, can, who, tenant: current }) {
  const admin = can("admin") && !who.tenant;
  const before = new Map();
  const rates = (tenant, at) => {
    const last = before.get(tenant.name);
    before.set(tenant.name, { at, used: tenant.used });
    if (!last?.used || !tenant.used || at <= last.at) return null;
    const per = (what) => Math.max(0, tenant.used[what] - last.used[what]) / ((at - last.at) / 1000);
    return { cpu: per("cpu_ms") / 10, records: per("records"), bytes: per("bytes"), throttled: per("throttled_ms") / 1000 };
  };
  const meter = (td, used, max, format) => {
    let bar = td.querySelector("meter");
    if (!td.firstChild) td.append(h("span"), h("meter", { min: 0, max: 1, low: 0.7, high: 0.9, optimum: 0 }));
    bar ??= td.querySelector("meter");
    text(td.firstChild, `${used == null ? "–" : format(used)}${max == null ? "" : ` of ${format(max)}`}`);
    bar.hidden = max == null || used == null;
    if (!bar.hidden) { bar.value = max ? Math.min(1, used / max) : 1; bar.setAttribute("aria-label", `${percent(used / max)} of the quota`); }
  };
  const column = (head, title, used, max, format) => ({ head, title, num: true, cell: (t, td) => meter(td, used(t), max && t.quotas[max], format) });
  const list = table("Tenants", [
    { head: "Tenant", cell: (t, th) => { text(th, t.name); th.classList.toggle("current", t.name === current); } },
    { head: "", cell: (t) => (t.disabled ? "disabled" : "") },
    column("CPU now", "of one core, on this host", (t) => t.now?.cpu, "cpu_percent_max", (n) => `${n < 10 ? n.toFixed(1) : Math.round(n)}%`),
    column("Records/s", "that its jobs read", (t) => t.now?.records, "records_per_second_max", compact),
    column("Bytes/s", "read and written", (t) => t.now?.bytes, "bytes_per_second_max", bytes),
    column("State", "committed state on this host", (t) => t.used?.state_bytes, "state_bytes_max", bytes),
    column("Jobs", "", (t) => t.jobs, "jobs_max", count),
    column("Modules", "", (t) => t.modules, "modules_max", count),
    { head: "Throttled now", num: true, title: "shards held back because a quota is used up", cell: (t) => (t.now ? t.now.throttled.toFixed(1) : "–") },
    { head: "Since the host started", title: "CPU time, records, bytes", cell: (t) => (t.used ? `${duration(t.used.cpu_ms)} CPU, ${compact(t.used.records)} records, ${bytes(t.used.bytes)}` : "nothing ran") },
    { head: "", cell: (t, td) => actions(t, td) },
  ], (t) => t.name);

  const actions = (t, td) => {
    td.tenant = t;
    if (!td.firstChild && admin) {
      td.append(h("div", { class: "row-actions" },
        button("Edit", () => edit(td.tenant), { "aria-label": `Edit ${t.name}` }), button("", () => toggle(td.tenant))));
    }
    if (!admin) return;
    const [word, other] = [t.disabled ? "Enable" : "Disable", td.querySelectorAll("button")[1]];
    text(other, word);
    other.setAttribute("aria-label", `${word} ${t.name}`);
  };
  const freshness = stale();
  const refresh = async () => {
    const all = await get("/v1/tenants", { signal });
    const at = Date.now();
    for (const t of all) t.now = rates(t, at);
    list.update(all);
  };
  const patch = (name, body) => call("PATCH", `/v1/tenants/${encodeURIComponent(name)}`, { body });
  const toggle = async (t) => {
    const [word, words] = t.disabled ? ["Enable", "Its tokens are taken again, and its jobs go on."] : ["Disable", "Its tokens are refused, and its jobs stand until it is enabled again."];
    if (await confirm(`${word} ${t.name}?`, words, word, () => patch(t.name, { disabled: !t.disabled }), !t.disabled)) { say(`${t.name}: ${word.toLowerCase()}d`); await refresh(); }
  };
  const edit = async (t) => {
    const form = fields(t);
    const done = await dialog({ title: `Tenant ${t.name}`, content: form.content, confirm: "Save", act: async () => { await patch(t.name, form.read()); return true; } });
    if (done) { say(`${t.name} is changed`); await refresh(); }
  };
  const create = async () => {
    const name = h("input", { type: "text", required: true, pattern: "[a-z0-9\\-]{1,40}", autocomplete: "off", spellcheck: "false" });
    const form = fields({ quotas: {}, policy: { read: [], write: [], groups: [], connections: [] } });
    const act = async () => {
      const { policy, quotas } = form.read();
      const set = Object.fromEntries(Object.entries(quotas).filter(([, value]) => value != null));
      await call("POST", "/v1/tenants", { body: { name: name.value.trim(), policy, quotas: set } });
      return true;
    };
    if (await dialog({ title: "New tenant", content: [field("Name", name), form.content], confirm: "Create", act })) { say(`${name.value.trim()} is created`); await tenantsChanged(); await refresh(); }
  };

  poll(2000, signal, refresh, freshness.told);
  const element = h("section", {},
    h("div", { class: "head" }, h("h1", {}, "Tenants"), freshness.element, admin && button("New tenant", create, { class: "primary" })),
    h("p", { class: "hint" }, "What is used is of this host; quotas on rates hold on each host. A bar shows how much of a quota is used."), list.element);
  return { title: "Tenants", element };
}

/** Fields of a tenant's policy and quotas. */
function fields(tenant) {
  const quotas = QUOTAS.map(([key, label, unit]) => [key, label, unit, h("input", { type: "number", min: 0, step: 1, value: tenant.quotas[key] ?? "", placeholder: "default", name: key })]);
  const policy = POLICY.map(([key, label]) => [key, label, h("textarea", { rows: 2, spellcheck: "false", name: key })]);
  for (const [key, , area] of policy) area.value = (tenant.policy[key] ?? []).join("\n");
  const content = h("div", { class: "columns" },
    h("fieldset", {}, h("legend", {}, "Policy: names, or prefixes that end in *, one a line"), policy.map(([, label, area]) => field(label, area))),
    h("fieldset", {}, h("legend", {}, "Quotas; empty: the default"), quotas.map(([, label, unit, input]) => field(unit ? `${label} (${unit})` : label, input))));
  const read = () => ({
    policy: Object.fromEntries(policy.map(([key, , area]) => [key, area.value.split(/[\s,]+/).filter(Boolean)])),
    quotas: Object.fromEntries(quotas.map(([key, , , input]) => [key, input.value === "" ? null : Number(input.value)])),
  });
  return { content, read };
}
