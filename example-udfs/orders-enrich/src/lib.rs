//! Renames `amount` to `amount_cents` and adds what it is worth in another currency, by the configured rates.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Order<'a> {
    order: u64,
    user: &'a str,
    amount: i64,
    currency: &'a str,
    item: &'a str,
}

#[derive(Debug, PartialEq, Serialize)]
struct Enriched<'a> {
    order: u64,
    user: &'a str,
    item: &'a str,
    amount_cents: i64,
    currency: &'a str,
    value_cents: i64,
    value_currency: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Currency that values are given in.
    currency: String,
    /// What one unit of another currency is worth in it.
    #[serde(default)]
    rates: BTreeMap<String, f64>,
}

#[sluicebox_udf::map]
fn enrich<'a>(order: Order<'a>, config: &'a Config) -> Result<Enriched<'a>, String> {
    let rate = match config.rates.get(order.currency) {
        Some(rate) => *rate,
        None if order.currency == config.currency => 1.0,
        None => return Err(format!("no rate for currency {}", order.currency)),
    };
    Ok(Enriched {
        order: order.order,
        user: order.user,
        item: order.item,
        amount_cents: order.amount,
        currency: order.currency,
        value_cents: (order.amount as f64 * rate).round() as i64,
        value_currency: &config.currency,
    })
}
