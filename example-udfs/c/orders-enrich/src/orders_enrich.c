/* Renames `amount` to `amount_cents` and adds what it is worth in another currency, by the configured rates. */
#include "sluicebox.h"

struct order {
    uint64_t order;
    sb_bytes user, currency, item;
    int64_t amount;
};
static const sb_shape ORDER = SB_SHAPE(SB_FIELD(struct order, order), SB_FIELD(struct order, user), SB_FIELD(struct order, amount),
                                       SB_FIELD(struct order, currency), SB_FIELD(struct order, item));

static struct config {
    sb_bytes currency; /* that values are given in */
    sb_json rates;     /* what one unit of another currency is worth in it, by name */
} config;
static const sb_shape CONFIG = SB_SHAPE(SB_FIELD(struct config, currency), SB_OPTIONAL(struct config, rates));

static struct {
    sb_bytes currency;
    double rate;
} rates[256];
static size_t rate_count;

static bool configure(sb_bytes text, sb_error *error) {
    config = (struct config){.rates = {"{}", 2}};
    if (!sb_read_config(text, &config, &CONFIG, error)) return false;
    sb_reader reader = sb_reader_of(config.rates, error);
    reader.what = "config.rates";
    sb_bytes currency;
    rate_count = 0;
    if (sb_enter_object(&reader))
        while (sb_next_member(&reader, &currency)) {
            if (rate_count == sizeof rates / sizeof *rates) return sb_fail(error, "config.rates: more than %zu", rate_count);
            rates[rate_count].currency = currency;
            if (sb_read_double(&reader, &rates[rate_count].rate)) rate_count++;
        }
    return sb_reader_end(&reader);
}

static bool enrich(const sb_record *record, sb_outputs *outputs, sb_error *error) {
    struct order order;
    if (!sb_read_json(record->value, &order, &ORDER, error)) return false;
    size_t i = 0;
    while (i < rate_count && !sb_same(rates[i].currency, order.currency)) i++;
    bool is_known = i < rate_count || sb_same(order.currency, config.currency);
    if (!is_known) return sb_fail(error, "no rate for currency %.*s", SB_ARG(order.currency));
    double rate = i < rate_count ? rates[i].rate : 1.0;
    sb_buffer *json = sb_emit(outputs);
    sb_begin_object(json, NULL);
    sb_write_u64(json, "order", order.order);
    sb_write_text(json, "user", order.user);
    sb_write_text(json, "item", order.item);
    sb_write_i64(json, "amount_cents", order.amount);
    sb_write_text(json, "currency", order.currency);
    sb_write_i64(json, "value_cents", sb_round((double)order.amount * rate));
    sb_write_text(json, "value_currency", config.currency);
    sb_end_object(json);
    return true;
}

SB_MAP(enrich, .init = configure)
