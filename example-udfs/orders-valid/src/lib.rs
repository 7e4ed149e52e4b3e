//! Keeps orders of at least `minimum` cents in a known currency. Bad JSON is a row error, an unwanted order is not.

use serde::Deserialize;

#[derive(Deserialize)]
struct Order<'a> {
    amount: i64,
    currency: &'a str,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Smallest amount to keep, in cents.
    minimum: i64,
    currencies: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        let currencies = ["EUR", "USD", "GBP"].map(String::from).into();
        Self {
            minimum: 1,
            currencies,
        }
    }
}

#[sluicebox_udf::filter]
fn valid(order: Order<'_>, config: &Config) -> bool {
    order.amount >= config.minimum
        && config
            .currencies
            .iter()
            .any(|known| known == order.currency)
}
