/* Write UDFs for sluicebox in C: records, outputs, errors, the log, and the macros that make a function a module.
 *
 *     #include "sluicebox.h"
 *
 *     struct order { int64_t amount; sb_bytes currency; };
 *     static const sb_shape ORDER = SB_SHAPE(SB_FIELD(struct order, amount), SB_FIELD(struct order, currency));
 *
 *     static bool valid(const sb_record *record, bool *keep, sb_error *error) {
 *         struct order order = {0};
 *         if (!sb_read_json(record->value, &order, &ORDER, error)) return false;
 *         *keep = order.amount > 0 && sb_is(order.currency, "EUR");
 *         return true;
 *     }
 *     SB_FILTER(valid)
 *
 * Each function of a module returns true, or false after `sb_fail`: the row is then a row error, and the job says what becomes of
 * it. Compile `sluicebox.c` with the module. Nothing here is safe for threads: a module has one.
 *
 * Be deterministic: the same rows must give the same outputs on any instance, however they are split into calls. Keep nothing in
 * statics but what `init` sets. */
#ifndef SLUICEBOX_H
#define SLUICEBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- bytes ---- */

/* Bytes, or text in UTF-8, of somebody else: not ended by a zero. `data` NULL is null. */
typedef struct sb_bytes {
    const char *data;
    size_t length; /* bytes */
} sb_bytes;

/* For `%.*s` in `sb_fail`, `sb_log` and `sb_format`. */
#define SB_ARG(bytes) (int)(bytes).length, (bytes).data ? (bytes).data : ""

/* The bytes of a C string, NULL is null. */
static inline sb_bytes sb_text(const char *text) {
    sb_bytes bytes = {text, text ? strlen(text) : 0};
    return bytes;
}

/* Whether as many bytes are the same: as memcmp, without a call for what is as short as most names. */
static inline bool sb_same_bytes(const char *a, const char *b, size_t length) {
    if (length > 16) return memcmp(a, b, length) == 0;
    if (length >= 8) {
        uint64_t first[2], last[2];
        memcpy(&first[0], a, 8), memcpy(&first[1], b, 8);
        memcpy(&last[0], a + length - 8, 8), memcpy(&last[1], b + length - 8, 8);
        return first[0] == first[1] && last[0] == last[1];
    }
    if (length >= 4) {
        uint32_t first[2], last[2];
        memcpy(&first[0], a, 4), memcpy(&first[1], b, 4);
        memcpy(&last[0], a + length - 4, 4), memcpy(&last[1], b + length - 4, 4);
        return first[0] == first[1] && last[0] == last[1];
    }
    for (size_t i = 0; i < length; i++)
        if (a[i] != b[i]) return false;
    return true;
}

/* Whether both are the same bytes; null is only null. */
static inline bool sb_same(sb_bytes a, sb_bytes b) {
    return a.length == b.length && !a.data == !b.data && sb_same_bytes(a.data, b.data, a.length);
}

/* Whether the bytes are those of a C string. */
static inline bool sb_is(sb_bytes bytes, const char *text) {
    return sb_same(bytes, sb_text(text));
}

/* Whether all of it is UTF-8. */
bool sb_is_utf8(sb_bytes text);

/* ---- memory ---- */

/* Memory that needs no free, aligned for everything: gone after the row (in `accumulate`: after the call); what `init` takes stays.
 * Traps if there is none left. */
void *sb_alloc(size_t size);

/* A copy of the bytes in such memory. */
sb_bytes sb_copy(sb_bytes bytes);

/* Bytes that grow. Start with all zeroes, or take the one of an output. */
typedef struct sb_buffer {
    char *data;
    size_t length;   /* bytes */
    size_t capacity; /* bytes */
    size_t start;    /* where the JSON that is being written begins */
    uint32_t depth;  /* objects and arrays of it that are open */
} sb_buffer;

/* Append bytes. */
void sb_put(sb_buffer *buffer, const void *data, size_t length);

/* Give the memory back; not for the buffer of an output. */
void sb_free(sb_buffer *buffer);

/* ---- errors, text and the log ---- */

/* The host keeps 1 KiB of a message. */
#define SB_MESSAGE_BYTES_MAX 1024

/* Why a row failed. */
typedef struct sb_error {
    size_t length; /* bytes */
    char text[SB_MESSAGE_BYTES_MAX];
} sb_error;

#define SB_PRINTF(text, arguments) __attribute__((format(printf, text, arguments)))

/* Say why; answers false, so that `return sb_fail(error, ...)` is all there is to do. The format is printf's, but without widths,
 * and precision only in `%.*s`: %s %.*s %c %d %u %x (with l, ll, z) and %g, which is the shortest number that reads back as the same. */
bool sb_fail(sb_error *error, const char *format, ...) SB_PRINTF(2, 3);

/* Text made as by `sb_fail`, in memory as of `sb_alloc`. */
sb_bytes sb_format(const char *format, ...) SB_PRINTF(1, 2);

/* Append text made as by `sb_fail`. */
void sb_putf(sb_buffer *buffer, const char *format, ...) SB_PRINTF(2, 3);

/* How important a line of the log is. */
typedef enum sb_level {
    SB_DEBUG, /* for the author */
    SB_INFO,  /* worth knowing */
    SB_WARN,  /* somebody should look */
    SB_ERROR, /* something failed */
} sb_level;

/* Write a line to the job's log; natively to standard error. The host limits the rate and keeps 1 KiB of each. */
void sb_log(sb_level level, const char *format, ...) SB_PRINTF(2, 3);

/* Say why in the log and stop: a trap. For what can't be; a row that is wrong is `sb_fail`'s. */
__attribute__((noreturn)) void sb_trap(const char *format, ...) SB_PRINTF(1, 2);

/* ---- records ---- */

/* A record. What it points to is there until the function returns. */
typedef struct sb_record {
    sb_bytes key;         /* null if it has none */
    sb_bytes value;       /* null: a tombstone */
    sb_bytes headers;     /* packed: see `sb_next_header` */
    int64_t timestamp_ms; /* event time, since 1970 */
} sb_record;

/* A header. */
typedef struct sb_header {
    sb_bytes name;
    sb_bytes value; /* may be null */
} sb_header;

/* The headers in order, names may repeat:
 *     sb_header header;
 *     for (sb_bytes rest = record->headers; sb_next_header(&rest, &header);) ... */
bool sb_next_header(sb_bytes *rest, sb_header *header);

/* Value of the last header of this name, as Kafka's clients choose it; null if there is none or it is null. */
sb_bytes sb_header_value(const sb_record *record, const char *name);

/* A closed window of one key. */
typedef struct sb_window {
    sb_bytes key;
    int64_t start_ms; /* first millisecond since 1970 of the window */
    int64_t end_ms;   /* first millisecond after it */
} sb_window;

/* The key as text; fails if it is null or not UTF-8. */
bool sb_window_key(const sb_window *window, sb_bytes *key, sb_error *error);

/* ---- outputs ---- */

/* Where the outputs of a row, or of a window, go. Of a row that fails none leaves. */
typedef struct sb_outputs sb_outputs;

/* Begin an output: its value is what is written to the buffer before the next output begins. Key and headers are the parent's
 * (headers of a window's output: none); the timestamp always is the parent's, or the window's end - 1. */
sb_buffer *sb_emit(sb_outputs *outputs);

/* Begin an output of these bytes; null makes a tombstone. */
void sb_emit_bytes(sb_outputs *outputs, sb_bytes value);

/* Begin an output of the parent's value, unread and uncopied. A window has none: its output then is a row error. */
void sb_emit_same(sb_outputs *outputs);

/* Give the output that was begun last this key; null is none. A job refuses rows whose key was changed before a keyed operator. */
void sb_set_key(sb_outputs *outputs, sb_bytes key);

/* Leave the parent's headers out of the output that was begun last. */
void sb_drop_headers(sb_outputs *outputs);

/* Add a header to the output that was begun last, after those that are there. */
void sb_add_header(sb_outputs *outputs, const char *name, sb_bytes value);

#ifdef __cplusplus
}
#endif

#include "sluicebox_json.h"
#include "sluicebox_module.h"

#endif
