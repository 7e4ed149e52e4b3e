// How a test finds things in the page: by what they are and what they are called.
const ROLES = { button: "button", link: "a[href]", field: "input, select, textarea" };
const squeeze = (words) => words.replace(/\s+/g, " ").trim();
const nameOf = (element) => squeeze(element.getAttribute("aria-label") ?? (element.labels?.length ? element.labels[0].textContent : element.textContent));
const isSeen = (element) => element.checkVisibility({ visibilityProperty: true });
// While a dialog is open, nothing else is there.
const scope = () => [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
const find = (role, name) => [...scope().querySelectorAll(ROLES[role])].find((e) => nameOf(e) === name && isSeen(e) && !e.disabled) ?? null;
const text = () => document.body.innerText;
const isFocused = (role, name) => document.activeElement === find(role, name);
const focusIsSeen = () => {
  const focus = document.activeElement;
  if (!focus || focus === document.body) return true;
  const parts = [focus, focus.closest(".editor")].filter(Boolean);
  return isSeen(focus) && parts.some((part) => getComputedStyle(part).outlineStyle !== "none" && parseFloat(getComputedStyle(part).outlineWidth) >= 1);
};
