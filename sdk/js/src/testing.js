// Runs a UDF in Node.js, through the packing that the host uses: plain `node --test` is enough.

import { NULL, SAME, pack, packHeaders, unpackHeaders } from "./packed.js";
import { decode, encode } from "./utf8.js";

/** A record of this value (an object becomes JSON; text and bytes stay) with `key`, `headers`, `timestampMs`. */
export function record(value, { key = null, headers = [], timestampMs = 0 } = {}) {
  return new Input(value, key, headers, timestampMs);
}

class Input {
  constructor(value, key, headers, timestampMs) {
    Object.assign(this, { value, key, headers, timestampMs });
  }
}

function bytes(value) {
  if (value === null || value instanceof Uint8Array) return value;
  return encode(typeof value === "string" ? value : JSON.stringify(value));
}

function batch(inputs) {
  const records = inputs.map((input) => (input instanceof Input ? input : record(input)));
  const fields = records.flatMap((input) => [
    bytes(input.key),
    bytes(input.value),
    input.headers.length > 0 ? packHeaders(input.headers) : null,
  ]);
  return { ...pack(fields), timestamps: BigInt64Array.from(records.map((input) => BigInt(input.timestampMs))) };
}

function start(udf, config, part) {
  if (!udf?.[part]) throw new Error(`the UDF has no ${part}: it is of another kind`);
  udf.lifecycle.init(JSON.stringify(config ?? null));
  return udf[part];
}

function errorsOf(errors) {
  return new Map(errors.map(({ row, message }) => [row, message]));
}

function field(from, row, number, parents, parent) {
  const [offset, length] = [from.index[row * 6 + number * 2], from.index[row * 6 + number * 2 + 1]];
  if (length === NULL) return null;
  if (length === SAME) return field(parents, parent, number);
  return from.data.slice(offset, offset + length);
}

function outputs(emitted, input) {
  return Array.from(emitted.parents, (parent, row) => {
    const [key, value, headers] = [0, 1, 2].map((number) => field(emitted.output, row, number, input, parent));
    return {
      parent,
      key: key && decode(key),
      value: value && decode(value),
      bytes: value,
      headers: unpackHeaders(headers),
      get json() {
        return JSON.parse(this.value);
      },
    };
  });
}

/** Why a config is refused; undefined if it is not. */
export function refusal(udf, config) {
  try {
    udf.lifecycle.init(JSON.stringify(config ?? null));
  } catch (error) {
    return String(error);
  }
}

/** Numbers of the records that a filter keeps, and a map of the errors by number. */
export function runFilter(udf, config, inputs) {
  const { bitmap, errors } = start(udf, config, "filter").keep(batch(inputs));
  const kept = inputs.map((_, row) => row).filter((row) => (bitmap[row >> 3] >> (row & 7)) & 1);
  return { kept, errors: errorsOf(errors) };
}

/** What a map makes. */
export function runMap(udf, config, inputs) {
  const input = batch(inputs);
  const emitted = start(udf, config, "mapper").apply(input);
  return { outputs: outputs(emitted, input), errors: errorsOf(emitted.errors) };
}

/**
 * Results of one window, a group for each key in order of appearance. Throws if they depend on how the records are split: accumulated one by one,
 * or in two parts that are merged.
 */
export function runWindow(udf, config, { startMs, endMs }, inputs) {
  const aggregate = start(udf, config, "windowAggregate");
  const records = inputs.map((input) => (input instanceof Input ? input : record(input)));
  const names = [...new Set(records.map((input) => String(input.key)))];
  const keys = names.map((name) => records.find((input) => String(input.key) === name).key);
  const groups = records.map((input) => names.indexOf(String(input.key)));
  const fresh = pack(names.map(() => null));
  const fold = (accumulators, from, to) =>
    aggregate.accumulate(accumulators, Uint32Array.from(groups.slice(from, to)), batch(records.slice(from, to)));
  const whole = fold(fresh, 0, records.length);
  let stepwise = fresh;
  for (let row = 0; row < records.length; row++) stepwise = fold(stepwise, row, row + 1).accumulators;
  const half = records.length >> 1;
  const merged = aggregate.merge(fold(fresh, 0, half).accumulators, fold(fresh, half, records.length).accumulators);
  const windows = BigInt64Array.from(names.flatMap(() => [BigInt(startMs), BigInt(endMs)]));
  const parents = batch(keys.map((key) => record(null, { key })));
  const packedKeys = pack(keys.map(bytes));
  const finish = (accumulators) => {
    const emitted = aggregate.finish(packedKeys, windows, accumulators);
    return { outputs: outputs(emitted, parents), errors: errorsOf(emitted.errors) };
  };
  const result = finish(whole.accumulators);
  const ways = [["record by record", stepwise]];
  if (merged.errors.length === 0) ways.push(["merged", merged.accumulators]);
  for (const [way, accumulators] of ways) {
    const [other, wanted] = [finish(accumulators), result].map((r) => JSON.stringify(r.outputs.map((o) => [o.key, o.value])));
    if (other !== wanted) throw new Error(`${way}: ${other}\nat once: ${wanted}`);
  }
  return { outputs: result.outputs, windowErrors: result.errors, errors: errorsOf(whole.errors) };
}

