// What can be seen of whether a page can be used by all: names, contrasts (WCAG 2.2 AA), no scrolling to the side.
const rgb = (color) => { const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number); return { r, g, b, a }; };
const over = (top, below) => ({ r: top.r * top.a + below.r * (1 - top.a), g: top.g * top.a + below.g * (1 - top.a), b: top.b * top.a + below.b * (1 - top.a), a: 1 });
const luminance = ({ r, g, b }) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
function ground(element) {
  const layers = [];
  for (let e = element; e; e = e.parentElement) layers.push(rgb(getComputedStyle(e).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
}
function contrast(element) {
  const style = getComputedStyle(element);
  const box = element.closest(".box")?.querySelector(".shape");
  const below = box ? rgb(getComputedStyle(box).fill) : ground(element);
  const [a, b] = [over(rgb(element.closest("svg") ? style.fill : style.color), below), below].map(luminance);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
const own = (element) => [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
const at = (element) => `${element.outerHTML.slice(0, 120)}`;
function audit() {
  const found = [];
  for (const e of document.body.querySelectorAll("*")) {
    if (!isSeen(e) || e.closest(".unseen, title, noscript, [hidden], :disabled") || (e.closest(".skip"))) continue;
    if (own(e) && e.tagName !== "OPTION") { const ratio = contrast(e); if (ratio < 4.5) found.push(`contrast ${ratio.toFixed(2)}: ${at(e)}`); }
    if (e.matches("button, a[href], input, select, textarea") && !nameOf(e)) found.push(`no name: ${at(e)}`);
    if (e.matches("svg[role=img], [role=region]") && !e.getAttribute("aria-label")) found.push(`no label: ${at(e)}`);
    if (e.id && document.querySelectorAll(`[id="${e.id}"]`).length > 1) found.push(`id twice: ${e.id}`);
  }
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) found.push(`the page scrolls to the side by ${wide}`);
  return found;
}
