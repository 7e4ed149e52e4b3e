//! What the checks have in common: a job with topics of its own, and waiting.

use super::{Fixture, Record};
use crate::log::{
    Delivery, OutRecord, Position, Result, ShardConfig, ShardLog, SourceBatch, TopicId,
};
use std::time::{Duration, Instant};

/// One wait inside a poll.
pub const MOMENT: Duration = Duration::from_millis(100);
/// Event time of records whose time does not matter, in milliseconds.
pub const TIMESTAMP: i64 = 1_700_000_000_000;

/// A job: a source and a sink topic, a changelog of two shards, a group.
pub struct Job<'a, F> {
    pub fixture: &'a F,
    pub config: ShardConfig,
}

impl<'a, F: Fixture> Job<'a, F> {
    /// A job of shard 0, with this many partitions in source and sink.
    pub fn new(fixture: &'a F, partitions: i32) -> Self {
        let name = fixture.unique_name();
        let config = ShardConfig {
            source: format!("{name}-in"),
            partitions: (0..partitions).collect(),
            sinks: vec![format!("{name}-out")],
            changelog: format!("{name}-changes"),
            shard: 0,
            transactional_id: format!("{name}-t0"),
            group: format!("{name}-job"),
            delivery: Delivery::ExactlyOnce,
            epoch_interval_ms: 100,
            transaction_timeout_ms: 60_000,
        };
        fixture.create_topic(&config.source, partitions);
        fixture.create_topic(&config.sinks[0], partitions);
        let shards = fixture.log().ensure_changelog(&config.changelog, 2);
        assert_eq!(shards, Ok(2));
        Self { fixture, config }
    }

    /// A job that reads what this one writes.
    pub fn downstream(&self) -> Self {
        let mut job = Self::new(self.fixture, self.config.partitions.len() as i32);
        job.config.source = self.config.sinks[0].clone();
        job
    }

    /// A new owner of the shard.
    pub fn owner(&self) -> Box<dyn ShardLog> {
        let mut shard = self.fixture.log().open(&self.config).unwrap();
        shard.init_transactions().unwrap();
        shard
    }

    /// Append to the source.
    pub fn produce(&self, records: &[Record]) {
        self.fixture.produce(&self.config.source, records);
    }

    /// Values that a `read_committed` reader finds in the sink now, by partition and offset.
    pub fn visible(&self) -> Vec<String> {
        let records = self.fixture.read_committed(&self.config.sinks[0]);
        records.iter().map(text).collect()
    }

    /// Wait until the sink shows exactly these values.
    pub fn expect_visible(&self, want: &[&str]) {
        let what = format!("{want:?} visible in the sink");
        eventually(self.fixture, &what, || self.visible(), |got| got == want);
    }

    /// Read with an assigned connection until there are this many records.
    pub fn read(&self, shard: &mut dyn ShardLog, rows: usize) -> Vec<SourceBatch> {
        let mut batches: Vec<SourceBatch> = Vec::new();
        let count = |batches: &[SourceBatch]| batches.iter().map(|b| b.batch.len()).sum::<usize>();
        let end = Instant::now() + self.fixture.patience();
        while count(&batches) < rows {
            assert!(
                Instant::now() < end,
                "{} of {rows} records came",
                count(&batches)
            );
            shard.poll(1000, MOMENT, &mut batches).unwrap();
        }
        assert_eq!(count(&batches), rows, "more records than there are");
        batches
    }

    /// Read with an assigned connection until the position in a partition is the end of what is stable.
    pub fn read_to_end(&self, shard: &mut dyn ShardLog, partition: i32) -> Vec<SourceBatch> {
        let mut batches: Vec<SourceBatch> = Vec::new();
        let end = Instant::now() + self.fixture.patience();
        loop {
            shard.poll(1000, MOMENT, &mut batches).unwrap();
            let bounds = shard.source_bounds(partition).unwrap();
            let mut positions = batches.iter().filter(|b| b.partition == partition);
            let position = positions.next_back().map(|b| b.next_offset);
            if position == Some(bounds.end) {
                return batches;
            }
            assert!(
                Instant::now() < end,
                "position {position:?} never reached the end of {bounds:?}"
            );
        }
    }

    /// Open a transaction and send these values to partition 0 of the sink.
    pub fn begin_with(&self, shard: &mut dyn ShardLog, values: &[&str]) {
        shard.begin().unwrap();
        for value in values {
            shard.send(out(0, value)).unwrap();
        }
    }

    /// A whole epoch: values to the sink's partition 0, entries to the changelog, no positions.
    pub fn epoch(&self, shard: &mut dyn ShardLog, values: &[&str], changes: &[(&str, &str)]) {
        self.begin_with(shard, values);
        for (key, value) in changes {
            let appended = shard.append_changelog(key.as_bytes(), value.as_bytes());
            appended.unwrap();
        }
        let source = source_id(shard);
        shard.commit(&[], &source).unwrap();
    }
}

/// Identity of the source now.
pub fn source_id(shard: &mut dyn ShardLog) -> TopicId {
    shard.source_topic().unwrap().id
}

/// An output without key.
pub fn out(partition: i32, value: &str) -> OutRecord<'_> {
    OutRecord {
        topic: 0,
        partition,
        key: None,
        value: Some(value.as_bytes()),
        headers: None,
        timestamp: TIMESTAMP,
    }
}

/// An input without key.
pub fn input(partition: i32, value: &str) -> Record {
    Record {
        partition,
        offset: 0,
        key: None,
        value: Some(value.as_bytes().to_vec()),
        headers: None,
        timestamp: TIMESTAMP,
    }
}

/// Values `from..to` as inputs of a partition.
pub fn inputs(partition: i32, numbers: std::ops::Range<usize>) -> Vec<Record> {
    numbers
        .map(|n| input(partition, &format!("{partition}/{n}")))
        .collect()
}

/// The value of a record as text.
pub fn text(record: &Record) -> String {
    String::from_utf8_lossy(record.value.as_deref().unwrap_or(b"null")).into_owned()
}

/// The values of one partition, in the order they came.
pub fn values(batches: &[SourceBatch], partition: i32) -> Vec<String> {
    let of = batches.iter().filter(|b| b.partition == partition);
    of.flat_map(|b| (0..b.batch.len()).map(|row| b.batch.value(row).unwrap_or(b"null")))
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect()
}

/// A position to commit.
pub fn position(partition: i32, offset: i64, metadata: &str) -> Position {
    Position {
        partition,
        offset,
        metadata: metadata.into(),
    }
}

/// Ask until the answer is as it should be; panics with the last one when patience is over.
pub fn eventually<T: std::fmt::Debug>(
    fixture: &impl Fixture,
    what: &str,
    mut ask: impl FnMut() -> T,
    is: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + fixture.patience();
    loop {
        let got = ask();
        if is(&got) {
            return got;
        }
        assert!(
            Instant::now() < end,
            "waited for {what}; last seen: {got:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The error of an answer that must be one.
pub fn error_of<T>(answer: Result<T>) -> crate::log::Error {
    match answer {
        Ok(_) => panic!("succeeded, but must not"),
        Err(error) => error,
    }
}
