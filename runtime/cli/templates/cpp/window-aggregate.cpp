// For each key and window: how many orders, and the sum of their amounts. An order that can't be read is a row error: `on_error` of the
// job says what becomes of it.
#include "sluicebox.hpp"

using sluicebox::Result, sluicebox::Window;

struct Order {
    std::int64_t amount;
    SLUICEBOX_FIELDS(amount)
};

struct Totals {
    std::string_view user;
    std::int64_t window_start_ms;
    std::uint64_t orders;
    std::int64_t amount;
    SLUICEBOX_FIELDS(user, window_start_ms, orders, amount)
};

// What is kept of the orders of a key and window. The host keeps its bytes, so nothing may depend on how orders are split into calls.
struct Total {
    std::uint64_t orders = 0;
    std::int64_t amount = 0;
    SLUICEBOX_FIELDS(orders, amount)

    Result<void> accumulate(const Order &order) { return merge({.orders = 1, .amount = order.amount}); }

    Result<void> merge(const Total &later) {
        if (!sb_add(amount, later.amount, &amount)) return sluicebox::fail("the sum overflows");
        orders += later.orders;
        return {};
    }

    Result<Totals> finish(const Window &window) const {
        auto user = window.key_text();
        if (!user) return std::unexpected(user.error());
        return Totals{*user, window.start_ms, orders, amount};
    }
};

SLUICEBOX_WINDOW_AGGREGATE(Total)
