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
    use sluicebox_udf::{json, testing};

    #[test]
    fn counts_and_sums_each_user() -> Result<(), String> {
        let order = |amount: i64| json!({"user": "ann", "amount": amount});
        let orders = [("ann", order(1000)), ("ann", order(i64::MAX)), ("ann", order(-1))];
        let done = testing::window_aggregate::<Total>(json!(null), 0..60_000, orders)?;
        let total = r#"{"user":"ann","window_start_ms":0,"orders":2,"amount":999}"#;
        assert_eq!(done.outputs[0].text(), total);
        assert_eq!(done.errors[0].message, "the sum overflows");
        Ok(())
    }
}
