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
    fn keeps_what_is_expected() -> Result<(), String> {
        let input: Vec<&str> = include_str!("../tests/in.jsonl").lines().collect();
        let expected: Vec<&str> = include_str!("../tests/out.jsonl").lines().collect();
        let done = testing::filter::<keep>(json!({"minimum": 1000}), input.iter().copied())?;
        let kept: Vec<&str> = done.kept.iter().map(|row| input[*row]).collect();
        assert_eq!(kept, expected);
        assert_eq!(done.errors.len(), 1, "the last line is no order");
        Ok(())
    }
}
