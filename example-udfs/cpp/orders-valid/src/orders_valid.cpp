// Keeps orders of at least `minimum` cents in a known currency. Bad JSON is a row error, an unwanted order is not.
#include "sluicebox.hpp"

#include <algorithm>

struct Order {
    std::int64_t amount;
    std::string_view currency;
    SLUICEBOX_FIELDS(amount, currency)
};

struct Config {
    std::int64_t minimum = 1; // smallest amount to keep, in cents
    std::vector<std::string> currencies = {"EUR", "USD", "GBP"};
    SLUICEBOX_DEFAULTS(minimum, currencies)
};

static bool valid(const Order &order, const Config &config) {
    return order.amount >= config.minimum && std::ranges::find(config.currencies, order.currency) != config.currencies.end();
}

SLUICEBOX_FILTER(valid)
