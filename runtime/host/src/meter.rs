//! What the work of a shard takes, since its thread started; of its operators, since a version had the first of that id. Nothing here decides anything: figures differ from run to run.

use crate::hot::HotKey;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Upper bounds of a histogram's buckets, in seconds; one more bucket has no bound.
pub const SECONDS: [f64; 10] = [
    0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0,
];

/// How long something took, each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How often it took at most as long as this bucket's bound (and longer than the one before).
    pub buckets: [u64; SECONDS.len() + 1],
    /// All of it.
    pub sum: Duration,
}

impl Histogram {
    /// How often.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    fn record(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = SECONDS.iter().position(|bound| seconds <= *bound);
        self.buckets[bucket.unwrap_or(SECONDS.len())] += 1;
        self.sum += took;
    }
}

/// What a shard has done and what that took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Records read from the source.
    pub records_read: u64,
    /// Their keys, values and headers, in bytes.
    pub bytes_read: u64,
    /// End of each source partition as of the last fetch from it.
    pub ends: BTreeMap<i32, i64>,
    /// Records sent to sinks, late and dead-letter topics.
    pub records_written: u64,
    /// Their keys, values and headers, in bytes.
    pub bytes_written: u64,
    /// CPU time of the shard's thread (librdkafka's and RocksDB's own threads are not in it).
    pub cpu: Duration,
    /// Time at work.
    pub busy: Duration,
    /// Time without records.
    pub idle: Duration,
    /// Time waiting for brokers: for room in the queue, and for commits.
    pub back_pressured: Duration,
    /// Time held back because the tenant has used up a quota.
    pub throttled: Duration,
    /// Epochs, from their first record to the end of their commit.
    pub epochs: Histogram,
    /// Their commits alone.
    pub commits: Histogram,
    /// Transactions that were aborted.
    pub aborts: u64,
    /// Written to the changelog, in bytes.
    pub changelog_bytes: u64,
    /// About how many bytes the committed state takes.
    pub state_bytes: u64,
    /// The last epoch.
    pub last_epoch: LastEpoch,
    /// The operators, in the plan's order.
    pub operators: Vec<OperatorFigures>,
    /// Keys that many records have, the hottest first.
    pub hot_keys: Vec<HotKey>,
}

/// One epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastEpoch {
    /// From its first record to the end of its commit.
    pub took: Duration,
    /// Its commit alone.
    pub commit: Duration,
    /// Records read.
    pub records: u64,
    /// Written to the changelog, in bytes.
    pub changelog_bytes: u64,
}

/// What the calls of an operator's module took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorFigures {
    /// Its id.
    pub id: String,
    /// Calls.
    pub calls: Histogram,
    /// Rows (for finished windows: results) that were handed to them.
    pub rows: u64,
    /// Calls that trapped or answered nonsense.
    pub traps: u64,
    /// Memory that the instance takes, in bytes.
    pub memory_bytes: u64,
}

/// Collects the figures of one shard: written by its thread, around its ports.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Figures>);

impl Meter {
    /// Nothing has happened yet.
    pub fn new<'a>(operators: impl Iterator<Item = &'a str>) -> Self {
        let meter = Self::default();
        meter.operators(operators);
        meter
    }

    /// These are the operators from now on; those that were there before go on from their figures.
    pub fn operators<'a>(&self, ids: impl Iterator<Item = &'a str>) {
        let mut figures = self.lock();
        let mut before = std::mem::take(&mut figures.operators);
        let take = |id: &str| match before.iter().position(|operator| operator.id == id) {
            Some(at) => before.swap_remove(at),
            None => OperatorFigures {
                id: id.to_owned(),
                ..OperatorFigures::default()
            },
        };
        figures.operators = ids.map(take).collect();
    }

    /// How it is now.
    pub fn figures(&self) -> Figures {
        self.lock().clone()
    }

    /// Time without records or waiting for brokers.
    pub fn waited(&self) -> Duration {
        let figures = self.lock();
        figures.idle + figures.back_pressured
    }

    /// Change some figures.
    pub fn add(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.lock());
    }

    /// A call of the operator with this number is over.
    pub fn called(&self, operator: usize, rows: usize, took: Duration, trap: bool, memory: usize) {
        let mut figures = self.lock();
        let Some(operator) = figures.operators.get_mut(operator) else {
            return;
        };
        operator.calls.record(took);
        operator.rows += rows as u64;
        operator.traps += u64::from(trap);
        operator.memory_bytes = memory as u64;
    }

    /// An epoch is committed; `records` since the one before.
    pub fn committed(&self, epoch: LastEpoch) {
        let mut figures = self.lock();
        figures.epochs.record(epoch.took);
        figures.commits.record(epoch.commit);
        figures.changelog_bytes += epoch.changelog_bytes;
        figures.last_epoch = epoch;
    }

    /// Figures are numbers: a panic can't leave a broken one.
    fn lock(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_in_the_bucket_of_its_bound() {
        let mut histogram = Histogram::default();
        for micros in [0, 100, 101, 5_000, 20_000_000] {
            histogram.record(Duration::from_micros(micros));
        }
        assert_eq!(histogram.buckets, [2, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(histogram.count(), 5);
        assert_eq!(histogram.sum, Duration::from_micros(20_005_201));
    }

    #[test]
    fn figures_are_kept_by_operator() {
        let meter = Meter::new(["valid", "spend"].into_iter());
        meter.called(1, 10, Duration::from_millis(2), false, 65_536);
        meter.called(1, 5, Duration::from_millis(3), true, 0);
        let operators = meter.figures().operators;
        assert_eq!(operators[0].calls.count(), 0);
        let spend = &operators[1];
        assert_eq!(
            (spend.id.as_str(), spend.rows, spend.traps),
            ("spend", 15, 1)
        );
        assert_eq!(spend.calls.sum, Duration::from_millis(5));
    }

    #[test]
    fn operators_of_another_version_go_on_by_their_names() {
        let meter = Meter::new(["valid", "spend"].into_iter());
        meter.called(1, 10, Duration::from_millis(2), false, 65_536);
        meter.operators(["spend", "rates"].into_iter());
        meter.called(0, 1, Duration::from_millis(2), false, 65_536);
        let rows = |operator: OperatorFigures| (operator.id, operator.rows);
        let rows: Vec<_> = meter.figures().operators.into_iter().map(rows).collect();
        assert_eq!(rows, [("spend".to_owned(), 11), ("rates".to_owned(), 0)]);
    }
}
