// UTF-8 without TextEncoder and TextDecoder, which QuickJS lacks. Where an engine has them they are used.

const CHUNK = 8192;

const decoder = globalThis.TextDecoder && new TextDecoder("utf-8", { fatal: true });
const encoder = globalThis.TextEncoder && new TextEncoder();

/** Whether all bytes are ASCII. */
export function isAscii(bytes) {
  // Eight at a time, where they are aligned.
  const head = (8 - (bytes.byteOffset & 7)) & 7;
  let i = 0;
  for (; i < head && i < bytes.length; i++) if (bytes[i] > 127) return false;
  const words = (bytes.length - i) >> 2;
  if (words > 0) {
    const view = new Uint32Array(bytes.buffer, bytes.byteOffset + i, words);
    for (let w = 0; w < words; w++) if ((view[w] & 0x80808080) !== 0) return false;
    i += words * 4;
  }
  for (; i < bytes.length; i++) if (bytes[i] > 127) return false;
  return true;
}

/** Text of bytes that are ASCII. */
export function fromAscii(bytes) {
  if (bytes.length <= CHUNK) return String.fromCharCode.apply(null, bytes);
  let text = "";
  for (let i = 0; i < bytes.length; i += CHUNK) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + CHUNK));
  }
  return text;
}

/** Text of bytes. Throws where they are not UTF-8. */
export function decode(bytes) {
  if (decoder) {
    try {
      return decoder.decode(bytes);
    } catch {
      throw new Error("the bytes are not UTF-8");
    }
  }
  return isAscii(bytes) ? fromAscii(bytes) : decodeSlowly(bytes);
}

/** The same without the engine's help; only tests call it directly. */
export function decodeSlowly(bytes) {
  let text = "";
  const units = [];
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i++];
    let code = first;
    if (first > 127) {
      const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
      const least = more === 3 ? 0x10000 : more === 2 ? 0x800 : 0x80;
      if (first < 0xc2 || first > 0xf4 || i + more > bytes.length) throw new Error("the bytes are not UTF-8");
      code = first & (0x3f >> more);
      for (let k = 0; k < more; k++) {
        const next = bytes[i++];
        if ((next & 0xc0) !== 0x80) throw new Error("the bytes are not UTF-8");
        code = (code << 6) | (next & 0x3f);
      }
      if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw new Error("the bytes are not UTF-8");
    }
    if (code > 0xffff) {
      code -= 0x10000;
      units.push(0xd800 | (code >> 10), 0xdc00 | (code & 0x3ff));
    } else units.push(code);
    if (units.length >= CHUNK) {
      text += String.fromCharCode.apply(null, units);
      units.length = 0;
    }
  }
  return text + String.fromCharCode.apply(null, units);
}

/** Bytes of a text. Lone surrogates become U+FFFD. */
export function encode(text) {
  return encoder ? encoder.encode(text) : encodeSlowly(text);
}

/** The same without the engine's help; only tests call it directly. */
export function encodeSlowly(text) {
  const length = text.length;
  const ascii = new Uint8Array(length);
  let i = 0;
  for (; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 127) break;
    ascii[i] = unit;
  }
  if (i === length) return ascii;
  const bytes = new Uint8Array(i + (length - i) * 3);
  bytes.set(ascii.subarray(0, i));
  let at = i;
  for (; i < length; i++) {
    let code = text.charCodeAt(i);
    if (code >= 0xd800 && code < 0xe000) {
      const next = i + 1 < length ? text.charCodeAt(i + 1) : 0;
      if (code < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
        i++;
      } else code = 0xfffd;
    }
    if (code < 0x80) bytes[at++] = code;
    else if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
      bytes[at++] = 0x80 | (code & 0x3f);
    } else if (code < 0x10000) {
      bytes[at++] = 0xe0 | (code >> 12);
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[at++] = 0x80 | (code & 0x3f);
    } else {
      bytes[at++] = 0xf0 | (code >> 18);
      bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[at++] = 0x80 | (code & 0x3f);
    }
  }
  return bytes.subarray(0, at);
}
