//! An aggregate that breaks one law of aggregates, by its config.

use serde::Deserialize;
use sluicebox_udf::{Accumulator, Window};
use std::sync::atomic::{AtomicU64, Ordering};

static FINISHED: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy, Deserialize)]
pub struct Config {
    mood: Mood,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Mood {
    /// The sum.
    Good,
    /// Merging keeps the left one only.
    Forgets,
    /// Merging refuses.
    Refuses,
    /// Merging subtracts what was merged before.
    Subtracts,
    /// The result tells how often results were asked for.
    Counts,
}

#[derive(Clone, Default, Accumulator)]
pub struct Total {
    sum: i64,
    merges: i64,
}

#[sluicebox_udf::window_aggregate]
impl Total {
    fn accumulate(&mut self, amount: i64, _: &Config) {
        self.sum += amount;
    }

    fn merge(&mut self, later: Self, config: &Config) -> Result<(), &'static str> {
        match config.mood {
            Mood::Forgets if self.sum != 0 => {}
            Mood::Refuses => return Err("merging is refused"),
            Mood::Subtracts => {
                self.sum += later.sum - later.merges;
                self.merges += later.merges + 1;
            }
            _ => self.sum += later.sum,
        }
        Ok(())
    }

    fn finish(self, _: Window<'_>, config: &Config) -> i64 {
        let before = FINISHED.fetch_add(1, Ordering::Relaxed) as i64;
        match config.mood {
            Mood::Counts => self.sum + before,
            _ => self.sum,
        }
    }
}
