// Lines for the job's log. The host keeps 1 KiB of each, and so many a second.

const state = { write: (level, text) => globalThis.console?.error(`${level}: ${text}`) };

/** Where lines go; the entry of a module sets it to the host's log. */
export function writeTo(write) {
  state.write = write;
}

const at = (level) => (text) => state.write(level, String(text));

/** Lines for the job's log. */
export const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
