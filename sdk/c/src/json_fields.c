/* Structs by their table of fields: from JSON, and as an accumulator's bytes. */
#include "../sluicebox.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "accumulators are little endian, as Wasm is");

static bool sb_is_field(const sb_field *field, sb_bytes name) {
    return field->name_length == name.length && sb_same_bytes(field->name, name.data, name.length);
}

/* The number of a field, `shape->count` if it is unknown. Most texts have their fields in the order of the table: `hint` is tried first. */
static size_t sb_field_named(const sb_shape *shape, sb_bytes name, size_t hint) {
    if (hint < shape->count && sb_is_field(&shape->fields[hint], name)) return hint;
    for (size_t i = 0; i < shape->count; i++)
        if (sb_is_field(&shape->fields[i], name)) return i;
    return shape->count;
}

/* Store an integer of the field's width; false if it doesn't fit. */
static bool sb_store_signed(const sb_field *field, void *to, int64_t value) {
    if (field->size == sizeof value) {
        memcpy(to, &value, sizeof value);
        return true;
    }
    int32_t narrow = (int32_t)value;
    memcpy(to, &narrow, sizeof narrow);
    return narrow == value;
}

static bool sb_store_unsigned(const sb_field *field, void *to, uint64_t value) {
    if (field->size == sizeof value) {
        memcpy(to, &value, sizeof value);
        return true;
    }
    uint32_t narrow = (uint32_t)value;
    memcpy(to, &narrow, sizeof narrow);
    return narrow == value;
}

static bool sb_read_field(sb_reader *reader, const sb_field *field, void *to) {
    switch ((sb_kind)field->kind) {
    case SB_KIND_BOOL:
        return sb_read_bool(reader, to);
    case SB_KIND_SIGNED: {
        int64_t value;
        return sb_read_i64(reader, &value) && (sb_store_signed(field, to, value) || sb_reader_fail(reader, "an integer out of range"));
    }
    case SB_KIND_UNSIGNED: {
        uint64_t value;
        return sb_read_u64(reader, &value) && (sb_store_unsigned(field, to, value) || sb_reader_fail(reader, "an integer out of range"));
    }
    case SB_KIND_DOUBLE:
        return sb_read_double(reader, to);
    case SB_KIND_TEXT:
        return sb_read_text(reader, to);
    case SB_KIND_JSON:
        return sb_read_any(reader, to);
    }
    return false;
}

__attribute__((cold, noinline)) bool sb_reader_refuse(sb_reader *reader, const char *why, sb_bytes field) {
    if (reader->has_failed) return false;
    reader->has_failed = true;
    return sb_fail(reader->error, "%s is not the JSON expected: %s field `%.*s`", reader->what, why, SB_ARG(field));
}

static sb_bytes sb_name_of(const sb_field *field) {
    return (sb_bytes){field->name, field->name_length};
}

static bool sb_read_members(sb_reader *reader, void *to, const sb_shape *shape, bool is_strict) {
    uint64_t seen = 0;
    size_t hint = 0;
    sb_bytes name;
    if (shape->count > 64) sb_trap("a shape has more than 64 fields");
    if (!sb_enter_object(reader)) return false;
    while (sb_next_member(reader, &name)) {
        size_t number = sb_field_named(shape, name, hint);
        if (number == shape->count) {
            if (is_strict) return sb_reader_refuse(reader, "unknown", name);
            if (!sb_skip(reader)) return false;
            continue;
        }
        const sb_field *field = &shape->fields[number];
        if (seen >> number & 1) return sb_reader_refuse(reader, "duplicate", name);
        seen |= (uint64_t)1 << number;
        hint = number + 1;
        if (field->is_optional && sb_read_null(reader)) continue;
        reader->field = name;
        if (!sb_read_field(reader, field, (char *)to + field->offset)) return false;
        reader->field.data = NULL;
    }
    for (size_t i = 0; i < shape->count && !reader->has_failed; i++)
        if (!(seen >> i & 1) && !shape->fields[i].is_optional) return sb_reader_refuse(reader, "missing", sb_name_of(&shape->fields[i]));
    return !reader->has_failed;
}

bool sb_read_json(sb_bytes value, void *to, const sb_shape *shape, sb_error *error) {
    sb_reader reader = sb_reader_start(value, error);
    return sb_read_members(&reader, to, shape, false) && sb_reader_end(&reader);
}

/* "null" is no config: an empty object, so that optional fields are enough. */
sb_reader sb_config_reader(sb_bytes config, sb_error *error) {
    sb_error ignored;
    sb_reader reader = sb_reader_start(config, &ignored);
    bool is_none = sb_read_null(&reader) && sb_reader_end(&reader);
    reader = sb_reader_start(is_none ? sb_text("{}") : config, error);
    reader.what = "config";
    return reader;
}

bool sb_read_config(sb_bytes config, void *to, const sb_shape *shape, sb_error *error) {
    sb_reader reader = sb_config_reader(config, error);
    return sb_read_members(&reader, to, shape, true) && sb_reader_end(&reader);
}

bool sb_no_config(sb_bytes config, sb_error *error) {
    return sb_read_config(config, NULL, &(const sb_shape){NULL, 0}, error);
}

bool sb_find(sb_bytes value, const char *name, sb_json *found, sb_error *error) {
    sb_reader reader = sb_reader_start(value, error);
    sb_bytes member;
    *found = (sb_json){NULL, 0};
    if (!sb_enter_object(&reader)) return false;
    while (sb_next_member(&reader, &member)) {
        sb_json ignored;
        bool is_wanted = !found->data && sb_is(member, name);
        if (!sb_read_any(&reader, is_wanted ? found : &ignored)) return false;
    }
    return sb_reader_end(&reader);
}

/* ---- accumulators ---- */

static bool sb_is_text(const sb_field *field) {
    return field->kind == SB_KIND_TEXT || field->kind == SB_KIND_JSON;
}

void sb_put_fields(sb_buffer *bytes, const void *from, const sb_shape *shape) {
    for (size_t i = 0; i < shape->count; i++) {
        const sb_field *field = &shape->fields[i];
        const char *at = (const char *)from + field->offset;
        if (!sb_is_text(field)) {
            sb_put(bytes, at, field->size);
            continue;
        }
        sb_bytes text; /* an sb_json is laid out alike */
        memcpy(&text, at, sizeof text);
        uint32_t length = text.data ? (uint32_t)text.length : SB_NULL;
        sb_put(bytes, &length, sizeof length);
        if (text.data) sb_put(bytes, text.data, text.length);
    }
}

/* Take bytes from the front; NULL if there are fewer. */
static const char *sb_take(sb_bytes *from, size_t length) {
    if (from->length < length) return NULL;
    const char *taken = from->data;
    from->data += length;
    from->length -= length;
    return taken;
}

bool sb_read_fields(sb_bytes bytes, void *to, const sb_shape *shape) {
    for (size_t i = 0; i < shape->count; i++) {
        const sb_field *field = &shape->fields[i];
        char *at = (char *)to + field->offset;
        const char *taken = sb_take(&bytes, sb_is_text(field) ? 4 : field->size);
        if (!taken) return false;
        if (field->kind == SB_KIND_BOOL && (unsigned char)*taken > 1) return false;
        if (!sb_is_text(field)) {
            memcpy(at, taken, field->size);
            continue;
        }
        uint32_t length;
        memcpy(&length, taken, sizeof length);
        sb_bytes text = {NULL, 0};
        if (length != SB_NULL) {
            text = (sb_bytes){sb_take(&bytes, length), length};
            if (!text.data) return false;
        }
        memcpy(at, &text, sizeof text);
    }
    return bytes.length == 0;
}
