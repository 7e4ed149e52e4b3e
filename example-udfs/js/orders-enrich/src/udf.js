// Renames `amount` to `amount_cents` and adds what it is worth in another currency, by the configured rates.

import { fields, map } from "sluicebox-udf";

const value = fields({ order: "integer", user: "string", amount: "integer", currency: "string", item: "string" });

/** `currency` is the one that values are given in; `rates` say what one unit of another is worth in it. */
function config(given) {
  const { currency, rates = {}, ...others } = fields({ currency: "string", rates: "object?" })(given);
  for (const name of Object.keys(others)) throw new Error(`unknown field \`${name}\`, expected \`currency\` or \`rates\``);
  return { currency, rates: new Map(Object.entries(rates)) };
}

/** Half away from zero, as the other languages round. */
const round = (cents) => Math.sign(cents) * Math.round(Math.abs(cents));

export default map(
  ({ order, user, amount, currency, item }, config) => {
    const rate = config.rates.get(currency) ?? (currency === config.currency ? 1 : undefined);
    if (rate === undefined) throw new Error(`no rate for currency ${currency}`);
    return {
      order,
      user,
      item,
      amount_cents: amount,
      currency,
      value_cents: round(amount * rate),
      value_currency: config.currency,
    };
  },
  { value, config },
);
