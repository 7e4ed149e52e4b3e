//! Per user (the key) and window: how many orders, and the sum, the smallest and the largest of their values.
//! Reads what orders-enrich writes.

use serde::{Deserialize, Serialize};
use sluicebox_udf::{Accumulator, Window};

#[derive(Deserialize)]
struct Order {
    value_cents: i64,
}

#[derive(Accumulator)]
struct Spend {
    count: u64,
    sum: i64,
    min: i64,
    max: i64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Spent<'a> {
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
