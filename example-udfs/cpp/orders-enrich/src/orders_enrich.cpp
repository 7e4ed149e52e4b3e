// Renames `amount` to `amount_cents` and adds what it is worth in another currency, by the configured rates.
#include "sluicebox.hpp"

struct Order {
    std::uint64_t order;
    std::string_view user;
    std::int64_t amount;
    std::string_view currency;
    std::string_view item;
    SLUICEBOX_FIELDS(order, user, amount, currency, item)
};

struct Enriched {
    std::uint64_t order;
    std::string_view user, item;
    std::int64_t amount_cents;
    std::string_view currency;
    std::int64_t value_cents;
    std::string_view value_currency;
    SLUICEBOX_FIELDS(order, user, item, amount_cents, currency, value_cents, value_currency)
};

struct Config {
    std::string currency;                            // that values are given in
    std::map<std::string, double, std::less<>> rates; // what one unit of another currency is worth in it
    SLUICEBOX_FIELDS(currency)
    SLUICEBOX_DEFAULTS(rates)
};

static sluicebox::Result<Enriched> enrich(const Order &order, const Config &config) {
    auto found = config.rates.find(order.currency);
    bool is_known = found != config.rates.end() || order.currency == config.currency;
    if (!is_known) return sluicebox::fail("no rate for currency ", order.currency);
    double rate = found != config.rates.end() ? found->second : 1.0;
    return Enriched{
        .order = order.order,
        .user = order.user,
        .item = order.item,
        .amount_cents = order.amount,
        .currency = order.currency,
        .value_cents = sb_round(static_cast<double>(order.amount) * rate),
        .value_currency = config.currency,
    };
}

SLUICEBOX_MAP(enrich)
