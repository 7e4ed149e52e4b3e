/* What makes functions a module: one of SB_FILTER, SB_MAP and SB_WINDOW_AGGREGATE, once, at the end of its source. In Wasm they define
 * the exports of `wit/udf.wit` (see docs/sdk-for-another-language.md for their signatures). Included by sluicebox.h. */
#ifndef SLUICEBOX_MODULE_H
#define SLUICEBOX_MODULE_H

#include "sluicebox.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes the operator's `config`, JSON text ("null" if there is none). False refuses it: the job doesn't start. Without an `init`
 * a module takes no config. It may be called again in tests: it must set every static that it uses. */
typedef bool sb_init(sb_bytes config, sb_error *error);

/* Keep the record or not. `*keep` is false before. */
typedef bool sb_keep(const sb_record *record, bool *keep, sb_error *error);

/* Emit none, one or many outputs of the record. */
typedef bool sb_apply(const sb_record *record, sb_outputs *outputs, sb_error *error);

/* A window aggregate, its state untyped: SB_WINDOW_AGGREGATE makes it. */
typedef struct sb_aggregate {
    size_t size; /* bytes of the state, which is aligned for everything */
    void (*create)(void *state);
    bool (*read)(void *state, sb_bytes bytes); /* false: not a state; then there is none */
    void (*write)(const void *state, sb_buffer *bytes);
    void (*drop)(void *state); /* NULL if a state owns nothing */
    bool (*accumulate)(void *state, const sb_record *record, sb_error *error);
    bool (*merge)(void *state, const void *later, sb_error *error);
    bool (*finish)(const void *state, const sb_window *window, sb_outputs *outputs, sb_error *error);
    uint8_t (*format)(void);
    bool (*migrates)(uint8_t format);
    bool (*migrate)(uint8_t format, sb_bytes bytes, void *state);
} sb_aggregate;

/* A module. */
typedef struct sb_udf {
    sb_init *init;
    sb_keep *keep;
    sb_apply *apply;
    const sb_aggregate *aggregate;
} sb_udf;

/* The module that is linked in. */
extern const sb_udf sluicebox_udf;

/* A filter: `SB_FILTER(keep)` or `SB_FILTER(keep, .init = init)`. */
#define SB_FILTER(keep_, ...)                                                                                                      \
    const sb_udf sluicebox_udf = {.keep = keep_, ##__VA_ARGS__};                                                                   \
    SB_EXPORT_FILTER

/* A map: `SB_MAP(apply)` or `SB_MAP(apply, .init = init)`. */
#define SB_MAP(apply_, ...)                                                                                                        \
    const sb_udf sluicebox_udf = {.apply = apply_, ##__VA_ARGS__};                                                                 \
    SB_EXPORT_MAP

/* A window aggregate with a struct as its state:
 *     SB_WINDOW_AGGREGATE(struct total, TOTAL, accumulate, merge, finish, .init = init, .create = create)
 *     bool accumulate(struct total *state, const sb_record *record, sb_error *error);
 *     bool merge(struct total *state, const struct total *later, sb_error *error);         `later` covers the later rows
 *     bool finish(const struct total *state, const sb_window *window, sb_outputs *outputs, sb_error *error);
 *     void create(struct total *state);      a new one; all zeroes before. Optional
 * The host keeps the fields of the shape TOTAL, in order: numbers little endian and as wide as they are, a bool one byte, text
 * with its length in four bytes before it. What is not in the shape is zero in the next call. Text in a state may point to memory as
 * of `sb_alloc`; replace it, don't change it in place. After a row error the state is as it was before the row.
 *
 * The accumulators outlive an upgrade of the module. A version with other fields gets another format, and reads what earlier
 * ones wrote: SB_VERSIONED_WINDOW_AGGREGATE takes the same with, beside what is optional,
 *     .format = 1, .migrates = migrates, .migrate = migrate
 *     bool migrates(uint8_t format);         whether it reads this other format
 *     bool migrate(uint8_t format, sb_bytes bytes, struct total *state);      `sb_read_fields` reads bytes by a shape; false halts the job */
#define SB_WINDOW_AGGREGATE(type, shape, accumulate_, merge_, finish_, ...)                                                        \
    SB_DEFINE_AGGREGATE(type, shape, accumulate_, merge_, finish_, ##__VA_ARGS__)                                                  \
    SB_EXPORT_WINDOW_AGGREGATE
#define SB_VERSIONED_WINDOW_AGGREGATE(type, shape, accumulate_, merge_, finish_, ...)                                              \
    SB_DEFINE_AGGREGATE(type, shape, accumulate_, merge_, finish_, ##__VA_ARGS__)                                                  \
    SB_EXPORT_WINDOW_AGGREGATE                                                                                                     \
    SB_EXPORT_ACCUMULATOR_FORMAT

#define SB_DEFINE_AGGREGATE(type, shape, accumulate_, merge_, finish_, ...)                                                        \
    static const struct {                                                                                                          \
        sb_init *init;                                                                                                             \
        void (*create)(type *);                                                                                                    \
        uint8_t format;                                                                                                            \
        bool (*migrates)(uint8_t);                                                                                                 \
        bool (*migrate)(uint8_t, sb_bytes, type *);                                                                                \
        char end;                                                                                                                  \
    } sb_given = {.end = 0, ##__VA_ARGS__};                                                                                        \
    static void sb_create_(void *state) {                                                                                          \
        memset(state, 0, sizeof(type));                                                                                            \
        if (sb_given.create) sb_given.create((type *)state);                                                                       \
    }                                                                                                                              \
    static bool sb_read_(void *state, sb_bytes bytes) {                                                                            \
        memset(state, 0, sizeof(type));                                                                                            \
        return sb_read_fields(bytes, state, &shape);                                                                               \
    }                                                                                                                              \
    static void sb_write_(const void *state, sb_buffer *bytes) { sb_put_fields(bytes, state, &shape); }                            \
    static bool sb_accumulate_(void *state, const sb_record *record, sb_error *error) {                                            \
        return accumulate_((type *)state, record, error);                                                                          \
    }                                                                                                                              \
    static bool sb_merge_(void *state, const void *later, sb_error *error) {                                                       \
        return merge_((type *)state, (const type *)later, error);                                                                  \
    }                                                                                                                              \
    static bool sb_finish_(const void *state, const sb_window *window, sb_outputs *outputs, sb_error *error) {                     \
        return finish_((const type *)state, window, outputs, error);                                                               \
    }                                                                                                                              \
    static bool sb_migrates_(uint8_t format) { return sb_given.migrates && sb_given.migrates(format); }                            \
    static bool sb_migrate_(uint8_t format, sb_bytes bytes, void *state) {                                                         \
        memset(state, 0, sizeof(type));                                                                                            \
        return sb_given.migrate && sb_given.migrate(format, bytes, (type *)state);                                                 \
    }                                                                                                                              \
    static uint8_t sb_format_(void) { return sb_given.format; }                                                                    \
    static bool sb_init_(sb_bytes config, sb_error *error) {                                                                       \
        return sb_given.init ? sb_given.init(config, error) : sb_no_config(config, error);                                         \
    }                                                                                                                              \
    static const sb_aggregate sb_aggregate_ = {                                                                                    \
        .size = sizeof(type), .create = sb_create_, .read = sb_read_, .write = sb_write_, .drop = NULL,                            \
        .accumulate = sb_accumulate_, .merge = sb_merge_, .finish = sb_finish_, .format = sb_format_,                              \
        .migrates = sb_migrates_, .migrate = sb_migrate_};                                                                         \
    const sb_udf sluicebox_udf = {.init = sb_init_, .aggregate = &sb_aggregate_};

/* ---- accumulators as bytes ---- */

/* Read bytes that `sb_put_fields` wrote; false if they are not all of a state of this shape. Text in it is that of `bytes`. */
bool sb_read_fields(sb_bytes bytes, void *to, const sb_shape *shape);

/* Append the fields of a struct. */
void sb_put_fields(sb_buffer *bytes, const void *from, const sb_shape *shape);

/* The `init` of modules without one: refuses any config but an empty one. */
bool sb_no_config(sb_bytes config, sb_error *error);

#include "sluicebox_abi.h"

#ifdef __cplusplus
}
#endif

#endif
