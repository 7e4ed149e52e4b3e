//! How many requests a token may make: a token bucket each, kept as one number (GCRA: the time at which the bucket will
//! be full again). Source: ITU-T I.371, "generic cell rate algorithm".

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Buckets beyond which the full ones are forgotten: they say nothing that a new one wouldn't.
const BUCKETS_TIDY: usize = 4_096;

/// The buckets of all tokens.
#[derive(Debug)]
pub struct Rates {
    /// What one request costs.
    cost: Duration,
    /// How much may be owed.
    debt_max: Duration,
    full_at: Mutex<HashMap<String, Duration>>,
}

impl Rates {
    /// Buckets of `burst` requests that fill at `per_second`.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let cost = Duration::from_secs(1) / per_second.max(1);
        Self {
            cost,
            debt_max: cost * burst.max(1),
            full_at: Mutex::default(),
        }
    }

    /// Take one request out of a bucket, or say how long to wait for the next.
    pub fn take(&self, token_id: &str, now: Duration) -> Result<(), Duration> {
        // Numbers only: whole at any time, also if a thread panicked.
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let before = full_at.get(token_id).copied().unwrap_or_default();
        let after = before.max(now) + self.cost;
        let debt = after - now;
        if debt > self.debt_max {
            return Err(debt - self.debt_max);
        }
        if full_at.len() >= BUCKETS_TIDY {
            full_at.retain(|_, at| *at > now);
        }
        full_at.insert(token_id.to_owned(), after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_then_the_rate() {
        let rates = Rates::new(10, 3);
        for _ in 0..3 {
            assert_eq!(rates.take("a", ms(1_000)), Ok(()));
        }
        assert_eq!(rates.take("a", ms(1_000)), Err(ms(100)));
        assert_eq!(rates.take("a", ms(1_040)), Err(ms(60)));
        assert_eq!(
            rates.take("b", ms(1_040)),
            Ok(()),
            "others are not concerned"
        );
        assert_eq!(rates.take("a", ms(1_100)), Ok(()));
        assert_eq!(rates.take("a", ms(1_100)), Err(ms(100)));
        for _ in 0..3 {
            assert_eq!(
                rates.take("a", ms(9_000)),
                Ok(()),
                "full again, and not fuller"
            );
        }
        assert_eq!(rates.take("a", ms(9_000)), Err(ms(100)));
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let rates = Rates::new(10, 3);
        for i in 0..BUCKETS_TIDY {
            assert_eq!(rates.take(&i.to_string(), ms(0)), Ok(()));
        }
        assert_eq!(rates.take("last", ms(5_000)), Ok(()));
        assert_eq!(rates.full_at.lock().expect("no panic").len(), 1);
    }
}
