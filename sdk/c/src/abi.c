/* What every module exports: `init`, and memory for what the host passes. The exports of each kind are in sluicebox_abi.h. */
#include "../sluicebox.h"

#ifdef __wasm__

_Static_assert(sizeof(sb_initialised) == 12 && offsetof(sb_initialised, message) == 4, "result<_, string>");
_Static_assert(sizeof(sb_kept) == 16, "record kept");
_Static_assert(sizeof(sb_row_error) == 12 && offsetof(sb_row_error, message) == 4, "record row-error");
_Static_assert(sizeof(sb_emitted) == 40 && offsetof(sb_emitted, parents) == 24, "record emitted");
_Static_assert(sizeof(sb_accumulated) == 24 && offsetof(sb_accumulated, errors) == 16, "record accumulated");
_Static_assert(sizeof(sb_migrated) == 20 && offsetof(sb_migrated, ok) == 4, "result<packed, string>");

/* Memory for what the host passes. It never asks for more than 8 bytes of alignment, and never makes a block larger; if it did, this
 * would still be right. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t alignment, size_t size) {
    (void)alignment;
    if (old && size <= old_size) return old;
    void *memory = sb_alloc(size);
    if (old) memcpy(memory, old, old_size);
    return memory;
}

__attribute__((export_name("sluicebox:udf/lifecycle@0.1.0#init"))) const sb_initialised *sb_export_init(const char *config, size_t length) {
    return sb_call_init(config, length);
}

#endif
