// The frame: who is signed in, which view stands, and how one gets to another. A place is `#/t/TENANT/…`; the token is never part
// of it.

import { get, path, Problem, token, whenRefused } from "./api.js";
import { h, button, put, say } from "./dom.js";
import { login } from "./views/login.js";
import { jobs } from "./views/jobs.js";
import { job } from "./views/job.js";
import { modules } from "./views/modules.js";
import { deploy } from "./views/deploy.js";
import { tenants } from "./views/tenants.js";
import { tokens } from "./views/tokens.js";

/**
 * What a view gets. @typedef {{tenant: string, rest: string[], query: URLSearchParams, signal: AbortSignal, who: import("./api.js").Whoami,
 *   can: (scope: string) => boolean, url: (...parts: string[]) => string, place: (...parts: string[]) => string}} Context
 * What it answers. @typedef {{title: string, element: HTMLElement, key?: string, change?: (rest: string[]) => void}} View
 */

/** @type {Record<string, {label: string, view: (context: Context) => View | Promise<View>, needs?: string}>} */
const VIEWS = {
  jobs: { label: "Jobs", view: (context) => (context.rest.length ? job(context) : jobs(context)) },
  modules: { label: "Modules", view: modules },
  deploy: { label: "Deploy", view: deploy, needs: "deploy" },
  tenants: { label: "Tenants", view: tenants },
  tokens: { label: "Tokens", view: tokens, needs: "admin" },
};

const THEME = "sluicebox-theme";
const main = document.getElementById("main");
const bar = document.getElementById("bar");

/** @type {import("./api.js").Whoami | null} */
let who = null;
let names = [];
/** The view that stands. */
let stands = { key: "", view: null, end: new AbortController() };

/** What a token with `deploy` or `push` may do includes looking; `admin` is everything. */
const can = (scope) => !!who && (who.scopes.includes("admin") || who.scopes.includes(scope) || scope === "view");

/** `#/t/TENANT/VIEW/…?query` */
function here() {
  const [before, query] = location.hash.slice(1).split("?");
  const parts = before.split("/").slice(1).map((part) => { try { return decodeURIComponent(part); } catch { return ""; } });
  const [mark, tenant, name, ...rest] = parts;
  return { tenant: mark === "t" ? tenant : undefined, name: Object.hasOwn(VIEWS, name ?? "") ? name : "jobs", rest: rest.filter(Boolean), query: new URLSearchParams(query ?? "") };
}

const placeOf = (tenant, ...parts) => `#/t/${[tenant, ...parts].map(encodeURIComponent).join("/")}`;

async function show() {
  if (!who) return;
  const { tenant, name, rest, query } = here();
  if (!tenant || !names.includes(tenant)) {
    location.replace(placeOf(names.includes("default") ? "default" : names[0] ?? who.tenant ?? "default", "jobs"));
    return;
  }
  navigation(tenant, name);
  const key = [tenant, name, rest[0] ?? "", query].join("/");
  if (stands.key === key && stands.view?.change) return stands.view.change(rest);
  stands.end.abort();
  const end = new AbortController();
  const view = { key, view: null, end };
  stands = view;
  const context = {
    tenant, rest, query, signal: end.signal, who, can,
    url: (...parts) => path("tenants", tenant, ...parts),
    place: (...parts) => placeOf(tenant, ...parts),
  };
  const made = await VIEWS[name].view(context);
  if (stands !== view) return;
  view.view = made;
  document.title = `${made.title} · ${tenant} · sluicebox`;
  put(main, made.element);
  // Whoever listens or uses the keyboard begins where the new content does; the first view leaves them at the top.
  if (shown) main.focus({ preventScroll: true });
  shown = true;
  scrollTo(0, 0);
}
let shown = false;

function navigation(tenant, current) {
  const link = ([name, { label }]) => h("a", { href: placeOf(tenant, name), "aria-current": name === current ? "page" : null }, label);
  const allowed = Object.entries(VIEWS).filter(([, view]) => !view.needs || can(view.needs));
  const choose = h("select", { "aria-label": "Tenant", onchange: () => { location.hash = placeOf(choose.value, current); } },
    names.map((name) => h("option", { selected: name === tenant }, name)));
  const had = bar.contains(document.activeElement) ? document.activeElement.getAttribute("data-id") : null;
  put(bar,
    h("a", { class: "brand", href: placeOf(tenant, "jobs") }, h("img", { src: "icon.svg", alt: "", width: 20, height: 20 }), "sluicebox"),
    h("nav", { "aria-label": "Main" }, allowed.map(link)),
    h("div", { class: "who" },
      names.length > 1 ? choose : h("span", { class: "tenant" }, tenant),
      h("span", { class: "faint name", title: `token ${who.token_id}: ${who.scopes.join(", ")}` }, who.name),
      button("Theme", theme, { "data-id": "theme", title: "light, dark, or as the system" }),
      button("Sign out", () => out(null), { "data-id": "out" })));
  choose.setAttribute("data-id", "tenant");
  bar.hidden = false;
  if (had) /** @type {HTMLElement | null} */ (bar.querySelector(`[data-id="${had}"]`))?.focus();
}

function theme() {
  const order = ["system", "light", "dark"];
  const next = order[(order.indexOf(document.documentElement.dataset.theme ?? "system") + 1) % order.length];
  localStorage.setItem(THEME, next);
  document.documentElement.dataset.theme = next;
  say(`theme: ${next}`);
}

/** Sign in with the token that is kept. Throws a [`Problem`] if it is none. */
async function enter() {
  const whoami = await get("/v1/whoami");
  names = whoami.tenant ? [whoami.tenant] : (await get("/v1/tenants")).map((tenant) => tenant.name);
  who = whoami;
  await show();
}

/** Sign out, and say why. @param {Problem | null} problem */
function out(problem) {
  token.clear();
  who = null;
  stands.end.abort();
  stands = { key: "", view: null, end: new AbortController() };
  for (const open of document.querySelectorAll("dialog")) open.close();
  bar.hidden = true;
  document.title = "Sign in · sluicebox";
  put(main, login(async (text) => { token.set(text); try { await enter(); } catch (error) { token.clear(); throw error; } }, problem));
  /** @type {HTMLElement | null} */ (main.querySelector("input"))?.focus();
}

/** Tenants have changed: the chooser offers them. */
export async function tenantsChanged() {
  if (who?.tenant) return;
  names = (await get("/v1/tenants")).map((tenant) => tenant.name);
  const { tenant, name } = here();
  if (tenant) navigation(tenant, name);
}

document.documentElement.dataset.theme = localStorage.getItem(THEME) ?? "system";
document.querySelector(".skip")?.addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
addEventListener("hashchange", () => show());
whenRefused((problem) => { if (who) out(problem); });
if (token.get()) enter().catch(out);
else out(null);
