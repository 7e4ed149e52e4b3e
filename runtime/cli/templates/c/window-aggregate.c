/* For each key and window: how many orders, and the sum of their amounts. An order that can't be read is a row error: `on_error` of the
 * job says what becomes of it. */
#include "sluicebox.h"

struct order {
    int64_t amount;
};
static const sb_shape ORDER = SB_SHAPE(SB_FIELD(struct order, amount));

/* What is kept of the orders of a key and window; a new one is all zeroes. The host keeps its bytes, so nothing may depend on how orders
 * are split into calls. */
struct total {
    uint64_t orders;
    int64_t amount;
};
static const sb_shape TOTAL = SB_SHAPE(SB_FIELD(struct total, orders), SB_FIELD(struct total, amount));

static bool merge(struct total *total, const struct total *later, sb_error *error) {
    if (!sb_add(total->amount, later->amount, &total->amount)) return sb_fail(error, "the sum overflows");
    total->orders += later->orders;
    return true;
}

static bool accumulate(struct total *total, const sb_record *record, sb_error *error) {
    struct order order;
    if (!sb_read_json(record->value, &order, &ORDER, error)) return false;
    return merge(total, &(struct total){.orders = 1, .amount = order.amount}, error);
}

static bool finish(const struct total *total, const sb_window *window, sb_outputs *outputs, sb_error *error) {
    sb_bytes user;
    if (!sb_window_key(window, &user, error)) return false;
    sb_buffer *json = sb_emit(outputs);
    sb_begin_object(json, NULL);
    sb_write_text(json, "user", user);
    sb_write_i64(json, "window_start_ms", window->start_ms);
    sb_write_members(json, total, &TOTAL);
    sb_end_object(json);
    return true;
}

SB_WINDOW_AGGREGATE(struct total, TOTAL, accumulate, merge, finish)
