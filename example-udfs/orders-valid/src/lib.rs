//! Keeps orders of at least `minimum` cents in a known currency. Bad JSON is a row error, an unwanted order is not.

use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
pub struct Order<'a> {
    amount: i64,
    /// Borrowed from the record, but for one with escapes, which `&str` could not be.
    #[serde(borrow)]
    currency: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
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
pub fn valid(order: Order<'_>, config: &Config) -> bool {
    order.amount >= config.minimum
        && config
            .currencies
            .iter()
            .any(|known| *known == order.currency)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_udf::{json, testing};

    #[test]
    fn keeps_what_is_large_enough_and_in_a_known_currency() -> Result<(), String> {
        let orders = [
            r#"{"order":1,"user":"u","amount":1999,"currency":"EUR","item":"/a"}"#,
            r#"{"amount":999,"currency":"EUR"}"#,
            r#"{"amount":5000,"currency":"XXX"}"#,
            r#"{"amount":5000}"#,
        ];
        let done = testing::filter::<valid>(json!({"minimum": 1000}), orders)?;
        assert_eq!(done.kept, [0]);
        assert_eq!(done.errors[0].row, 3);
        assert!(done.errors[0].message.contains("missing field `currency`"));
        Ok(())
    }

    #[test]
    fn refuses_a_config_it_does_not_know() {
        let refused = testing::filter::<valid>(json!({"minimun": 1}), [""; 0]).unwrap_err();
        assert!(refused.contains("unknown field `minimun`"), "{refused}");
    }
}
