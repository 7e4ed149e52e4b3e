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
    use sluicebox_udf::{Value, json, testing};

    #[test]
    fn gives_what_is_expected() -> Result<(), String> {
        let input = include_str!("../tests/in.jsonl").lines();
        let expected = include_str!("../tests/out.jsonl").lines();
        let expected: Vec<Value> = expected
            .map(|line| line.parse().expect("out.jsonl is JSON"))
            .collect();
        let done = testing::map::<rate>(json!({"large": 1000}), input)?;
        let outputs: Vec<Value> = done.outputs.iter().map(|output| output.json()).collect();
        assert_eq!(outputs, expected);
        assert_eq!(done.errors.len(), 1, "the last line is no order");
        Ok(())
    }
}
