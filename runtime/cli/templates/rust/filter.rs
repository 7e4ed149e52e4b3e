//! Keeps orders of at least a minimum amount. An order that can't be read is a row error: `on_error` of the job says what
//! becomes of it.

use serde::Deserialize;

/// The fields that are needed; skipping one is cheaper than reading it.
#[derive(Deserialize)]
pub struct Order {
    amount: i64,
}

/// The operator's `config`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Smallest amount to keep, in cents.
    minimum: i64,
}

#[sluicebox_udf::filter]
pub fn keep(order: Order, config: &Config) -> bool {
    order.amount >= config.minimum
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_udf::{json, testing};

    #[test]
    fn keeps_large_orders() -> Result<(), String> {
        let orders = [
            r#"{"user":"ann","amount":1000}"#,
            r#"{"user":"bob","amount":999}"#,
            r#"{"user":"bob","amount":"?"}"#,
        ];
        let done = testing::filter::<keep>(json!({"minimum": 1000}), orders)?;
        assert_eq!(done.kept, [0]);
        assert_eq!(done.errors[0].row, 2);
        Ok(())
    }
}
