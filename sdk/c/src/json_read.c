/* The reader of JSON (RFC 8259): one pass, no copies but of text with escapes, and nothing is left unchecked, also in what is skipped. */
#include "../sluicebox.h"

static double sb_parse_double(const char *at, const char *end);

sb_reader sb_reader_start(sb_bytes text, sb_error *error) {
    if (!text.data) text = (sb_bytes){"null", 4};
    return (sb_reader){.begin = text.data, .at = text.data, .end = text.data + text.length, .error = error, .what = "value"};
}

sb_reader sb_reader_of(sb_json json, sb_error *error) {
    return sb_reader_start((sb_bytes){json.data, json.length}, error);
}

__attribute__((cold, noinline)) bool sb_reader_fail(sb_reader *reader, const char *why) {
    if (reader->has_failed) return false;
    reader->has_failed = true;
    size_t at = (size_t)(reader->at - reader->begin);
    if (reader->field.data)
        return sb_fail(reader->error, "%s is not the JSON expected: `%.*s`: %s at byte %zu", reader->what, SB_ARG(reader->field), why, at);
    return sb_fail(reader->error, "%s is not the JSON expected: %s at byte %zu", reader->what, why, at);
}

static inline void sb_skip_space(sb_reader *reader) {
    const char *at = reader->at, *end = reader->end;
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
    reader->at = at;
}

/* The first byte of what comes next, 0 at the end. */
static inline char sb_peek(sb_reader *reader) {
    sb_skip_space(reader);
    return reader->at < reader->end ? *reader->at : 0;
}

bool sb_reader_end(sb_reader *reader) {
    if (reader->has_failed) return false;
    sb_skip_space(reader);
    if (reader->depth) return sb_reader_fail(reader, "not read to its end");
    return reader->at == reader->end || sb_reader_fail(reader, "trailing characters");
}

static bool sb_enter(sb_reader *reader, char open, const char *why) {
    if (reader->has_failed) return false;
    if (sb_peek(reader) != open) return sb_reader_fail(reader, why);
    if (reader->depth == SB_DEPTH_MAX) return sb_reader_fail(reader, "nested too deeply");
    reader->at++;
    reader->depth++;
    reader->is_first = true;
    return true;
}

/* To the next member or item; false at the end, which is read. */
static inline bool sb_next(sb_reader *reader, char close) {
    if (reader->has_failed) return false;
    bool is_first = reader->is_first;
    reader->is_first = false;
    char next = sb_peek(reader);
    if (next == close) {
        reader->at++;
        reader->depth--;
        return false;
    }
    if (is_first) return true;
    if (next != ',') return sb_reader_fail(reader, close == '}' ? "expected `,` or `}`" : "expected `,` or `]`");
    reader->at++;
    return true;
}

bool sb_enter_object(sb_reader *reader) {
    return sb_enter(reader, '{', "expected an object");
}

bool sb_enter_array(sb_reader *reader) {
    return sb_enter(reader, '[', "expected an array");
}

bool sb_next_item(sb_reader *reader) {
    return sb_next(reader, ']');
}

/* ---- text ---- */

/* Of eight bytes, how many come before the first that is a quote, a backslash, a control character or beyond ASCII. A borrow can only
 * mark bytes after a marked one, so the first mark is true. */
static inline size_t sb_plain_bytes(const char *at) {
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    uint64_t eight;
    memcpy(&eight, at, 8);
    uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';
    uint64_t found = ((eight - ones * 0x20) | (quote - ones) | (backslash - ones) | eight) & highs;
    return found ? (size_t)__builtin_ctzll(found) / 8 : 8;
}

static inline bool sb_is_plain_byte(unsigned char byte) {
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* Past the bytes that stand for themselves. */
static inline const char *sb_skip_plain(const char *at, const char *end) {
    while (end - at >= 8) {
        size_t plain = sb_plain_bytes(at);
        at += plain;
        if (plain < 8) return at;
    }
    while (at < end && sb_is_plain_byte((unsigned char)*at)) at++;
    return at;
}

/* Past the text that begins at the quote; `*has_escapes` tells whether it has to be decoded. */
static bool sb_scan_text(sb_reader *reader, bool *has_escapes) {
    const char *at = reader->at + 1, *end = reader->end;
    *has_escapes = false;
    for (;;) {
        at = sb_skip_plain(at, end);
        if (at == end) break;
        unsigned char byte = (unsigned char)*at;
        if (byte == '"') {
            reader->at = at + 1;
            return true;
        }
        if (byte < 0x20) {
            reader->at = at;
            return sb_reader_fail(reader, "a control character in text");
        }
        size_t length = 1;
        if (byte == '\\') {
            *has_escapes = true;
            length = 2;
            if (end - at < 2) break;
            if (at[1] == 'u')
                length = 6;
            else if (!memchr("\"\\/bfnrt", at[1], 8)) {
                reader->at = at;
                return sb_reader_fail(reader, "an unknown escape");
            }
        } else if (byte >= 0x80) {
            length = sb_utf8_length(at, end);
            reader->at = at;
            if (!length) return sb_reader_fail(reader, "text that is not UTF-8");
        }
        if ((size_t)(end - at) < length) break;
        at += length;
    }
    reader->at = end;
    return sb_reader_fail(reader, "text without an end");
}

static int sb_hex4(const char *at) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char digit = at[i];
        int nibble = digit >= '0' && digit <= '9'   ? digit - '0'
                     : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                     : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                    : -1;
        if (nibble < 0) return -1;
        value = value << 4 | nibble;
    }
    return value;
}

static char *sb_encode_utf8(char *out, int code) {
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 63));
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    }
    return out;
}

/* The character of a \u escape and its second half, if it has one; behind it. -1 if it is none. */
static int sb_unescape_u(const char **at, const char *end) {
    int code = sb_hex4(*at + 2);
    *at += 6;
    if (code < 0xd800 || code > 0xdfff) return code;
    if (code > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') return -1;
    int low = sb_hex4(*at + 2);
    *at += 6;
    return low < 0xdc00 || low > 0xdfff ? -1 : 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

/* Decode text that was scanned; with `out` NULL only check it. */
static bool sb_unescape(sb_reader *reader, sb_bytes raw, char *out, size_t *length) {
    const char *at = raw.data, *end = raw.data + raw.length;
    char *to = out, scratch[4];
    while (at < end) {
        if (*at != '\\') {
            if (out) *to++ = *at;
            at++;
            continue;
        }
        if (at[1] != 'u') {
            static const char LETTERS[] = "\"\\/bfnrt";
            if (out) *to++ = "\"\\/\b\f\n\r\t"[(const char *)memchr(LETTERS, at[1], 8) - LETTERS];
            at += 2;
            continue;
        }
        int code = sb_unescape_u(&at, end);
        if (code < 0) return sb_reader_fail(reader, "an escape that is no character");
        char *behind = sb_encode_utf8(out ? to : scratch, code);
        if (out) to = behind;
    }
    if (out) *length = (size_t)(to - out);
    return true;
}

/* The text at the quote, decoded into `*text` if that is wanted. */
static inline bool sb_take_text(sb_reader *reader, sb_bytes *text) {
    const char *from = reader->at + 1;
    bool has_escapes;
    if (!sb_scan_text(reader, &has_escapes)) return false;
    sb_bytes raw = {from, (size_t)(reader->at - 1 - from)};
    if (!has_escapes) {
        if (text) *text = raw;
        return true;
    }
    if (!text) return sb_unescape(reader, raw, NULL, NULL);
    char *decoded = sb_alloc(raw.length);
    text->data = decoded;
    return sb_unescape(reader, raw, decoded, &text->length);
}

bool sb_read_text(sb_reader *reader, sb_bytes *value) {
    if (reader->has_failed) return false;
    if (sb_peek(reader) != '"') return sb_reader_fail(reader, "expected text");
    return sb_take_text(reader, value);
}

bool sb_next_member(sb_reader *reader, sb_bytes *name) {
    if (!sb_next(reader, '}')) return false;
    if (sb_peek(reader) != '"') return sb_reader_fail(reader, "expected a name");
    if (!sb_take_text(reader, name)) return false;
    if (sb_peek(reader) != ':') return sb_reader_fail(reader, "expected `:`");
    reader->at++;
    return true;
}

/* ---- other values ---- */

static inline bool sb_is_digit(const char *at, const char *end) {
    return at < end && *at >= '0' && *at <= '9';
}

/* Past a number, by the grammar; `*is_integer` if it has neither point nor exponent. */
static bool sb_scan_number(sb_reader *reader, bool *is_integer) {
    const char *at = reader->at, *end = reader->end;
    *is_integer = true;
    if (at < end && *at == '-') at++;
    bool is_right = sb_is_digit(at, end);
    if (is_right && *at == '0')
        at++;
    else
        while (sb_is_digit(at, end)) at++;
    if (is_right && at < end && *at == '.') {
        *is_integer = false;
        is_right = sb_is_digit(++at, end);
        while (sb_is_digit(at, end)) at++;
    }
    if (is_right && at < end && (*at == 'e' || *at == 'E')) {
        *is_integer = false;
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        is_right = sb_is_digit(at, end);
        while (sb_is_digit(at, end)) at++;
    }
    if (!is_right || sb_is_digit(at, end)) return sb_reader_fail(reader, "no number");
    reader->at = at;
    return true;
}

static bool sb_starts_number(sb_reader *reader) {
    char next = sb_peek(reader);
    return next == '-' || (next >= '0' && next <= '9');
}

/* An integer: its sign, and its digits as a number. */
static bool sb_take_integer(sb_reader *reader, bool *is_negative, uint64_t *digits) {
    if (reader->has_failed) return false;
    if (!sb_starts_number(reader)) return sb_reader_fail(reader, "expected an integer");
    const char *from = reader->at;
    bool is_integer;
    if (!sb_scan_number(reader, &is_integer)) return false;
    const char *end = reader->at;
    reader->at = from;
    if (!is_integer) return sb_reader_fail(reader, "expected an integer, not a fraction");
    *is_negative = *from == '-';
    uint64_t value = 0;
    for (const char *at = from + *is_negative; at < end; at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return sb_reader_fail(reader, "an integer out of range");
    *digits = value;
    reader->at = end;
    return true;
}

bool sb_read_i64(sb_reader *reader, int64_t *value) {
    bool is_negative;
    uint64_t digits;
    if (!sb_take_integer(reader, &is_negative, &digits)) return false;
    if (digits > (uint64_t)INT64_MAX + is_negative) return sb_reader_fail(reader, "an integer out of range");
    *value = (int64_t)(is_negative ? -digits : digits);
    return true;
}

bool sb_read_u64(sb_reader *reader, uint64_t *value) {
    bool is_negative;
    if (!sb_take_integer(reader, &is_negative, value)) return false;
    return !is_negative || *value == 0 || sb_reader_fail(reader, "an integer out of range");
}

bool sb_read_double(sb_reader *reader, double *value) {
    if (reader->has_failed) return false;
    if (!sb_starts_number(reader)) return sb_reader_fail(reader, "expected a number");
    const char *from = reader->at;
    bool is_integer;
    if (!sb_scan_number(reader, &is_integer)) return false;
    double read = sb_parse_double(from, reader->at);
    if (read - read != 0) return sb_reader_fail(reader, "a number out of range");
    *value = read;
    return true;
}

static bool sb_take_word(sb_reader *reader, const char *word, size_t length) {
    sb_skip_space(reader);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0) return false;
    reader->at += length;
    return true;
}

bool sb_read_bool(sb_reader *reader, bool *value) {
    if (reader->has_failed) return false;
    *value = sb_take_word(reader, "true", 4);
    return *value || sb_take_word(reader, "false", 5) || sb_reader_fail(reader, "expected true or false");
}

bool sb_read_null(sb_reader *reader) {
    return !reader->has_failed && sb_take_word(reader, "null", 4);
}

bool sb_skip(sb_reader *reader) {
    if (reader->has_failed) return false;
    bool is_integer;
    switch (sb_peek(reader)) {
    case '"':
        return sb_take_text(reader, NULL);
    case '{':
        if (sb_enter_object(reader))
            while (sb_next_member(reader, NULL) && sb_skip(reader)) {}
        return !reader->has_failed;
    case '[':
        if (sb_enter_array(reader))
            while (sb_next_item(reader) && sb_skip(reader)) {}
        return !reader->has_failed;
    case 't':
        return sb_take_word(reader, "true", 4) || sb_reader_fail(reader, "expected a value");
    case 'f':
        return sb_take_word(reader, "false", 5) || sb_reader_fail(reader, "expected a value");
    case 'n':
        return sb_take_word(reader, "null", 4) || sb_reader_fail(reader, "expected a value");
    default:
        if (!sb_starts_number(reader)) return sb_reader_fail(reader, reader->at == reader->end ? "it ends too early" : "expected a value");
        return sb_scan_number(reader, &is_integer);
    }
}

bool sb_read_any(sb_reader *reader, sb_json *value) {
    sb_skip_space(reader);
    const char *from = reader->at;
    if (!sb_skip(reader)) return false;
    *value = (sb_json){from, (size_t)(reader->at - from)};
    return true;
}
