/* Per user (the key) and window: how many orders, and the sum, the smallest and the largest of their values. Reads what orders-enrich
 * writes. */
#include "sluicebox.h"

struct order {
    int64_t value_cents;
};
static const sb_shape ORDER = SB_SHAPE(SB_FIELD(struct order, value_cents));

struct spend {
    uint64_t count;
    int64_t sum_cents, min_cents, max_cents;
};
static const sb_shape SPEND = SB_SHAPE(SB_FIELD(struct spend, count), SB_FIELD(struct spend, sum_cents),
                                       SB_FIELD(struct spend, min_cents), SB_FIELD(struct spend, max_cents));

static bool merge(struct spend *spend, const struct spend *later, sb_error *error) {
    if (spend->count == 0) {
        *spend = *later;
        return true;
    }
    if (!sb_add(spend->sum_cents, later->sum_cents, &spend->sum_cents)) return sb_fail(error, "the sum overflows");
    spend->count += later->count;
    if (later->min_cents < spend->min_cents) spend->min_cents = later->min_cents;
    if (later->max_cents > spend->max_cents) spend->max_cents = later->max_cents;
    return true;
}

static bool accumulate(struct spend *spend, const sb_record *record, sb_error *error) {
    struct order order;
    if (!sb_read_json(record->value, &order, &ORDER, error)) return false;
    int64_t value = order.value_cents;
    struct spend one = {.count = 1, .sum_cents = value, .min_cents = value, .max_cents = value};
    return merge(spend, &one, error);
}

static bool finish(const struct spend *spend, const sb_window *window, sb_outputs *outputs, sb_error *error) {
    sb_bytes user;
    if (!sb_window_key(window, &user, error)) return false;
    sb_buffer *json = sb_emit(outputs);
    sb_begin_object(json, NULL);
    sb_write_text(json, "user", user);
    sb_write_i64(json, "window_start", window->start_ms);
    sb_write_members(json, spend, &SPEND);
    sb_end_object(json);
    return true;
}

SB_WINDOW_AGGREGATE(struct spend, SPEND, accumulate, merge, finish)
