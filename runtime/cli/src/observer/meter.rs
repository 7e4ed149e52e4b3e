//! One line of progress now and then, for all shards of this process together: rows, rate, event time.

use sluicebox_core::shard::Progress;
use sluicebox_core::spec::format_time_ms;
use std::collections::BTreeMap;
use std::time::Duration;

/// The time between two lines.
const EVERY: Duration = Duration::from_secs(5);

/// What was seen of the shards.
#[derive(Default)]
pub struct Meter {
    shards: BTreeMap<i32, Shard>,
    said: Option<Said>,
}

struct Shard {
    epoch: u64,
    rows: u64,
    watermark_ms: Option<i64>,
}

struct Said {
    at: Duration,
    rows: u64,
}

impl Meter {
    /// A shard's progress at a time since the start. Answers a line if one is due; the first is due after a while.
    pub fn observe(&mut self, shard: i32, progress: &Progress, now: Duration) -> Option<String> {
        let seen = Shard {
            epoch: progress.epoch,
            // Every row goes through the first operator; a job without one counts nothing.
            rows: progress
                .accounts
                .first()
                .map_or(0, |(_, account)| account.input),
            watermark_ms: progress.watermarks.values().copied().min(),
        };
        self.shards.insert(shard, seen);
        let rows = self.shards.values().map(|shard| shard.rows).sum();
        // Rows from before this start belong to no rate.
        let said = self.said.get_or_insert(Said { at: now, rows });
        let past = now.saturating_sub(said.at);
        if past < EVERY {
            return None;
        }
        let rate = (rows.saturating_sub(said.rows)) as f64 / past.as_secs_f64();
        *said = Said { at: now, rows };
        Some(self.line(rows, rate))
    }

    fn line(&self, rows: u64, rate: f64) -> String {
        let epoch = self
            .shards
            .values()
            .map(|shard| shard.epoch)
            .max()
            .unwrap_or_default();
        let watermark = self
            .shards
            .values()
            .filter_map(|shard| shard.watermark_ms)
            .min();
        let watermark = watermark.map_or(String::new(), |ms| {
            format!(", watermark {}", format_time_ms(ms))
        });
        format!(
            "{rows} rows, {rate:.0} a second{watermark}, epoch {epoch}, {} shards",
            self.shards.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_core::ledger::Account;

    fn progress(epoch: u64, rows: u64, watermark: i64) -> Progress {
        let account = Account {
            input: rows,
            ..Account::default()
        };
        Progress {
            epoch,
            watermarks: BTreeMap::from([(0, watermark), (1, watermark + 5)]),
            accounts: vec![("first".to_owned(), account)],
            ..Progress::default()
        }
    }

    #[test]
    fn a_line_now_and_then() {
        let mut meter = Meter::default();
        let seconds = Duration::from_secs;
        assert_eq!(meter.observe(0, &progress(1, 1_000, 0), seconds(1)), None);
        assert_eq!(meter.observe(1, &progress(9, 0, 1_000), seconds(2)), None);
        let line = meter.observe(0, &progress(2, 6_000, 2_000), seconds(6));
        let want = "6000 rows, 1000 a second, watermark 1970-01-01T00:00:01Z, epoch 9, 2 shards";
        assert_eq!(line.as_deref(), Some(want));
        assert_eq!(
            meter.observe(0, &progress(3, 6_000, 3_000), seconds(10)),
            None
        );
    }
}
