//! For each key and window: how many orders, and the sum of their amounts. An order that can't be read is a row error:
//! `on_error` of the job says what becomes of it.

use serde::{Deserialize, Serialize};
use sluicebox_udf::{Accumulator, Window};

#[derive(Deserialize)]
pub struct Order {
    amount: i64,
}

/// What is kept of the orders of a key and window. The host keeps its bytes, so nothing may depend on how orders are split
/// into calls.
#[derive(Default, Accumulator)]
pub struct Total {
    orders: u64,
    amount: i64,
}

#[derive(Serialize)]
pub struct Totals<'a> {
    user: &'a str,
    window_start_ms: i64,
    orders: u64,
    amount: i64,
}

#[sluicebox_udf::window_aggregate]
impl Total {
    fn accumulate(&mut self, order: Order) -> Result<(), &'static str> {
        self.merge(Self {
            orders: 1,
            amount: order.amount,
        })
    }

    fn merge(&mut self, later: Self) -> Result<(), &'static str> {
        let amount = self.amount.checked_add(later.amount);
        self.amount = amount.ok_or("the sum overflows")?;
        self.orders += later.orders;
        Ok(())
    }

    fn finish(self, window: Window<'_>) -> Result<Totals<'_>, String> {
        Ok(Totals {
            user: window.key_str()?,
            window_start_ms: window.start_ms,
            orders: self.orders,
            amount: self.amount,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_udf::{Value, json, testing};

    /// The orders of a minute, by user: `tests/in.jsonl` has them, `tests/out.jsonl` the result of each user.
    #[test]
    fn gives_what_is_expected() -> Result<(), String> {
        let input = include_str!("../tests/in.jsonl").lines().map(|line| {
            let order: Value = line.parse().unwrap_or_default();
            let user = order["user"].as_str().unwrap_or("nobody").to_owned();
            testing::Input::new(line).key(user)
        });
        let expected = include_str!("../tests/out.jsonl").lines();
        let expected: Vec<Value> = expected
            .map(|line| line.parse().expect("out.jsonl is JSON"))
            .collect();
        let done = testing::window_aggregate::<Total>(json!(null), 0..60_000, input)?;
        let outputs: Vec<Value> = done.outputs.iter().map(|output| output.json()).collect();
        assert_eq!(outputs, expected);
        // Half of the orders each, then merged: the same.
        assert_eq!(done.outputs, done.outputs_by_merge);
        assert_eq!(done.errors.len(), 1, "the last line is no order");
        Ok(())
    }
}
