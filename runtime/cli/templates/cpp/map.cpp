// Adds to each order whether it is large. An order that can't be read is a row error: `on_error` of the job says what becomes of it.
#include "sluicebox.hpp"

struct Order {
    std::string_view user;
    std::int64_t amount;
    SLUICEBOX_FIELDS(user, amount)
};

struct Rated {
    std::string_view user;
    std::int64_t amount;
    bool large;
    SLUICEBOX_FIELDS(user, amount, large)
};

// The operator's `config`.
struct Config {
    std::int64_t large; // orders of this amount or more are large, in cents
    SLUICEBOX_FIELDS(large)
};

static Rated rate(const Order &order, const Config &config) {
    return {order.user, order.amount, order.amount >= config.large};
}

SLUICEBOX_MAP(rate)
