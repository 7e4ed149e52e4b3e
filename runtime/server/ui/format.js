// Numbers as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** 12,345 */
export const count = (n) => (n == null || !Number.isFinite(n) ? "–" : whole.format(n));

/** 12.3K */
export const compact = (n) => (n == null || !Number.isFinite(n) ? "–" : Math.abs(n) < 10 && n % 1 ? n.toFixed(1) : Math.abs(n) < 10000 ? whole.format(n) : short.format(n));

/** 12% */
export const percent = (share) => (share == null || !Number.isFinite(share) ? "–" : share > 0 && share < 0.01 ? "<1%" : `${Math.round(share * 100)}%`);

/** 1.5 MiB */
export function bytes(n) {
  if (n == null || !Number.isFinite(n)) return "–";
  let unit = 0;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  for (; Math.abs(n) >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${unit && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

/** 1.2 s, 3 min 20 s */
export function duration(ms) {
  if (ms == null || !Number.isFinite(ms)) return "–";
  const sign = ms < 0 ? "−" : "";
  ms = Math.abs(ms);
  if (ms < 1000) return `${sign}${Math.round(ms)} ms`;
  if (ms < 60_000) return `${sign}${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${sign}${Math.floor(ms / 60_000)} min ${Math.floor((ms / 1000) % 60)} s`;
  if (ms < 172_800_000) return `${sign}${Math.floor(ms / 3_600_000)} h ${Math.floor((ms / 60_000) % 60)} min`;
  return `${sign}${Math.floor(ms / 86_400_000)} d`;
}

/** 2026-01-31 12:00:00, local */
export function time(ms) {
  if (ms == null) return "–";
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "–";
  const two = (n) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(ms)}`;
}

/** 12:00:00, local */
export function clock(ms) {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
}

/** The beginning of a digest. */
export const digest = (text) => String(text ?? "").slice(0, 12);

/** A host's id, as far as people need it. @param {string | undefined} id */
export const shortHost = (id) => (id ? id.slice(0, 12) : "–");
