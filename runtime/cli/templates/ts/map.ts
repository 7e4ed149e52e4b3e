// Adds to each order whether it is large. An order that can't be read is a row error: `on_error` of the job says what becomes of it.

import { defaults, map } from "sluicebox-udf";

interface Order {
  user: string;
  amount: number;
}

/** The operator's `config`: orders of this amount or more are large, in cents. */
const config = defaults({ large: 1000 });

export default map(
  ({ user, amount }: Order, { large }) => {
    if (typeof amount !== "number") throw new Error("the order has no amount");
    return { user, amount, large: amount >= large };
  },
  { config },
);
