// Keeps orders of at least `minimum` cents in a known currency. Bad JSON is a row error, an unwanted order is not.

import { defaults, fields, filter } from "sluicebox-udf";

const value = fields({ amount: "integer", currency: "string" });
const config = defaults({ minimum: 1, currencies: ["EUR", "USD", "GBP"] });

export default filter(({ amount, currency }, { minimum, currencies }) => amount >= minimum && currencies.includes(currency), {
  value,
  config,
});
