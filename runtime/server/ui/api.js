// The host's API. The token is in sessionStorage and in request headers, nowhere else: not in a URL, not in localStorage.

const KEY = "sluicebox-token";

/** @typedef {{line?: number, column?: number, path: string, message: string, help?: string}} SpecProblem */
/** @typedef {{token_id: string, name: string, tenant: string | null, scopes: string[], expires_ms: number | null}} Whoami */

/** An answer that is a problem (RFC 9457), or the lack of an answer. */
export class Problem extends Error {
  /** @param {{title?: string, status?: number, detail?: string, help?: string, problems?: SpecProblem[], retry_after_s?: number}} body */
  constructor(body) {
    super(body.detail ?? body.title ?? "the request failed");
    this.title = body.title ?? "The request failed";
    this.status = body.status ?? 0;
    this.help = body.help;
    this.problems = body.problems ?? [];
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (text) => sessionStorage.setItem(KEY, text),
  clear: () => sessionStorage.removeItem(KEY),
};

/** How far the host's clock is from this one, in milliseconds; small differences are none. */
export let skew_ms = 0;

/** What is to happen when the token is no longer taken. @type {(problem: Problem) => void} */
let refused = () => {};
export const whenRefused = (act) => { refused = act; };

/** A path with each part encoded. @param {...(string | number)} parts */
export const path = (...parts) => "/v1/" + parts.map((part) => encodeURIComponent(part)).join("/");

/**
 * Make a request. The answer is an ok response; anything else is thrown as a [`Problem`].
 * @param {string} method @param {string} url @param {{body?: any, type?: string, query?: Record<string, any>, signal?: AbortSignal}} [more]
 */
export async function request(method, url, { body, type, query, signal } = {}) {
  const headers = { accept: "application/json, application/x-ndjson, application/wasm" };
  if (token.get()) headers.authorization = `Bearer ${token.get()}`;
  if (body !== undefined) headers["content-type"] = type ?? "application/json";
  const entries = Object.entries(query ?? {}).filter(([, value]) => value != null);
  const search = entries.length ? `?${new URLSearchParams(entries)}` : "";
  let response;
  try {
    const sent = body !== undefined && !type ? JSON.stringify(body) : body;
    response = await fetch(url + search, { method, headers, body: sent, signal, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({ title: "No answer", detail: "the host does not answer", help: "see whether it runs, and whether this machine reaches it" });
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  if (date) skew_ms = Math.abs(date + 500 - Date.now()) > 3000 ? date + 500 - Date.now() : 0;
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  const problem = new Problem({ title: `The answer is ${response.status}`, ...told, status: response.status });
  if (response.status === 401) refused(problem);
  throw problem;
}

/** Make a request whose answer is JSON, or nothing. */
export async function call(method, url, more) {
  const response = await request(method, url, more);
  return response.status === 204 ? null : response.json();
}

/** GET. */
export const get = (url, more) => call("GET", url, more);

/**
 * Follow a job's log until `signal` aborts or the stream ends.
 * @param {string} url @param {AbortSignal} signal @param {(lines: any[]) => void} take
 */
export async function follow(url, signal, take) {
  const response = await request("GET", url, { signal, query: { follow: true, tail: 500 } });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const pieces = (rest + value).split("\n");
    rest = pieces.pop() ?? "";
    const lines = pieces.filter(Boolean).map((piece) => {
      try { return JSON.parse(piece); } catch { return { text: piece }; }
    });
    if (lines.length) take(lines);
  }
}

/**
 * Ask again and again, until `signal` aborts.
 * @param {number} every_ms @param {AbortSignal} signal @param {() => Promise<void>} ask @param {(error: Error | null) => void} told
 */
export async function poll(every_ms, signal, ask, told) {
  let wait = every_ms;
  while (!signal.aborted) {
    try {
      await ask();
      wait = every_ms;
      told(null);
    } catch (error) {
      if (signal.aborted) return;
      wait = Math.min(wait * 2, 15_000);
      told(error);
    }
    await new Promise((done) => {
      const timer = setTimeout(done, wait);
      signal.addEventListener("abort", () => { clearTimeout(timer); done(undefined); }, { once: true });
    });
  }
}
