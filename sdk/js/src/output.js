// What leaves: a value, and by default the parent's key and headers, which cross as "same as my parent's".

import { NULL, SAME, Writer, packHeaders } from "./packed.js";

/** One output record with more than a value. Made by `output`, `sameValue` and `tombstone`. */
export class Output {
  constructor(value, kind, options) {
    this.value = value;
    this.kind = kind;
    this.options = options;
  }
}

const IS = 0;
const KEPT = 1;
const GONE = 2;

/** An output of this value (JSON, or bytes) with options `key`, `headers`, `withoutHeaders`. */
export function output(value, options = {}) {
  return new Output(value, IS, options);
}

/** An output of the parent's value, unread and uncopied. */
export function sameValue(options = {}) {
  return new Output(undefined, KEPT, options);
}

/** An output whose value is null. */
export function tombstone(options = {}) {
  return new Output(null, GONE, options);
}

/** Packs outputs. */
export class Sink {
  constructor() {
    this.writer = new Writer();
    this.parents = [];
    this.errors = [];
  }

  /** Run a row; what it gave is taken back where it fails. */
  row(row, run) {
    const { writer, parents } = this;
    const [index, parentsLength, parts, texts, length] = [
      writer.index.length,
      parents.length,
      writer.parts.length,
      writer.texts.length,
      writer.length,
    ];
    try {
      run();
    } catch (error) {
      // Texts from before may have been flushed since: then their bytes are a part now, and what is new is behind them.
      writer.index.length = index;
      parents.length = parentsLength;
      if (writer.parts.length === parts) {
        writer.texts.length = texts;
        writer.length = length;
      }
      this.errors.push({ row, message: message(error) });
    }
  }

  /** Pack one output of a row. `reader` has the headers that it may keep; a window has none. */
  push(row, what, reader) {
    const { writer } = this;
    let value;
    let key0 = 0;
    let key1 = SAME;
    let headers0 = 0;
    let headers1 = reader ? SAME : NULL;
    if (what instanceof Output) {
      const { options } = what;
      value = what.kind === GONE ? [0, NULL] : what.kind === KEPT ? kept(reader) : this.value(what.value);
      if (options.key !== undefined) [key0, key1] = this.bytes(options.key);
      if (options.headers !== undefined || options.withoutHeaders) {
        [headers0, headers1] = this.headers(row, options, reader);
      }
    } else value = this.value(what);
    writer.index.push(key0, key1, value[0], value[1], headers0, headers1);
    this.parents.push(row);
  }

  value(value) {
    if (value === null) return [0, NULL];
    if (value instanceof Uint8Array) return this.writer.bytes(value);
    const text = JSON.stringify(value);
    if (text === undefined) throw new Error(`a ${typeof value} can't be written as JSON`);
    return this.writer.text(text);
  }

  bytes(bytes) {
    if (bytes === null) return [0, NULL];
    return typeof bytes === "string" ? this.writer.text(bytes) : this.writer.bytes(bytes);
  }

  headers(row, options, reader) {
    const own = reader && !options.withoutHeaders ? reader.bytes(row, 2) : null;
    const added = packHeaders(options.headers ?? []);
    if (own === null && added.length === 0) return [0, NULL];
    const all = new Uint8Array((own ? own.length : 0) + added.length);
    if (own) all.set(own);
    all.set(added, own ? own.length : 0);
    return this.writer.bytes(all);
  }

  /** As the contract wants it. */
  emitted() {
    const { writer, parents, errors } = this;
    const output = {
      data: writer.data(),
      index: Uint32Array.from(writer.index),
      timestamps: new BigInt64Array(0),
    };
    return { output, parents: Uint32Array.from(parents), errors };
  }
}

function kept(reader) {
  if (!reader) throw new Error("a window has no value to keep");
  return [0, SAME];
}

/** Text of what was thrown. */
export function message(error) {
  if (error instanceof Error) return error.name === "Error" ? error.message : `${error.name}: ${error.message}`;
  return String(error);
}
