/* Keeps orders of at least a minimum amount. An order that can't be read is a row error: `on_error` of the job says what becomes of
 * it. */
#include "sluicebox.h"

/* The fields that are needed; others are checked, but skipped. */
struct order {
    int64_t amount;
};
static const sb_shape ORDER = SB_SHAPE(SB_FIELD(struct order, amount));

/* The operator's `config`. */
static struct config {
    int64_t minimum; /* smallest amount to keep, in cents */
} config;
static const sb_shape CONFIG = SB_SHAPE(SB_FIELD(struct config, minimum));

static bool configure(sb_bytes text, sb_error *error) {
    return sb_read_config(text, &config, &CONFIG, error);
}

static bool keep(const sb_record *record, bool *is_kept, sb_error *error) {
    struct order order;
    if (!sb_read_json(record->value, &order, &ORDER, error)) return false;
    *is_kept = order.amount >= config.minimum;
    return true;
}

SB_FILTER(keep, .init = configure)
