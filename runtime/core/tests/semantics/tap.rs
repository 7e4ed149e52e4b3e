//! A connection to the log that tests can look into and narrow: how many records a poll gives, which waits it was
//! asked for, what answers calls get that the embedded log has no faults for.

use sluicebox_core::log::{
    Bounds, ChangelogRecord, Committed, Error, OutRecord, Position, Result, ShardLog, SourceBatch,
    Start, Topic, TopicId,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Default)]
pub struct Settings {
    /// Records per poll, in turn; empty: as many as asked for.
    pub rows: Vec<usize>,
    next: usize,
    /// How long each poll was told to wait.
    pub waits: Vec<Duration>,
    /// What polls answer after they have brought their records, in turn.
    pub poll_errors: Vec<Error>,
    /// What happens just before committed positions are read for the first time.
    pub before_committed: Option<Box<dyn FnOnce() + Send>>,
}

/// Settings shared by all connections of a rig.
#[derive(Clone, Default)]
pub struct Control(Arc<Mutex<Settings>>);

impl Control {
    pub fn lock(&self) -> MutexGuard<'_, Settings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn rows(&self, rows: &[usize]) {
        self.lock().rows = rows.to_vec();
    }
}

pub struct Tap {
    pub inner: Box<dyn ShardLog>,
    pub control: Control,
}

impl ShardLog for Tap {
    fn init_transactions(&mut self) -> Result<()> {
        self.inner.init_transactions()
    }
    fn source_topic(&mut self) -> Result<Topic> {
        self.inner.source_topic()
    }
    fn sink_partitions(&mut self, topic: usize) -> Result<i32> {
        self.inner.sink_partitions(topic)
    }
    fn source_bounds(&mut self, partition: i32) -> Result<Bounds> {
        self.inner.source_bounds(partition)
    }
    fn resolve_start(&mut self, partition: i32, start: Start) -> Result<i64> {
        self.inner.resolve_start(partition, start)
    }
    fn committed(&mut self, partitions: &[i32]) -> Result<Vec<Option<Committed>>> {
        let before = self.control.lock().before_committed.take();
        if let Some(before) = before {
            before();
        }
        self.inner.committed(partitions)
    }
    fn read_changelog(
        &mut self,
        from: i64,
        visit: &mut dyn FnMut(ChangelogRecord<'_>),
    ) -> Result<Bounds> {
        self.inner.read_changelog(from, visit)
    }
    fn assign(&mut self, positions: &[(i32, i64)]) -> Result<()> {
        self.inner.assign(positions)
    }
    fn poll(&mut self, rows_max: usize, wait: Duration, into: &mut Vec<SourceBatch>) -> Result<()> {
        let mut settings = self.control.lock();
        settings.waits.push(wait);
        let next = settings.next;
        settings.next += 1;
        let rows = match settings.rows.len() {
            0 => rows_max,
            count => settings.rows[next % count].min(rows_max),
        };
        let error = (!settings.poll_errors.is_empty()).then(|| settings.poll_errors.remove(0));
        drop(settings);
        self.inner.poll(rows, Duration::ZERO, into)?;
        error.map_or(Ok(()), Err)
    }
    fn begin(&mut self) -> Result<()> {
        self.inner.begin()
    }
    fn send(&mut self, record: OutRecord<'_>) -> Result<()> {
        self.inner.send(record)
    }
    fn append_changelog(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.inner.append_changelog(key, value)
    }
    fn commit(&mut self, positions: &[Position], source: &TopicId) -> Result<bool> {
        self.inner.commit(positions, source)
    }
    fn abort(&mut self) -> Result<()> {
        self.inner.abort()
    }
    fn record_bytes_max(&mut self, topic: Option<usize>) -> Result<usize> {
        self.inner.record_bytes_max(topic)
    }
}
