//! Renames `amount` to `amount_cents` and adds what it is worth in another currency, by the configured rates.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub struct Order<'a> {
    order: u64,
    /// Texts are borrowed from the record, but for those with escapes, which `&str` could not be.
    #[serde(borrow)]
    user: Cow<'a, str>,
    amount: i64,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    #[serde(borrow)]
    item: Cow<'a, str>,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Enriched<'a> {
    order: u64,
    user: Cow<'a, str>,
    item: Cow<'a, str>,
    amount_cents: i64,
    currency: Cow<'a, str>,
    value_cents: i64,
    value_currency: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Currency that values are given in.
    currency: String,
    /// What one unit of another currency is worth in it.
    #[serde(default)]
    rates: BTreeMap<String, f64>,
}

#[sluicebox_udf::map]
pub fn enrich<'a>(order: Order<'a>, config: &'a Config) -> Result<Enriched<'a>, String> {
    let rate = match config.rates.get(order.currency.as_ref()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_udf::{json, testing};

    #[test]
    fn renames_the_amount_and_adds_its_value() -> Result<(), String> {
        let order = json!({"order": 17, "user": "user-0042", "amount": 1999, "currency": "USD", "item": "/shop/item/007"});
        let unknown =
            json!({"order": 18, "user": "user-0042", "amount": 5, "currency": "XXX", "item": "/"});
        let config = json!({"currency": "EUR", "rates": {"USD": 0.9}});
        let done = testing::map::<enrich>(config, [("user-0042", order), ("user-0042", unknown)])?;
        assert_eq!(done.outputs.len(), 1);
        assert_eq!(
            done.outputs[0].text(),
            r#"{"order":17,"user":"user-0042","item":"/shop/item/007","amount_cents":1999,"currency":"USD","value_cents":1799,"value_currency":"EUR"}"#
        );
        assert_eq!(
            done.outputs[0].key.as_deref(),
            Some(b"user-0042".as_slice())
        );
        assert_eq!(
            (done.errors[0].row, done.errors[0].message.as_str()),
            (1, "no rate for currency XXX")
        );
        Ok(())
    }
}
