// Per user (the key) and window: how many orders, and the sum, the smallest and the largest of their values. Reads what orders-enrich writes.

import { fields, windowAggregate } from "sluicebox-udf";

function merge(spend, later) {
  if (spend.count === 0) return later;
  const sum = spend.sum_cents + later.sum_cents;
  // Numbers of JavaScript are exact up to here; other languages have some more room.
  if (!Number.isSafeInteger(sum)) throw new Error("the sum overflows");
  return {
    count: spend.count + later.count,
    sum_cents: sum,
    min_cents: Math.min(spend.min_cents, later.min_cents),
    max_cents: Math.max(spend.max_cents, later.max_cents),
  };
}

export default windowAggregate({
  value: fields({ value_cents: "integer" }),
  create: () => ({ count: 0, sum_cents: 0, min_cents: 0, max_cents: 0 }),
  accumulate: (spend, { value_cents: value }) => merge(spend, { count: 1, sum_cents: value, min_cents: value, max_cents: value }),
  merge,
  finish: (spend, window) => ({ user: window.key, window_start: window.startMs, ...spend }),
});
