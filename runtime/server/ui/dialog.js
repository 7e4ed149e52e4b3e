// Dialogs: the browser's own, which keep focus inside and give it back.

import { h, button, put } from "./dom.js";
import { problem } from "./problem.js";

/**
 * Show a dialog with some content; `act` runs when it is confirmed, and the dialog stays open if that fails.
 * @param {{title: string, content: any[], confirm?: string, danger?: boolean, act?: () => Promise<any>, cancel?: string}} what
 * @returns {Promise<any>} what `act` answers; undefined if it was cancelled
 */
export function dialog({ title, content, confirm, danger, act, cancel = "Cancel" }) {
  return new Promise((resolve) => {
    let answer;
    const trouble = h("div");
    const yes = confirm && h("button", { type: "submit", class: danger ? "danger" : "primary" }, confirm);
    const submit = async (event) => {
      event.preventDefault();
      if (!act || yes.disabled) return element.close();
      yes.disabled = true;
      put(trouble);
      try {
        answer = await act();
        element.close();
      } catch (error) {
        put(trouble, problem(error));
      } finally {
        yes.disabled = false;
      }
    };
    const element = h("dialog", { "aria-label": title, onclose: () => { element.remove(); resolve(answer); } },
      h("form", { onsubmit: submit }, h("h2", {}, title), content, trouble,
        // What can't be undone is not what Enter does at once.
        h("div", { class: "actions" }, yes, button(cancel, () => element.close(), { autofocus: !!danger }))));
    document.body.append(element);
    element.showModal();
  });
}

/** Ask before something is done. */
export const confirm = (title, words, label, act, danger = false) =>
  dialog({ title, content: [words].flat().map((w) => (typeof w === "string" ? h("p", {}, w) : w)), confirm: label, danger, act: async () => { await act(); return true; } });
