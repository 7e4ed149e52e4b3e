// Signing in: a token, which this tab keeps until it is closed.

import { h, field, put } from "../dom.js";
import { problem } from "../problem.js";

/** @param {(token: string) => Promise<void>} enter @param {Error | null} why somebody was signed out */
export function login(enter, why) {
  const input = h("input", { type: "password", id: "token", required: true, autocomplete: "off", spellcheck: "false", placeholder: "sbx_…" });
  const trouble = h("div", {}, why && problem(why));
  const submit = h("button", { type: "submit", class: "primary" }, "Sign in");
  const onsubmit = async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return input.focus();
    submit.disabled = true;
    put(trouble);
    try {
      // A header can't have more than these.
      await enter(text.replace(/[^\x21-\x7e]/g, ""));
    } catch (error) {
      put(trouble, problem(error));
      submit.disabled = false;
      input.focus();
    }
  };
  return h("section", { class: "login" },
    h("div", { class: "brand" }, h("img", { src: "icon.svg", alt: "", width: 32, height: 32 }), "sluicebox"),
    h("form", { onsubmit },
      h("h1", { class: "unseen" }, "Sign in"),
      field("Token", input, "It is kept for this tab only. Whoever runs the host makes tokens; the first one is in its data folder."),
      trouble, submit));
}
