//! Adds to each order whether it is large. An order that can't be read is a row error: `on_error` of the job says what becomes
//! of it.

use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub struct Order<'a> {
    user: &'a str,
    amount: i64,
}

#[derive(Serialize)]
pub struct Rated<'a> {
    user: &'a str,
    amount: i64,
    large: bool,
}

/// The operator's `config`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Orders of this amount or more are large, in cents.
    large: i64,
}

#[sluicebox_udf::map]
pub fn rate<'a>(order: Order<'a>, config: &Config) -> Rated<'a> {
    Rated {
        user: order.user,
        amount: order.amount,
        large: order.amount >= config.large,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_udf::{json, testing};

    #[test]
    fn says_whether_an_order_is_large() -> Result<(), String> {
        let orders = [
            r#"{"user":"ann","amount":1000}"#,
            r#"{"user":"bob","amount":"?"}"#,
        ];
        let done = testing::map::<rate>(json!({"large": 1000}), orders)?;
        let rated = r#"{"user":"ann","amount":1000,"large":true}"#;
        assert_eq!(done.outputs[0].text(), rated);
        assert_eq!(done.errors[0].row, 1);
        Ok(())
    }
}
