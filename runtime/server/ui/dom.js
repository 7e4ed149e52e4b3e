// Elements. What the API says is untrusted (names, log lines, specs), so text becomes text nodes only: there is no way
// through here for markup.

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Make an HTML element. Keys of `props`: `class`, `on…` (listeners), `data-…`, `aria-…`, any attribute; true and false
 * switch an attribute, null leaves it out.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. @param {string} tag @param {Record<string, any>} [props] @param {...(Child | Child[])} children @returns {any} */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [key, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((c) => c != null && c !== false).map((c) => (typeof c === "number" ? String(c) : c)));
  return element;
}

/** Set the text of an element, only if it differs: what does not change is not announced, and keeps its selection. */
export function text(element, value) {
  if (element.textContent !== String(value)) element.textContent = String(value);
}

/** Replace what is in an element. */
export function put(element, ...children) {
  element.replaceChildren(...children.flat().filter((c) => c != null && c !== false));
  return element;
}

/** A button. */
export function button(label, onclick, props = {}) {
  return h("button", { type: "button", onclick, ...props }, label);
}

/** A field with its label. `hint` stands below it. */
export function field(label, control, hint) {
  const id = control.id || (control.id = `f${++fields}`);
  const below = hint && h("p", { class: "hint", id: `${id}-hint` }, hint);
  if (below) control.setAttribute("aria-describedby", below.id);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, below);
}
let fields = 0;

/**
 * A table whose rows are kept while their data changes, so that focus and selection stay.
 * @param {string} caption for those who can't see where it stands
 * @param {{head: string, num?: boolean, title?: string, cell: (row: any, td: HTMLElement) => Child | void}[]} columns a cell that
 *   answers nothing has filled its `td` itself
 * @param {(row: any) => string} key
 */
export function table(caption, columns, key, empty = "nothing yet") {
  const body = h("tbody");
  const head = columns.map((c) => h("th", { scope: "col", class: c.num && "num", title: c.title }, c.head));
  const element = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, h("tr", {}, head)), body));
  const known = new Map();
  const nothing = h("tr", {}, h("td", { colspan: columns.length, class: "faint" }, empty));
  const update = (rows) => {
    const seen = new Set();
    rows.forEach((row, index) => {
      const name = key(row);
      seen.add(name);
      let tr = known.get(name);
      if (!tr) known.set(name, (tr = h("tr", {}, columns.map((c, i) => h(i ? "td" : "th", { scope: i ? null : "row", class: c.num && "num" })))));
      columns.forEach((column, i) => {
        const cell = column.cell(row, tr.children[i]);
        if (cell instanceof Node) put(tr.children[i], cell);
        else if (cell !== undefined) text(tr.children[i], cell ?? "");
      });
      if (body.children[index] !== tr) body.insertBefore(tr, body.children[index] ?? null);
    });
    for (const [name, tr] of known) if (!seen.has(name)) { tr.remove(); known.delete(name); }
    if (rows.length) nothing.remove();
    else body.append(nothing);
  };
  return { element, update };
}

/** Say something to everyone: it is seen for a while, and read out. */
export function say(message) {
  const said = document.getElementById("said");
  text(said, message);
  clearTimeout(say.timer);
  say.timer = setTimeout(() => text(said, ""), 6000);
}
