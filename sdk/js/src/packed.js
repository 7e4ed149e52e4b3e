// Packed batches, as wit/udf.wit lays them out.

import { decode, encode, fromAscii, isAscii } from "./utf8.js";

/** Length of a null field. */
export const NULL = 0xffffffff;
/** Length of a field that is the same as its parent's. */
export const SAME = 0xfffffffe;
const STRIDE = 6;

/** A number of an index. Componentize-qjs gives those from 2^31 on, which NULL is one of, as negative ones. */
const at32 = (index, at) => index[at] >>> 0;

/** Reads the fields of a batch. A batch that is all ASCII, as most are, is made text once, and its fields are parts of that. */
export class Reader {
  constructor(batch) {
    this.data = batch.data;
    this.index = batch.index;
    this.timestamps = batch.timestamps;
    this.rows = batch.index.length / STRIDE;
    this.whole = this.data.length > 0 && isAscii(this.data) ? fromAscii(this.data) : null;
  }

  /** Bytes of field 0 (key), 1 (value) or 2 (headers); null is null. They are valid for the call. */
  bytes(row, field) {
    const at = row * STRIDE + field * 2;
    const length = at32(this.index, at + 1);
    if (length === NULL) return null;
    const offset = this.index[at];
    return this.data.subarray(offset, offset + length);
  }

  /** The same as text. Throws where it is not UTF-8. */
  text(row, field) {
    const at = row * STRIDE + field * 2;
    const length = at32(this.index, at + 1);
    if (length === NULL) return null;
    const offset = this.index[at];
    if (this.whole !== null) return this.whole.substring(offset, offset + length);
    return decode(this.data.subarray(offset, offset + length));
  }
}

/** Collects texts and bytes into one buffer. */
export class Writer {
  constructor() {
    this.index = [];
    this.parts = [];
    this.length = 0;
    // Texts that follow each other are encoded as one.
    this.texts = [];
    this.textLength = 0;
  }

  /** Append a text; answers its offset and length in bytes. */
  text(text) {
    const offset = this.length;
    const length = utf8Length(text);
    this.texts.push(text);
    this.length += length;
    return [offset, length];
  }

  /** Append bytes. */
  bytes(bytes) {
    const offset = this.length;
    this.flush();
    this.parts.push(bytes);
    this.length += bytes.length;
    return [offset, bytes.length];
  }

  flush() {
    if (this.texts.length > 0) {
      this.parts.push(encode(this.texts.join("")));
      this.texts.length = 0;
    }
  }

  /** All bytes. */
  data() {
    this.flush();
    if (this.parts.length === 1) return this.parts[0];
    const data = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      data.set(part, at);
      at += part.length;
    }
    return data;
  }
}

/** Length of a text in UTF-8. */
export function utf8Length(text) {
  // Without a character beyond ASCII it is that of the text; the test is done by the engine, not by a loop here.
  if (!/[^\x00-\x7f]/.test(text)) return text.length;
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) length += 1;
    else if (unit < 0x800) length += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && text.charCodeAt(i + 1) >= 0xdc00 && text.charCodeAt(i + 1) < 0xe000) {
      length += 4;
      i++;
    } else length += 3;
  }
  return length;
}

/** Items of packed byte strings; null is null. */
export function unpack(packed) {
  const items = [];
  for (let i = 0; i < packed.index.length; i += 2) {
    const [offset, length] = [packed.index[i], at32(packed.index, i + 1)];
    items.push(length === NULL ? null : packed.data.subarray(offset, offset + length));
  }
  return items;
}

/** The other way around; items are bytes, texts or null. */
export function pack(items) {
  const writer = new Writer();
  for (const item of items) {
    const at = item === null ? [0, NULL] : typeof item === "string" ? writer.text(item) : writer.bytes(item);
    writer.index.push(at[0], at[1]);
  }
  return { data: writer.data(), index: Uint32Array.from(writer.index) };
}

/** Headers of a packed field: [name, value] with the value as bytes, or null. */
export function unpackHeaders(packed) {
  const headers = [];
  if (packed === null) return headers;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  let at = 0;
  while (at + 4 <= packed.length) {
    const nameLength = view.getUint32(at, true);
    const name = decode(packed.subarray(at + 4, at + 4 + nameLength));
    at += 4 + nameLength;
    const length = view.getUint32(at, true);
    at += 4;
    if (length === NULL) headers.push([name, null]);
    else {
      headers.push([name, packed.subarray(at, at + length)]);
      at += length;
    }
  }
  return headers;
}

/** Packed headers of [name, value]; values are bytes, texts or null. */
export function packHeaders(headers) {
  const parts = headers.map(([name, value]) => [
    encode(name),
    value === null ? null : typeof value === "string" ? encode(value) : value,
  ]);
  const length = parts.reduce((sum, [name, value]) => sum + 8 + name.length + (value ? value.length : 0), 0);
  const packed = new Uint8Array(length);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const [name, value] of parts) {
    view.setUint32(at, name.length, true);
    packed.set(name, at + 4);
    at += 4 + name.length;
    view.setUint32(at, value === null ? NULL : value.length, true);
    at += 4;
    if (value !== null) {
      packed.set(value, at);
      at += value.length;
    }
  }
  return packed;
}
