//! The demo's input: orders of a thousand users over ten minutes of event time, the same for the same seed. Most come
//! a little out of order, some far too late, some are worthless and some are no orders at all.

use sluicebox_core::batch::Batch;
use sluicebox_core::log::partition_of;

/// 2026-01-01T12:00:00Z: event time has nothing to do with when the demo runs.
const BEGIN_MS: i64 = 1_767_268_800_000;
/// Event time from the first order to the last, in milliseconds.
const SPAN_MS: i64 = 600_000;
const USERS: u64 = 1_000;
/// Less than the job waits (20 s), so these are in time.
const DISORDER_MS: u64 = 15_000;
/// More than it waits and the window takes together, so these are late.
const LATE_MS: std::ops::Range<u64> = 85_000..200_000;

/// A stream of orders.
pub struct Orders {
    random: u64,
    total: u64,
    next: u64,
    partitions: i32,
}

impl Orders {
    /// `total` orders for a topic of so many partitions.
    pub fn new(seed: u64, total: u64, partitions: i32) -> Self {
        // The generator must not start at zero.
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self {
            random,
            total,
            next: 0,
            partitions,
        }
    }

    /// Append up to `count` more orders to the batches, one for each partition. Answers how many there were.
    pub fn take(&mut self, count: u64, into: &mut [Batch]) -> u64 {
        let count = count.min(self.total - self.next);
        for _ in 0..count {
            let user = self.user();
            let timestamp = self.timestamp();
            let value = self.value(&user);
            let partition = partition_of(Some(user.as_bytes()), 0, self.partitions);
            if let Some(batch) = into.get_mut(partition as usize) {
                batch.push(
                    Some(user.as_bytes()),
                    Some(value.as_bytes()),
                    None,
                    timestamp,
                );
            }
            self.next += 1;
        }
        count
    }

    /// Few users order much, many a little.
    fn user(&mut self) -> String {
        let (one, two) = (self.below(USERS), self.below(USERS));
        format!("user-{:04}", one * two / USERS)
    }

    fn timestamp(&mut self) -> i64 {
        let now = BEGIN_MS + SPAN_MS * self.next as i64 / self.total.max(1) as i64;
        match self.below(200) {
            // Not at the beginning, when there is nothing yet to be late for.
            0 if self.next > self.total / 5 => {
                now - (LATE_MS.start + self.below(LATE_MS.end - LATE_MS.start)) as i64
            }
            _ => now - self.below(DISORDER_MS) as i64,
        }
    }

    fn value(&mut self, user: &str) -> String {
        let (order, item) = (self.next, self.below(50));
        let amount = match self.below(100) {
            0 => 0,
            _ => 99 + self.below(100) * self.below(100),
        };
        let currency = match self.below(100) {
            0 => "XXX",
            1..=20 => "GBP",
            21..=50 => "USD",
            _ => "EUR",
        };
        match self.below(1_000) {
            0 => format!("order {order} was lost on its way"),
            _ => format!(
                r#"{{"order":{order},"user":"{user}","amount":{amount},"currency":"{currency}","item":"/shop/item/{item:03}"}}"#
            ),
        }
    }

    /// A number below `limit`: Marsaglia's xorshift, good enough for a demo.
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(seed: u64) -> Vec<Batch> {
        let mut batches = vec![Batch::default(); 4];
        let mut orders = Orders::new(seed, 10_000, 4);
        assert_eq!(orders.take(6_000, &mut batches), 6_000);
        assert_eq!(orders.take(6_000, &mut batches), 4_000);
        assert_eq!(orders.take(1, &mut batches), 0);
        batches
    }

    #[test]
    fn a_seed_is_a_stream() {
        assert_eq!(all(7), all(7));
        assert_ne!(all(7), all(8));
    }

    #[test]
    fn there_is_something_of_everything() {
        let batches = all(1);
        let rows = || {
            batches
                .iter()
                .flat_map(|batch| (0..batch.len()).map(move |row| (batch, row)))
        };
        let values = || rows().filter_map(|(batch, row)| batch.value(row));
        let has = |text: &str| values().any(|v| String::from_utf8_lossy(v).contains(text));
        assert_eq!(rows().count(), 10_000);
        assert!(batches.iter().all(|batch| batch.len() > 1_000));
        assert!(has("XXX") && has("\"amount\":0,") && has("was lost"));
        let late = batches.iter().map(|batch| {
            let mut largest = i64::MIN;
            let late = batch.timestamps().iter().filter(|time| {
                largest = largest.max(**time);
                **time < largest - 80_000
            });
            late.count()
        });
        assert!(late.sum::<usize>() > 10);
    }
}
