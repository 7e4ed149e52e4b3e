// Per user (the key) and window: how many orders, and the sum, the smallest and the largest of their values. Reads what orders-enrich
// writes.
#include "sluicebox.hpp"

#include <algorithm>

using sluicebox::Result, sluicebox::Window, sluicebox::fail;

struct Order {
    std::int64_t value_cents;
    SLUICEBOX_FIELDS(value_cents)
};

struct Spent {
    std::string_view user;
    std::int64_t window_start;
    std::uint64_t count;
    std::int64_t sum_cents, min_cents, max_cents;
    SLUICEBOX_FIELDS(user, window_start, count, sum_cents, min_cents, max_cents)
};

struct Spend {
    std::uint64_t count = 0;
    std::int64_t sum_cents = 0, min_cents = 0, max_cents = 0;
    SLUICEBOX_FIELDS(count, sum_cents, min_cents, max_cents)

    Result<void> accumulate(const Order &order) {
        auto value = order.value_cents;
        return merge({.count = 1, .sum_cents = value, .min_cents = value, .max_cents = value});
    }

    Result<void> merge(const Spend &later) {
        if (count == 0) {
            *this = later;
            return {};
        }
        if (!sb_add(sum_cents, later.sum_cents, &sum_cents)) return fail("the sum overflows");
        count += later.count;
        min_cents = std::min(min_cents, later.min_cents);
        max_cents = std::max(max_cents, later.max_cents);
        return {};
    }

    Result<Spent> finish(const Window &window) const {
        auto user = window.key_text();
        if (!user) return std::unexpected(user.error());
        return Spent{*user, window.start_ms, count, sum_cents, min_cents, max_cents};
    }
};

SLUICEBOX_WINDOW_AGGREGATE(Spend)
