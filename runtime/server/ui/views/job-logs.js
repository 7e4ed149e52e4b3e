// A job's log as it is written.

import { follow } from "../api.js";
import { h, button, put, text } from "../dom.js";
import { clock, shortHost, time } from "../format.js";

const KEPT = 1000;
const LEVELS = ["debug", "info", "warn", "error"];

/** @param {string} url @param {AbortSignal} signal ends everything */
export function logs(url, signal) {
  const lines = h("div", { class: "log", role: "log", "aria-live": "off", "aria-label": "Log lines", tabindex: 0 });
  const said = h("span", { class: "faint", role: "status" });
  const level = h("select", { "aria-label": "Least level", onchange: filter }, LEVELS.map((name) => h("option", { value: name }, name === "debug" ? "all levels" : `${name} and above`)));
  const search = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter lines", oninput: filter });
  const empty = h("button", { type: "button", onclick: () => put(lines) }, "Clear");
  const hosts = new Set();
  let end = null;

  const matches = (row) => LEVELS.indexOf(row.dataset.level) >= LEVELS.indexOf(level.value) && row.textContent.toLowerCase().includes(search.value.trim().toLowerCase());
  function filter() { for (const row of lines.children) row.hidden = !matches(row); }

  const take = (list) => {
    const bottom = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    for (const line of list) {
      const missed = line.missed != null;
      if (line.host) hosts.add(line.host);
      const host = hosts.size > 1 && line.host && shortHost(line.host);
      const row = h("div", { class: "line", "data-level": missed ? "warn" : LEVELS.includes(line.level) ? line.level : "info" },
        h("time", { title: line.at_ms ? time(line.at_ms) : null }, line.at_ms ? clock(line.at_ms) : ""),
        h("b", {}, missed ? "…" : line.level),
        h("span", { class: "of" }, [host, line.shard != null && `shard ${line.shard}`, line.operator].filter(Boolean).join(" · ")),
        h("span", { class: "text" }, missed ? `${line.missed} lines came and went before they could be shown` : line.text));
      row.hidden = !matches(row);
      lines.append(row);
    }
    while (lines.children.length > KEPT) lines.firstChild.remove();
    if (bottom) lines.scrollTop = lines.scrollHeight;
  };

  const run = async (own) => {
    while (!own.aborted) {
      try {
        put(lines);
        text(said, "live");
        await follow(url, own, take);
        text(said, "the stream ended; again in a moment");
      } catch (error) {
        if (own.aborted) return;
        text(said, error.message);
      }
      await new Promise((done) => setTimeout(done, 3000));
    }
  };
  const stop = () => { end?.abort(); end = null; };
  signal.addEventListener("abort", stop);
  const pause = button("Pause", () => {
    if (end) { stop(); text(said, "paused"); text(pause, "Go on"); } else start();
  });
  const start = () => { end = new AbortController(); text(pause, "Pause"); run(end.signal); };
  return {
    element: h("section", { class: "panel" }, h("div", { class: "head" }, h("h2", {}, "Log"), said, level, search, h("div", { class: "actions" }, pause, empty)), lines),
    /** A stream costs the host something: it lasts while it is seen. */
    show: (seen) => { if (seen && !end) start(); if (!seen) stop(); },
  };
}
