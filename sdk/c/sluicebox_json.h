/* JSON: records by a table of their fields, a reader that goes through a text once and checks all of it, and a writer.
 * Included by sluicebox.h. */
#ifndef SLUICEBOX_JSON_H
#define SLUICEBOX_JSON_H

#include "sluicebox.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- records by their fields ---- */

/* A JSON value as text, known to be well-formed: a field of this type takes any. Read it with `sb_reader_of`. */
typedef struct sb_json {
    const char *data;
    size_t length; /* bytes */
} sb_json;

typedef enum sb_kind { SB_KIND_BOOL, SB_KIND_SIGNED, SB_KIND_UNSIGNED, SB_KIND_DOUBLE, SB_KIND_TEXT, SB_KIND_JSON } sb_kind;

/* A field of a struct: made by `SB_FIELD` and its like. */
typedef struct sb_field {
    const char *name;
    uint32_t name_length;
    uint16_t offset;
    uint8_t size;
    uint8_t kind;
    bool is_optional;
} sb_field;

/* The fields of a struct: how it is read, written, and kept as an accumulator. At most 64. */
typedef struct sb_shape {
    const sb_field *fields;
    size_t count;
} sb_shape;

#define SB_KIND_OF(value)                                                                                                          \
    _Generic((value), bool: SB_KIND_BOOL, int: SB_KIND_SIGNED, long: SB_KIND_SIGNED, long long: SB_KIND_SIGNED,                      \
             unsigned: SB_KIND_UNSIGNED, unsigned long: SB_KIND_UNSIGNED, unsigned long long: SB_KIND_UNSIGNED,                      \
             double: SB_KIND_DOUBLE, sb_bytes: SB_KIND_TEXT, sb_json: SB_KIND_JSON)

#define SB_FIELD_OF(type, member, name, is_optional)                                                                               \
    {                                                                                                                              \
        name, sizeof(name) - 1, offsetof(type, member), sizeof(((type *)0)->member), SB_KIND_OF(((type *)0)->member), is_optional    \
    }

/* A field that must be there. Types: bool, signed and unsigned integers of 32 and 64 bits, double, sb_bytes (text), sb_json. */
#define SB_FIELD(type, member) SB_FIELD_OF(type, member, #member, false)
/* One of another name in the JSON. */
#define SB_FIELD_NAMED(type, member, name) SB_FIELD_OF(type, member, name, false)
/* One that stays as it is if it is missing or null. */
#define SB_OPTIONAL(type, member) SB_FIELD_OF(type, member, #member, true)

/* The fields of a struct: `static const sb_shape ORDER = SB_SHAPE(SB_FIELD(struct order, amount), ...);` */
#define SB_SHAPE(...)                                                                                                              \
    { (const sb_field[]){__VA_ARGS__}, sizeof((const sb_field[]){__VA_ARGS__}) / sizeof(sb_field) }

/* Read an object into a struct. Other fields are skipped, but all of the text must be JSON. Fails if it isn't, if a field is missing,
 * there twice or of another type, and of null (a tombstone). Text without escapes is not copied; other text is in memory as of
 * `sb_alloc`. */
bool sb_read_json(sb_bytes value, void *to, const sb_shape *shape, sb_error *error);

/* The same for the operator's `config`: fields that the shape lacks are refused, and no config at all is an empty object. */
bool sb_read_config(sb_bytes config, void *to, const sb_shape *shape, sb_error *error);

/* Find one field of an object, without a struct; `found->data` is NULL if it isn't there. Fails if the text is no object, or no JSON. */
bool sb_find(sb_bytes value, const char *name, sb_json *found, sb_error *error);

/* ---- reading step by step ---- */

/* Objects and arrays within each other, at most. */
#define SB_DEPTH_MAX 128

/* A reader. Its functions answer false once something was wrong; `sb_reader_end` says whether all went well. */
typedef struct sb_reader {
    const char *begin, *at, *end;
    sb_error *error;
    const char *what;   /* "value" or "config": how messages begin */
    sb_bytes field;     /* the field being read, for messages */
    uint32_t depth;
    bool is_first;      /* no comma is due */
    bool has_failed;
} sb_reader;

/* Read a text. Null reads as JSON's `null`. */
sb_reader sb_reader_start(sb_bytes text, sb_error *error);

/* Read a value that was taken as `sb_json`. */
sb_reader sb_reader_of(sb_json json, sb_error *error);

/* Whether all was read, and well. */
bool sb_reader_end(sb_reader *reader);

/* Read the operator's `config`; none at all is an empty object. */
sb_reader sb_config_reader(sb_bytes config, sb_error *error);

/* Fail here, with a message that says where. */
bool sb_reader_fail(sb_reader *reader, const char *why);

/* Fail for a field: `why` is "missing", "unknown" or "duplicate". */
bool sb_reader_refuse(sb_reader *reader, const char *why, sb_bytes field);

/* Go into an object, then from member to member; `sb_next_member` is false at its end. Each member's value must be read or skipped.
 *     if (sb_enter_object(&reader))
 *         while (sb_next_member(&reader, &name)) ... */
bool sb_enter_object(sb_reader *reader);
bool sb_next_member(sb_reader *reader, sb_bytes *name);

/* The same for an array. */
bool sb_enter_array(sb_reader *reader);
bool sb_next_item(sb_reader *reader);

/* Read a value of a type. Integers have neither point nor exponent and must fit. */
bool sb_read_bool(sb_reader *reader, bool *value);
bool sb_read_i64(sb_reader *reader, int64_t *value);
bool sb_read_u64(sb_reader *reader, uint64_t *value);
bool sb_read_double(sb_reader *reader, double *value);
bool sb_read_text(sb_reader *reader, sb_bytes *value);
bool sb_read_any(sb_reader *reader, sb_json *value);
bool sb_skip(sb_reader *reader);

/* Whether the next value is `null`, which then is read; it never fails. */
bool sb_read_null(sb_reader *reader);

/* ---- writing ---- */

/* Commas are put where they are due. A name goes before each member of an object, NULL before items and the whole:
 *     sb_begin_object(json, NULL);
 *     sb_write_i64(json, "amount", 5);
 *     sb_end_object(json); */
void sb_begin_object(sb_buffer *json, const char *name);
void sb_end_object(sb_buffer *json);
void sb_begin_array(sb_buffer *json, const char *name);
void sb_end_array(sb_buffer *json);

void sb_write_null(sb_buffer *json, const char *name);
void sb_write_bool(sb_buffer *json, const char *name, bool value);
void sb_write_i64(sb_buffer *json, const char *name, int64_t value);
void sb_write_u64(sb_buffer *json, const char *name, uint64_t value);
/* The shortest number that reads back as the same; infinities and what is no number become null. */
void sb_write_double(sb_buffer *json, const char *name, double value);
/* Text, escaped; what is not UTF-8 becomes U+FFFD, null is null. */
void sb_write_text(sb_buffer *json, const char *name, sb_bytes value);
/* A value that was read as it is; null is null. */
void sb_write_json(sb_buffer *json, const char *name, sb_json value);
/* A name that isn't a C string; the value comes next, with NULL as its name. */
void sb_write_name(sb_buffer *json, sb_bytes name);

/* A struct as an object. */
void sb_write_object(sb_buffer *json, const char *name, const void *from, const sb_shape *shape);
/* The fields of a struct, into an object that is open. */
void sb_write_members(sb_buffer *json, const void *from, const sb_shape *shape);

/* ---- numbers ---- */

/* To the nearest integer, half away from zero; beyond 64 bits the nearest there is; 0 for what is no number. */
int64_t sb_round(double value);

/* Sum; false if it needs more than 64 bits (then `*sum` stays). */
static inline bool sb_add(int64_t a, int64_t b, int64_t *sum) {
    int64_t result;
    if (__builtin_add_overflow(a, b, &result)) return false;
    *sum = result;
    return true;
}

#ifdef __cplusplus
}
#endif

#endif
