/* Adds to each order whether it is large. An order that can't be read is a row error: `on_error` of the job says what becomes of it. */
#include "sluicebox.h"

struct order {
    sb_bytes user;
    int64_t amount;
};
static const sb_shape ORDER = SB_SHAPE(SB_FIELD(struct order, user), SB_FIELD(struct order, amount));

/* The operator's `config`. */
static struct config {
    int64_t large; /* orders of this amount or more are large, in cents */
} config;
static const sb_shape CONFIG = SB_SHAPE(SB_FIELD(struct config, large));

static bool configure(sb_bytes text, sb_error *error) {
    return sb_read_config(text, &config, &CONFIG, error);
}

static bool rate(const sb_record *record, sb_outputs *outputs, sb_error *error) {
    struct order order;
    if (!sb_read_json(record->value, &order, &ORDER, error)) return false;
    sb_buffer *json = sb_emit(outputs);
    sb_begin_object(json, NULL);
    sb_write_members(json, &order, &ORDER);
    sb_write_bool(json, "large", order.amount >= config.large);
    sb_end_object(json);
    return true;
}

SB_MAP(rate, .init = configure)
