//! The ports of a shard, measured: what goes through them is counted, and what it took.

use crate::budget::{Budget, Cost};
use crate::hot::HotKeys;
use crate::meter::{LastEpoch, Meter};
use sluicebox_core::batch::{Batch, Packed};
use sluicebox_core::log::{
    Bounds, ChangelogRecord, Committed, OutRecord, Position, Result, ShardLog, SourceBatch, Start,
    Topic, TopicId,
};
use sluicebox_core::udf::{Accumulated, CallError, Emitted, Kept, Udf};
use sluicebox_wasm::thread_cpu_time;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records read at once before it is known what one costs.
const FIRST_ROWS_MAX: usize = 64;
/// Bytes sent that the budget has yet to hear of, at most: telling it each record would cost more than a record.
const UNSETTLED_BYTES_MAX: u64 = 64 << 10;

/// A connection whose reads keep to a budget.
pub struct MeteredLog {
    inner: Box<dyn ShardLog>,
    meter: Arc<Meter>,
    budget: Arc<Budget>,
    /// When the open transaction began.
    began: Option<Instant>,
    /// Records read since the last commit.
    records: u64,
    changelog_bytes: u64,
    /// Sent, and not told to the meter yet: records and bytes.
    sent: (u64, u64),
    waited: Duration,
    /// What was read, and read and sent, since a poll last asked what may be read.
    since: (u64, u64),
    /// CPU time of the thread when it did.
    cpu: Duration,
    cost: Cost,
    hot_keys: HotKeys,
}

impl MeteredLog {
    /// Measure this connection.
    pub fn new(inner: Box<dyn ShardLog>, meter: Arc<Meter>, budget: Arc<Budget>) -> Self {
        Self {
            inner,
            meter,
            budget,
            began: None,
            records: 0,
            changelog_bytes: 0,
            sent: (0, 0),
            waited: Duration::ZERO,
            since: (0, 0),
            cpu: thread_cpu_time(),
            cost: Cost::default(),
            hot_keys: HotKeys::default(),
        }
    }

    /// How many records may be read now, judged by what the last ones have cost.
    fn rows_max(&mut self) -> usize {
        let cpu_before = std::mem::replace(&mut self.cpu, thread_cpu_time());
        let (records, bytes) = std::mem::take(&mut self.since);
        let cpu = self.cpu.saturating_sub(cpu_before);
        self.cost.learn(records, cpu, bytes);
        match self.cost == Cost::default() {
            true => FIRST_ROWS_MAX,
            false => self.budget.rows_max(self.cost),
        }
    }

    /// Tell meter and budget what was sent since the last time.
    fn settle(&mut self) {
        let (records, bytes) = std::mem::take(&mut self.sent);
        let waited = self.inner.waited();
        let more = waited.saturating_sub(std::mem::replace(&mut self.waited, waited));
        self.budget.bytes(bytes);
        self.since.1 += bytes;
        self.meter.add(|figures| {
            figures.records_written += records;
            figures.bytes_written += bytes;
            figures.back_pressured += more;
        });
    }

    fn arrived(&mut self, batches: &[SourceBatch]) {
        let records: usize = batches.iter().map(|b| b.batch.len()).sum();
        let bytes: usize = batches.iter().map(|b| b.batch.data().len()).sum();
        let (records, bytes) = (records as u64, bytes as u64);
        self.records += records;
        self.since.0 += records;
        self.since.1 += bytes;
        for batch in batches {
            self.hot_keys.saw(&batch.batch);
        }
        self.budget.records(records);
        self.budget.bytes(bytes);
        self.meter.add(|figures| {
            figures.records_read += records;
            figures.bytes_read += bytes;
        });
    }
}

impl ShardLog for MeteredLog {
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

    /// What is there, before waiting for more: so waiting can be told from taking.
    fn poll(&mut self, rows_max: usize, wait: Duration, into: &mut Vec<SourceBatch>) -> Result<()> {
        let first = into.len();
        self.settle();
        let rows_max = rows_max.min(self.rows_max());
        let mut polled = self.inner.poll(rows_max, Duration::ZERO, into);
        if polled.is_ok() && into.len() == first && !wait.is_zero() {
            let started = Instant::now();
            polled = self.inner.poll(rows_max, wait, into);
            let idle = started.elapsed();
            self.meter.add(|figures| figures.idle += idle);
        }
        self.arrived(&into[first..]);
        polled
    }

    fn begin(&mut self) -> Result<()> {
        self.began = Some(Instant::now());
        self.inner.begin()
    }

    fn send(&mut self, record: OutRecord<'_>) -> Result<()> {
        let OutRecord {
            key,
            value,
            headers,
            ..
        } = record;
        let fields = [key, value, headers].into_iter().flatten();
        let bytes: usize = fields.map(<[u8]>::len).sum();
        self.sent.0 += 1;
        self.sent.1 += bytes as u64;
        self.inner.send(record)?;
        if self.sent.1 >= UNSETTLED_BYTES_MAX {
            self.settle();
        }
        Ok(())
    }

    fn append_changelog(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.changelog_bytes += (key.len() + value.len()) as u64;
        self.inner.append_changelog(key, value)
    }

    fn commit(&mut self, positions: &[Position], source: &TopicId) -> Result<bool> {
        self.settle();
        let started = Instant::now();
        let committed = self.inner.commit(positions, source);
        let commit = started.elapsed();
        self.meter.add(|figures| figures.back_pressured += commit);
        let epoch = LastEpoch {
            took: self.began.take().unwrap_or(started).elapsed(),
            commit,
            records: std::mem::take(&mut self.records),
            changelog_bytes: std::mem::take(&mut self.changelog_bytes),
        };
        if committed.is_ok() {
            let hot_keys = self.hot_keys.hottest();
            self.meter.add(|figures| figures.hot_keys = hot_keys);
            self.meter.committed(epoch);
        }
        committed
    }

    fn abort(&mut self) -> Result<()> {
        self.settle();
        (self.began, self.records, self.changelog_bytes) = (None, 0, 0);
        self.meter.add(|figures| figures.aborts += 1);
        self.inner.abort()
    }

    fn record_bytes_max(&mut self, topic: Option<usize>) -> Result<usize> {
        self.inner.record_bytes_max(topic)
    }
    fn fetched_end(&self, partition: i32) -> Option<i64> {
        self.inner.fetched_end(partition)
    }
    fn waited(&self) -> Duration {
        self.inner.waited()
    }
}

/// A module whose calls are timed.
pub struct MeteredUdf {
    inner: Box<dyn Udf>,
    /// Number of its operator.
    operator: usize,
    meter: Arc<Meter>,
}

impl MeteredUdf {
    /// Measure the modules of all operators, in their order.
    pub fn all(modules: Vec<Box<dyn Udf>>, meter: &Arc<Meter>) -> Vec<Box<dyn Udf>> {
        let numbered = modules.into_iter().enumerate();
        let measured = numbered.map(|(operator, inner)| -> Box<dyn Udf> {
            Box::new(Self {
                inner,
                operator,
                meter: meter.clone(),
            })
        });
        measured.collect()
    }

    fn call<T>(
        &mut self,
        rows: usize,
        call: impl FnOnce(&mut dyn Udf) -> std::result::Result<T, CallError>,
    ) -> std::result::Result<T, CallError> {
        let started = Instant::now();
        let answer = call(self.inner.as_mut());
        let took = started.elapsed();
        let trap = matches!(answer, Err(CallError::Trap(_)));
        let memory = self.inner.memory_bytes();
        self.meter.called(self.operator, rows, took, trap, memory);
        answer
    }
}

impl Udf for MeteredUdf {
    fn filter(&mut self, input: &Batch) -> std::result::Result<Kept, CallError> {
        self.call(input.len(), |udf| udf.filter(input))
    }
    fn map(&mut self, input: &Batch) -> std::result::Result<Emitted, CallError> {
        self.call(input.len(), |udf| udf.map(input))
    }
    fn accumulate(
        &mut self,
        accumulators: &Packed,
        groups: &[u32],
        input: &Batch,
    ) -> std::result::Result<Accumulated, CallError> {
        self.call(input.len(), |udf| {
            udf.accumulate(accumulators, groups, input)
        })
    }
    fn merge(
        &mut self,
        left: &Packed,
        right: &Packed,
    ) -> std::result::Result<Accumulated, CallError> {
        self.call(left.len(), |udf| udf.merge(left, right))
    }
    fn finish(
        &mut self,
        keys: &Packed,
        windows: &[i64],
        accumulators: &Packed,
    ) -> std::result::Result<Emitted, CallError> {
        self.call(keys.len(), |udf| udf.finish(keys, windows, accumulators))
    }
    fn accumulator_format(&self) -> u8 {
        self.inner.accumulator_format()
    }
    fn migrates(&mut self, format: u8) -> std::result::Result<bool, CallError> {
        self.inner.migrates(format)
    }
    fn migrate(
        &mut self,
        format: u8,
        accumulators: &Packed,
    ) -> std::result::Result<Packed, CallError> {
        self.call(accumulators.len(), |udf| udf.migrate(format, accumulators))
    }
    fn drop_instance(&mut self) {
        self.inner.drop_instance();
    }
    fn next_call_under_fuel(&mut self) {
        self.inner.next_call_under_fuel();
    }
    fn memory_bytes(&self) -> usize {
        self.inner.memory_bytes()
    }
}
