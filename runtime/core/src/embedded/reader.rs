//! Reading what a topic's readers see: the way out of the embedded log for sinks, screens and tests.

use super::cursor::Cursor;
use super::shared::Shared;
use crate::batch::ROWS_MAX;
use crate::log::{Result, SourceBatch};
use std::sync::Arc;
use std::time::Duration;

/// A reader of the committed records of all partitions of a topic. Each partition in offset order; the partitions
/// take turns.
pub struct Reader {
    shared: Arc<Shared>,
    cursor: Cursor,
}

/// A committed record, in memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Partition.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Packed headers; `None` is none.
    pub headers: Option<Vec<u8>>,
    /// Event time, milliseconds since 1970.
    pub timestamp: i64,
}

impl Reader {
    pub(super) fn new(shared: &Arc<Shared>, topic: &str) -> Result<Self> {
        let state = shared.lock();
        let partitions = state.topic(topic)?.partitions.iter().zip(0..);
        let positions: Vec<_> = partitions.map(|(log, p)| (p, log.start())).collect();
        let mut cursor = Cursor::new(topic);
        cursor.assign(&state, &positions)?;
        drop(state);
        Ok(Self {
            shared: shared.clone(),
            cursor,
        })
    }

    /// Append what has been committed since the last call, waiting up to `wait` for something.
    pub fn poll(&mut self, wait: Duration, into: &mut Vec<SourceBatch>) -> Result<()> {
        self.cursor.poll(&self.shared, ROWS_MAX, wait, into)
    }

    /// True once a sealed topic has been read to its end.
    pub fn ended(&self) -> bool {
        self.cursor.ended()
    }

    /// All that is committed and was not read yet, without waiting, by partition and offset.
    pub fn drain(&mut self) -> Result<Vec<Record>> {
        let (mut records, mut batches) = (Vec::new(), Vec::new());
        loop {
            self.poll(Duration::ZERO, &mut batches)?;
            if batches.is_empty() {
                records.sort_by_key(|record: &Record| (record.partition, record.offset));
                return Ok(records);
            }
            batches
                .drain(..)
                .for_each(|batch| records.extend(owned(&batch)));
        }
    }
}

fn owned(batch: &SourceBatch) -> impl Iterator<Item = Record> {
    let rows = batch.offsets.iter().enumerate();
    rows.map(|(row, offset)| Record {
        partition: batch.partition,
        offset: *offset,
        key: batch.batch.key(row).map(<[u8]>::to_vec),
        value: batch.batch.value(row).map(<[u8]>::to_vec),
        headers: batch.batch.headers(row).map(<[u8]>::to_vec),
        timestamp: batch.batch.timestamp(row),
    })
}
