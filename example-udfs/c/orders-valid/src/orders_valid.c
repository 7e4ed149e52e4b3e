/* Keeps orders of at least `minimum` cents in a known currency. Bad JSON is a row error, an unwanted order is not. */
#include "sluicebox.h"

struct order {
    int64_t amount;
    sb_bytes currency;
};
static const sb_shape ORDER = SB_SHAPE(SB_FIELD(struct order, amount), SB_FIELD(struct order, currency));

static struct config {
    int64_t minimum;    /* smallest amount to keep, in cents */
    sb_json currencies; /* of text */
} config;
static const sb_shape CONFIG = SB_SHAPE(SB_OPTIONAL(struct config, minimum), SB_OPTIONAL(struct config, currencies));

#define CURRENCIES_MAX 64
static sb_bytes known[CURRENCIES_MAX];
static size_t known_count;

static bool configure(sb_bytes text, sb_error *error) {
    config = (struct config){.minimum = 1, .currencies = {"[\"EUR\",\"USD\",\"GBP\"]", 19}};
    if (!sb_read_config(text, &config, &CONFIG, error)) return false;
    sb_reader reader = sb_reader_of(config.currencies, error);
    reader.what = "config.currencies";
    known_count = 0;
    if (sb_enter_array(&reader))
        while (sb_next_item(&reader)) {
            if (known_count == CURRENCIES_MAX) return sb_fail(error, "config.currencies: more than %d", CURRENCIES_MAX);
            if (sb_read_text(&reader, &known[known_count])) known_count++;
        }
    return sb_reader_end(&reader);
}

static bool valid(const sb_record *record, bool *keep, sb_error *error) {
    struct order order;
    if (!sb_read_json(record->value, &order, &ORDER, error)) return false;
    for (size_t i = 0; i < known_count && !*keep; i++) *keep = order.amount >= config.minimum && sb_same(known[i], order.currency);
    return true;
}

SB_FILTER(valid, .init = configure)
