/* The writer of JSON: compact, escaped as serde_json does it. It keeps no stack; the byte before tells whether a comma is due. */
#include "../sluicebox.h"

static void sb_put_escaped(sb_buffer *json, sb_bytes text);

/* What goes before a value: a comma where one is due, and its name. */
static void sb_before(sb_buffer *json, const char *name) {
    char last = json->length > json->start ? json->data[json->length - 1] : '{';
    if (last != '{' && last != '[' && last != ':') sb_put_byte(json, ',');
    if (!name) return;
    sb_put_escaped(json, sb_text(name));
    sb_put_byte(json, ':');
}

static void sb_begin(sb_buffer *json, const char *name, char open) {
    sb_before(json, name);
    sb_put_byte(json, open);
    json->depth++;
}

static void sb_end(sb_buffer *json, char close) {
    sb_put_byte(json, close);
    json->depth--;
}

void sb_begin_object(sb_buffer *json, const char *name) {
    sb_begin(json, name, '{');
}

void sb_end_object(sb_buffer *json) {
    sb_end(json, '}');
}

void sb_begin_array(sb_buffer *json, const char *name) {
    sb_begin(json, name, '[');
}

void sb_end_array(sb_buffer *json) {
    sb_end(json, ']');
}

void sb_write_name(sb_buffer *json, sb_bytes name) {
    sb_before(json, NULL);
    sb_put_escaped(json, name);
    sb_put_byte(json, ':');
}

void sb_write_null(sb_buffer *json, const char *name) {
    sb_before(json, name);
    sb_put(json, "null", 4);
}

void sb_write_bool(sb_buffer *json, const char *name, bool value) {
    sb_before(json, name);
    sb_put(json, value ? "true" : "false", value ? 4 : 5);
}

void sb_write_i64(sb_buffer *json, const char *name, int64_t value) {
    sb_before(json, name);
    sb_put_signed(json, value);
}

void sb_write_u64(sb_buffer *json, const char *name, uint64_t value) {
    sb_before(json, name);
    sb_put_unsigned(json, value);
}

void sb_write_double(sb_buffer *json, const char *name, double value) {
    if (value - value != 0) {
        sb_write_null(json, name);
        return;
    }
    char text[32];
    sb_before(json, name);
    sb_put(json, text, sb_print_double(value, text));
}

/* One character that can't stay as it is; answers its length in the text. */
static size_t sb_put_special(sb_buffer *json, const char *at, const char *end) {
    static const char LETTERS[] = "\"\\\b\f\n\r\t";
    unsigned char byte = (unsigned char)*at;
    if (byte >= 0x80) {
        size_t length = sb_utf8_length(at, end);
        sb_put(json, length ? at : "\xef\xbf\xbd", length ? length : 3);
        return length ? length : 1;
    }
    const char *letter = memchr(LETTERS, byte, 7);
    if (letter) {
        sb_put(json, (char[]){'\\', "\"\\bfnrt"[letter - LETTERS]}, 2);
    } else {
        sb_put(json, byte < 16 ? "\\u000" : "\\u00", byte < 16 ? 5 : 4);
        sb_put_hex(json, byte);
    }
    return 1;
}

static void sb_put_escaped(sb_buffer *json, sb_bytes text) {
    const char *at = text.data, *end = text.data + text.length;
    sb_reserve(json, text.length + 2);
    json->data[json->length++] = '"';
    while (at < end) {
        const char *from = at;
        at = sb_skip_plain(at, end);
        sb_put(json, from, (size_t)(at - from));
        if (at < end) at += sb_put_special(json, at, end);
    }
    sb_put_byte(json, '"');
}

void sb_write_text(sb_buffer *json, const char *name, sb_bytes value) {
    if (!value.data) {
        sb_write_null(json, name);
        return;
    }
    sb_before(json, name);
    sb_put_escaped(json, value);
}

void sb_write_json(sb_buffer *json, const char *name, sb_json value) {
    sb_before(json, name);
    sb_put(json, value.data ? value.data : "null", value.data ? value.length : 4);
}

/* An integer of 4 or 8 bytes, whatever it is called. */
static uint64_t sb_load(const void *from, size_t size) {
    uint64_t wide = 0;
    memcpy(&wide, from, size == 4 ? 4 : 8);
    return wide;
}

static void sb_write_field(sb_buffer *json, const sb_field *field, const void *from) {
    const char *name = field->name;
    switch ((sb_kind)field->kind) {
    case SB_KIND_BOOL:
        sb_write_bool(json, name, *(const bool *)from);
        break;
    case SB_KIND_SIGNED:
        sb_write_i64(json, name, field->size == 4 ? (int32_t)sb_load(from, 4) : (int64_t)sb_load(from, 8));
        break;
    case SB_KIND_UNSIGNED:
        sb_write_u64(json, name, sb_load(from, field->size));
        break;
    case SB_KIND_DOUBLE:
        sb_write_double(json, name, *(const double *)from);
        break;
    case SB_KIND_TEXT:
        sb_write_text(json, name, *(const sb_bytes *)from);
        break;
    case SB_KIND_JSON:
        sb_write_json(json, name, *(const sb_json *)from);
        break;
    }
}

void sb_write_members(sb_buffer *json, const void *from, const sb_shape *shape) {
    for (size_t i = 0; i < shape->count; i++) sb_write_field(json, &shape->fields[i], (const char *)from + shape->fields[i].offset);
}

void sb_write_object(sb_buffer *json, const char *name, const void *from, const sb_shape *shape) {
    sb_begin_object(json, name);
    sb_write_members(json, from, shape);
    sb_end_object(json);
}
