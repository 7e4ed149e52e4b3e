/* The border of the sandbox: packed records as they lie in memory, the calls that work on them, and in Wasm the exports, by hand
 * after the component model's canonical ABI (docs/sdk-for-another-language.md tells it). Nothing for modules. */
#ifndef SLUICEBOX_ABI_H
#define SLUICEBOX_ABI_H

/* In Wasm these structs are the return areas: a `list` is a pointer and a length, 4 bytes each. */
typedef struct sb_list {
    const void *data;
    size_t length; /* items */
} sb_list;

typedef struct sb_batch {
    sb_list data, index, timestamps;
} sb_batch;

typedef struct sb_packed {
    sb_list data, index;
} sb_packed;

typedef struct sb_row_error {
    uint32_t row;
    sb_list message;
} sb_row_error;

typedef struct sb_kept {
    sb_list bitmap, errors;
} sb_kept;

typedef struct sb_emitted {
    sb_batch output;
    sb_list parents, errors;
} sb_emitted;

typedef struct sb_accumulated {
    sb_packed accumulators;
    sb_list errors;
} sb_accumulated;

/* result<_, string> */
typedef struct sb_initialised {
    uint8_t is_error;
    sb_list message;
} sb_initialised;

/* result<packed, string>: of an error only `data` is used. */
typedef struct sb_migrated {
    uint8_t is_error;
    sb_packed ok;
} sb_migrated;

#define SB_NULL 0xffffffffu /* a length that says null */
#define SB_SAME 0xfffffffeu /* a length that says "the same as my parent's" */

/* What the exports do. A result is there until the next call, or until `sb_release`. */
const sb_initialised *sb_call_init(const char *config, size_t length);
const sb_kept *sb_call_keep(sb_batch input);
const sb_emitted *sb_call_apply(sb_batch input);
const sb_accumulated *sb_call_accumulate(sb_packed accumulators, sb_list groups, sb_batch input);
const sb_accumulated *sb_call_merge(sb_packed left, sb_packed right);
const sb_emitted *sb_call_finish(sb_packed keys, sb_list windows, sb_packed accumulators);
const sb_migrated *sb_call_migrate(uint8_t format, sb_packed accumulators);

/* Take back all memory of the call. */
void sb_release(void);

#ifdef __wasm__

#ifdef __cplusplus
#define SB_EXTERN extern "C"
#define SB_OF(type) type
#else
#define SB_EXTERN
#define SB_OF(type) (type)
#endif

/* A function that has the name `interface#function` outside, and its post-return, after which the host has read the result. */
#define SB_EXPORT(interface, name, result, symbol, ...)                                                                            \
    SB_EXTERN __attribute__((export_name("cabi_post_sluicebox:udf/" interface "@0.1.0#" name))) void sb_post_##symbol(const void *area) { \
        (void)area;                                                                                                                \
        sb_release();                                                                                                              \
    }                                                                                                                              \
    SB_EXTERN __attribute__((export_name("sluicebox:udf/" interface "@0.1.0#" name))) result *sb_export_##symbol(__VA_ARGS__)

/* Flattened: each list is two parameters. */
#define SB_LIST(name) const void *name, size_t name##_length
#define SB_AS_LIST(name) SB_OF(sb_list){name, name##_length}
#define SB_PACKED(name) SB_LIST(name##_data), SB_LIST(name##_index)
#define SB_AS_PACKED(name) SB_OF(sb_packed){SB_AS_LIST(name##_data), SB_AS_LIST(name##_index)}
#define SB_BATCH SB_LIST(data), SB_LIST(index), SB_LIST(timestamps)
#define SB_AS_BATCH SB_OF(sb_batch){SB_AS_LIST(data), SB_AS_LIST(index), SB_AS_LIST(timestamps)}

#define SB_EXPORT_FILTER                                                                                                           \
    SB_EXPORT("filter", "keep", const sb_kept, keep, SB_BATCH) { return sb_call_keep(SB_AS_BATCH); }
#define SB_EXPORT_MAP                                                                                                              \
    SB_EXPORT("mapper", "apply", const sb_emitted, apply, SB_BATCH) { return sb_call_apply(SB_AS_BATCH); }
#define SB_EXPORT_WINDOW_AGGREGATE                                                                                                 \
    SB_EXPORT("window-aggregate", "accumulate", const sb_accumulated, accumulate, SB_PACKED(old), SB_LIST(groups), SB_BATCH) {     \
        return sb_call_accumulate(SB_AS_PACKED(old), SB_AS_LIST(groups), SB_AS_BATCH);                                             \
    }                                                                                                                              \
    SB_EXPORT("window-aggregate", "merge", const sb_accumulated, merge, SB_PACKED(left), SB_PACKED(right)) {                       \
        return sb_call_merge(SB_AS_PACKED(left), SB_AS_PACKED(right));                                                             \
    }                                                                                                                              \
    SB_EXPORT("window-aggregate", "finish", const sb_emitted, finish, SB_PACKED(keys), SB_LIST(windows), SB_PACKED(old)) {         \
        return sb_call_finish(SB_AS_PACKED(keys), SB_AS_LIST(windows), SB_AS_PACKED(old));                                         \
    }
#define SB_EXPORT_ACCUMULATOR_FORMAT                                                                                               \
    SB_EXTERN __attribute__((export_name("sluicebox:udf/accumulator-format@0.1.0#format"))) uint32_t sb_export_format(void) {      \
        return sluicebox_udf.aggregate->format();                                                                                  \
    }                                                                                                                              \
    SB_EXTERN __attribute__((export_name("sluicebox:udf/accumulator-format@0.1.0#migrates")))                                      \
    uint32_t sb_export_migrates(uint32_t format) {                                                                                 \
        return sluicebox_udf.aggregate->migrates((uint8_t)format);                                                                 \
    }                                                                                                                              \
    SB_EXPORT("accumulator-format", "migrate", const sb_migrated, migrate, uint32_t format, SB_PACKED(old)) {                      \
        return sb_call_migrate((uint8_t)format, SB_AS_PACKED(old));                                                                \
    }

#else

/* Natively a module is called through the functions above, by sluicebox_testing.h. */
#define SB_EXPORT_FILTER
#define SB_EXPORT_MAP
#define SB_EXPORT_WINDOW_AGGREGATE
#define SB_EXPORT_ACCUMULATOR_FORMAT

#endif
#endif
