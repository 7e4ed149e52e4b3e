// For each key and window: how many orders, and the sum of their amounts. An order that can't be read is a row error: `on_error` of the job says
// what becomes of it.

import { windowAggregate } from "sluicebox-udf";

interface Order {
  amount: number;
}

interface Total {
  orders: number;
  amount: number;
}

export default windowAggregate({
  // What is kept of the orders of a key and window. The host keeps it as JSON, so nothing may depend on how orders are split into calls.
  create: (): Total => ({ orders: 0, amount: 0 }),

  accumulate(total, order: Order) {
    if (typeof order.amount !== "number") throw new Error("the order has no amount");
    total.orders += 1;
    total.amount += order.amount;
  },

  merge(total, later) {
    total.orders += later.orders;
    total.amount += later.amount;
  },

  finish: (total, window) => ({
    user: window.key,
    window_start_ms: window.startMs,
    orders: total.orders,
    amount: total.amount,
  }),
});
