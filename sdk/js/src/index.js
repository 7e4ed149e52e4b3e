/**
 * UDFs for sluicebox in JavaScript and TypeScript.
 *
 *     import { filter } from "sluicebox-udf";
 *
 *     export default filter((order, config) => order.amount >= config.minimum);
 *
 * - `filter`, `map`, `flatMap` and `windowAggregate` make a UDF; a module exports one as its default.
 * - Values are JSON unless the option `value` says "text" or "bytes"; `fields` checks what JSON gave. A third argument receives the record: key, headers, timestamp.
 * - What is thrown is a row error with its text; the job decides what happens to such a row.
 * - The second argument is the operator's `config`; the option `config` checks it (`defaults`).
 * - `log.debug`, `log.info`, `log.warn` and `log.error` write to the job's log.
 * - "sluicebox-udf/testing" runs a UDF in Node.js, through the same packing.
 *
 * Be deterministic: the same rows must give the same outputs on any instance, however they are split into calls.
 */

import { windowAggregate } from "./aggregate.js";
import { defaults, lifecycle } from "./config.js";
import { fields } from "./fields.js";
import { log } from "./log.js";
import { Sink, message, output, sameValue, tombstone } from "./output.js";
import { Reader } from "./packed.js";
import { Record, valueReader } from "./record.js";
import { decode, encode } from "./utf8.js";

export { decode, defaults, encode, fields, log, output, sameValue, tombstone, windowAggregate };

/** A UDF of a function that says whether to keep a record. */
export function filter(keep, options = {}) {
  const state = { config: null };
  const read = valueReader(options.value);
  const wantsRecord = keep.length > 2;
  return {
    lifecycle: lifecycle(state, options.config),
    filter: {
      keep(input) {
        const reader = new Reader(input);
        const bitmap = new Uint8Array((reader.rows + 7) >> 3);
        const errors = [];
        const { config } = state;
        for (let row = 0; row < reader.rows; row++) {
          try {
            const value = read(reader, row);
            const keeps = wantsRecord ? keep(value, config, new Record(reader, row)) : keep(value, config);
            if (typeof keeps !== "boolean") throw new Error(`a filter must answer true or false, not ${keeps}`);
            if (keeps) bitmap[row >> 3] |= 1 << (row & 7);
          } catch (error) {
            errors.push({ row, message: message(error) });
          }
        }
        return { bitmap, errors };
      },
    },
  };
}

/** A UDF of a function that makes one output of each record; none where it answers undefined. */
export function map(apply, options = {}) {
  return mapper(options, apply.length > 2, (sink, reader, row, value, config, record) => {
    const made = apply(value, config, record);
    if (made !== undefined) sink.push(row, made, reader);
  });
}

/** A UDF of a function that makes a list (anything that can be iterated) of outputs of each record. */
export function flatMap(apply, options = {}) {
  return mapper(options, true, (sink, reader, row, value, config, record) => {
    for (const made of apply(value, config, record)) sink.push(row, made, reader);
  });
}

function mapper(options, wantsRecord, run) {
  const state = { config: null };
  const read = valueReader(options.value);
  return {
    lifecycle: lifecycle(state, options.config),
    mapper: {
      apply(input) {
        const reader = new Reader(input);
        const sink = new Sink();
        for (let row = 0; row < reader.rows; row++) {
          sink.row(row, () => {
            const value = read(reader, row);
            run(sink, reader, row, value, state.config, wantsRecord ? new Record(reader, row) : undefined);
          });
        }
        return sink.emitted();
      },
    },
  };
}
