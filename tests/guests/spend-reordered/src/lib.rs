//! What spend-per-user computes, from accumulators with other fields.

use serde::{Deserialize, Serialize};
use sluicebox_udf::{Accumulator, Window};

#[derive(Deserialize)]
pub struct Order {
    value_cents: i64,
}

/// The accumulator of spend-per-user.
#[derive(Accumulator)]
struct First {
    count: u64,
    sum_cents: i64,
    min_cents: i64,
    max_cents: i64,
}

/// Fewer bytes, in another order, and nothing in it says so.
#[derive(Accumulator)]
pub struct Spend {
    max_cents: i64,
    min_cents: i64,
    sum_cents: i64,
    count: u32,
}

#[derive(Serialize)]
pub struct Spent<'a> {
    user: &'a str,
    window_start: i64,
    count: u32,
    sum_cents: i64,
    min_cents: i64,
    max_cents: i64,
}

#[sluicebox_udf::window_aggregate(format = 1, migrates = [0])]
impl Spend {
    fn create() -> Self {
        Self {
            max_cents: i64::MIN,
            min_cents: i64::MAX,
            sum_cents: 0,
            count: 0,
        }
    }

    fn migrate(_format: u8, bytes: &[u8]) -> Option<Self> {
        let first = First::from_bytes(bytes)?;
        Some(Self {
            max_cents: first.max_cents,
            min_cents: first.min_cents,
            sum_cents: first.sum_cents,
            count: first.count.try_into().ok()?,
        })
    }

    fn accumulate(&mut self, order: Order) -> Result<(), &'static str> {
        let value = order.value_cents;
        self.merge(Self {
            max_cents: value,
            min_cents: value,
            sum_cents: value,
            count: 1,
        })
    }

    fn merge(&mut self, later: Self) -> Result<(), &'static str> {
        let sum = self.sum_cents.checked_add(later.sum_cents);
        self.sum_cents = sum.ok_or("the sum overflows")?;
        self.count += later.count;
        self.min_cents = self.min_cents.min(later.min_cents);
        self.max_cents = self.max_cents.max(later.max_cents);
        Ok(())
    }

    fn finish(self, window: Window<'_>) -> Result<Spent<'_>, String> {
        Ok(Spent {
            user: window.key_str()?,
            window_start: window.start_ms,
            count: self.count,
            sum_cents: self.sum_cents,
            min_cents: self.min_cents,
            max_cents: self.max_cents,
        })
    }
}
