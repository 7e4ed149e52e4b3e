// What went wrong, as the API says it: what happened, what to do, and where.

import { h, button } from "./dom.js";

/**
 * @param {any} error @param {(place: import("./api.js").SpecProblem) => void} [go] leads to a place in the spec
 */
export function problem(error, go) {
  const list = (error.problems ?? []).map((p) => {
    const place = p.line ? `line ${p.line}${p.column ? `, column ${p.column}` : ""}` : "";
    return h("li", {},
      place && (go ? button(place, () => go(p), { class: "link" }) : h("span", { class: "mono" }, place)), place && " ",
      p.path && h("code", {}, p.path), p.path && " ",
      h("span", {}, p.message), p.help && h("span", { class: "help" }, ` — ${p.help}`));
  });
  return h("div", { class: "problem", role: "alert" },
    h("strong", {}, error.title ?? "It failed"),
    h("p", {}, error.message),
    error.help && h("p", { class: "help" }, error.help),
    list.length > 0 && h("ul", {}, list));
}
