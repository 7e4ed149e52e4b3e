//! Per user (the key) and window: how many orders, and the sum, the smallest and the largest of their values.
//! Reads what orders-enrich writes.

use serde::{Deserialize, Serialize};
use sluicebox_udf::{Accumulator, Window};

#[derive(Deserialize)]
pub struct Order {
    value_cents: i64,
}

#[derive(Default, Accumulator, Serialize)]
pub struct Spend {
    count: u64,
    sum_cents: i64,
    min_cents: i64,
    max_cents: i64,
}

#[derive(Serialize)]
pub struct Spent<'a> {
    user: &'a str,
    window_start: i64,
    #[serde(flatten)]
    spend: Spend,
}

#[sluicebox_udf::window_aggregate]
impl Spend {
    fn accumulate(&mut self, order: Order) -> Result<(), &'static str> {
        let value = order.value_cents;
        self.merge(Self {
            count: 1,
            sum_cents: value,
            min_cents: value,
            max_cents: value,
        })
    }

    fn merge(&mut self, later: Self) -> Result<(), &'static str> {
        if self.count == 0 {
            *self = later;
            return Ok(());
        }
        self.sum_cents = self
            .sum_cents
            .checked_add(later.sum_cents)
            .ok_or("the sum overflows")?;
        self.count += later.count;
        self.min_cents = self.min_cents.min(later.min_cents);
        self.max_cents = self.max_cents.max(later.max_cents);
        Ok(())
    }

    fn finish(self, window: Window<'_>) -> Result<Spent<'_>, String> {
        Ok(Spent {
            user: window.key_str()?,
            window_start: window.start_ms,
            spend: self,
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
