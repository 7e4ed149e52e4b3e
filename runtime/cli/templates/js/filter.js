// Keeps orders of at least a minimum amount. An order that can't be read is a row error: `on_error` of the job says what becomes of it.

import { defaults, filter } from "sluicebox-udf";

/** The operator's `config`: smallest amount to keep, in cents. */
const config = defaults({ minimum: 1 });

export default filter(
  (order, { minimum }) => {
    if (typeof order.amount !== "number") throw new Error("the order has no amount");
    return order.amount >= minimum;
  },
  { config },
);
