// Keeps orders of at least a minimum amount. An order that can't be read is a row error: `on_error` of the job says what becomes of it.
#include "sluicebox.hpp"

// The fields that are needed; others are checked, but skipped.
struct Order {
    std::int64_t amount;
    SLUICEBOX_FIELDS(amount)
};

// The operator's `config`.
struct Config {
    std::int64_t minimum; // smallest amount to keep, in cents
    SLUICEBOX_FIELDS(minimum)
};

static bool keep(const Order &order, const Config &config) {
    return order.amount >= config.minimum;
}

SLUICEBOX_FILTER(keep)
