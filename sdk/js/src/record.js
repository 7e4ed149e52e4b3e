// What a function gets besides a value.

import { unpackHeaders } from "./packed.js";

/** A value's record. It is valid for the call. */
export class Record {
  constructor(reader, row) {
    this.reader = reader;
    this.row = row;
  }

  /** The key as text; null is null. Throws where it is not UTF-8. */
  get key() {
    return this.reader.text(this.row, 0);
  }

  /** The key's bytes; null is null. */
  get keyBytes() {
    return this.reader.bytes(this.row, 0);
  }

  /** Event time in milliseconds since 1970. */
  get timestampMs() {
    return Number(this.reader.timestamps[this.row] ?? 0n);
  }

  /** Headers in order: [name, value], the value as bytes or null. Names may repeat. */
  get headers() {
    return unpackHeaders(this.reader.bytes(this.row, 2));
  }

  /** Value of the last header of this name; null is null, undefined: there is none. */
  header(name) {
    return this.headers.findLast(([own]) => own === name)?.[1];
  }
}

/** How values are read: a name, or a function of what JSON says. */
export function valueReader(format) {
  if (typeof format === "function") {
    const read = valueReader("json");
    return (reader, row) => format(read(reader, row));
  }
  switch (format) {
    case "bytes":
      return (reader, row) => reader.bytes(row, 1);
    case "text":
      return (reader, row) => reader.text(row, 1);
    case "json":
    case undefined:
      return (reader, row) => {
        const text = reader.text(row, 1);
        if (text === null) return null;
        try {
          return JSON.parse(text);
        } catch (error) {
          throw new Error(`value is not JSON: ${error.message}`);
        }
      };
    default:
      throw new Error(`value: "${format}" is none of "json", "text", "bytes"`);
  }
}
