//! Per user (the key) and window: how many orders, and the sum, the smallest and the largest of their values.
//! Reads what orders-enrich writes.

use serde::{Deserialize, Serialize};
use sluicebox_udf::{Accumulator, Window};

#[derive(Deserialize)]
pub struct Order {
    value_cents: i64,
}

#[derive(Accumulator)]
pub struct Spend {
    count: u64,
    sum: i64,
    min: i64,
    max: i64,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Spent<'a> {
    user: &'a str,
    window_start: i64,
    count: u64,
    sum_cents: i64,
    min_cents: i64,
    max_cents: i64,
}

#[sluicebox_udf::window_aggregate]
impl Spend {
    fn create() -> Self {
        Self {
            count: 0,
            sum: 0,
            min: i64::MAX,
            max: i64::MIN,
        }
    }

    fn accumulate(&mut self, order: Order) -> Result<(), &'static str> {
        self.sum = self
            .sum
            .checked_add(order.value_cents)
            .ok_or("the sum overflows")?;
        self.count += 1;
        self.min = self.min.min(order.value_cents);
        self.max = self.max.max(order.value_cents);
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), &'static str> {
        self.sum = self.sum.checked_add(later.sum).ok_or("the sum overflows")?;
        self.count += later.count;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        Ok(())
    }

    fn finish(self, window: Window<'_>) -> Result<Spent<'_>, String> {
        Ok(Spent {
            user: window.key_str()?,
            window_start: window.start_ms,
            count: self.count,
            sum_cents: self.sum,
            min_cents: self.min,
            max_cents: self.max,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_udf::{json, testing};

    #[test]
    fn counts_and_sums_each_user() -> Result<(), String> {
        let order = |value: i64| json!({"order": 1, "value_cents": value});
        let orders = [
            ("ann", order(5)),
            ("bob", order(7)),
            ("ann", order(-3)),
            ("ann", order(i64::MAX)),
        ];
        let done = testing::window_aggregate::<Spend>(json!(null), 0..60_000, orders)?;
        let spent = |user, count, sum, min, max| json!({"user": user, "window_start": 0, "count": count, "sum_cents": sum, "min_cents": min, "max_cents": max});
        assert_eq!(done.outputs[0].json(), spent("ann", 2, 2, -3, 5));
        assert_eq!(done.outputs[1].json(), spent("bob", 1, 7, 7, 7));
        assert_eq!(done.outputs, done.outputs_by_merge);
        assert_eq!(
            (done.errors[0].row, done.errors[0].message.as_str()),
            (3, "the sum overflows")
        );
        Ok(())
    }
}
