// Window-aggregates: accumulators belong to the host, as bytes. Here they are JSON.

import { lifecycle } from "./config.js";
import { Sink, message } from "./output.js";
import { Reader, pack, unpack } from "./packed.js";
import { Record, valueReader } from "./record.js";
import { decode } from "./utf8.js";

/**
 * A UDF that folds the records of each key and window. `create(config)` makes a new accumulator, anything that JSON can write;
 * `accumulate(accumulator, value, config, record)`, `merge(accumulator, later, config)` change it or answer another;
 * `finish(accumulator, window, config)` makes the result. A row that fails leaves its accumulator as it was.
 */
export function windowAggregate({ create, accumulate, merge, finish, ...options }) {
  const state = { config: null };
  const read = valueReader(options.value);
  const wantsRecord = accumulate.length > 3;
  const openText = (text) => (text === null ? create(state.config) : JSON.parse(text));
  const open = (bytes) => openText(bytes === null ? null : decode(bytes));

  function fold(accumulator, value, reader, row) {
    const record = wantsRecord ? new Record(reader, row) : undefined;
    return accumulate(accumulator, value, state.config, record) ?? accumulator;
  }

  return {
    lifecycle: lifecycle(state, options.config),
    windowAggregate: {
      accumulate(accumulators, groups, input) {
        const before = unpack(accumulators);
        const folded = before.map(open);
        const touched = before.map(() => false);
        // Where a group was last known whole: as text, and the row after it.
        const whole = before.map((bytes) => ({ text: bytes === null ? null : decode(bytes), row: 0 }));
        const reader = new Reader(input);
        const errors = [];
        const unread = new Set();
        // An accumulator may have been changed half way: fold again what worked since it was known whole.
        const restore = (failed) => {
          const group = groups[failed];
          let again = openText(whole[group].text);
          for (let row = whole[group].row; row < failed; row++) {
            if (groups[row] === group && !unread.has(row)) again = fold(again, read(reader, row), reader, row);
          }
          folded[group] = again;
          whole[group] = { text: touched[group] ? JSON.stringify(again) : whole[group].text, row: failed + 1 };
        };
        for (let row = 0; row < reader.rows; row++) {
          const group = groups[row];
          let value;
          let wasRead = false;
          try {
            value = read(reader, row);
            wasRead = true;
            folded[group] = fold(folded[group], value, reader, row);
            touched[group] = true;
          } catch (error) {
            errors.push({ row, message: message(error) });
            if (wasRead) restore(row);
            else unread.add(row);
          }
        }
        return { accumulators: pack(before.map((bytes, i) => (touched[i] ? JSON.stringify(folded[i]) : bytes))), errors };
      },

      merge(left, right) {
        const lefts = unpack(left);
        const rights = unpack(right);
        const errors = [];
        const merged = lefts.map((bytes, row) => {
          // Where one of them is new the other is the result.
          if (bytes === null || rights[row] === null) return bytes ?? rights[row];
          try {
            const accumulator = open(bytes);
            return JSON.stringify(merge(accumulator, open(rights[row]), state.config) ?? accumulator);
          } catch (error) {
            errors.push({ row, message: message(error) });
            return bytes;
          }
        });
        return { accumulators: pack(merged), errors };
      },

      finish(keys, windows, accumulators) {
        const sink = new Sink();
        const keyList = unpack(keys);
        unpack(accumulators).forEach((bytes, row) => {
          sink.row(row, () => {
            const made = finish(open(bytes), new Window(keyList[row], windows, row), state.config);
            if (made !== undefined) sink.push(row, made, null);
          });
        });
        return sink.emitted();
      },
    },
  };
}

/** A closed window of one key. */
export class Window {
  constructor(keyBytes, windows, row) {
    /** The key's bytes; null is null. */
    this.keyBytes = keyBytes;
    /** First millisecond since 1970 of the window. */
    this.startMs = Number(windows[row * 2]);
    /** First millisecond after it. */
    this.endMs = Number(windows[row * 2 + 1]);
  }

  /** The key as text. Throws where it is null or not UTF-8. */
  get key() {
    if (this.keyBytes === null) throw new Error("the key is null");
    try {
      return decode(this.keyBytes);
    } catch {
      throw new Error("the key is not UTF-8");
    }
  }
}
