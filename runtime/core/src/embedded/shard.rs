//! One shard's connection to the embedded log.

use super::broker::State;
use super::cursor::Cursor;
use super::faults::Call;
use super::segment::Record;
use super::shared::Shared;
use super::topic_of;
use crate::batch::Batch;
use crate::log::{
    Bounds, ChangelogRecord, Committed, Delivery, Error, Kind, OutRecord, Position, Result,
    ShardConfig, ShardLog, SourceBatch, Start, Topic, TopicId,
};
use std::sync::Arc;
use std::time::Duration;

/// Changelog records are visited in pieces of about this many bytes, outside the lock.
const CHANGELOG_BYTES: usize = 1 << 20;
/// Longest metadata of a position, in bytes: Kafka's `offset.metadata.max.bytes`.
const METADATA_BYTES_MAX: usize = 4096;

/// A connection. Dropped with a transaction open it leaves it open, as a killed process does: the next owner's
/// `init_transactions` ends it.
pub(super) struct Connection {
    shared: Arc<Shared>,
    config: ShardConfig,
    cursor: Cursor,
    /// Producer epoch, once initialised.
    epoch: Option<u64>,
}

impl Connection {
    pub fn open(shared: &Arc<Shared>, config: &ShardConfig) -> Result<Self> {
        let state = shared.lock();
        state.partition(&config.changelog, config.shard)?;
        for partition in &config.partitions {
            state.partition(&config.source, *partition)?;
        }
        for sink in &config.sinks {
            state.topic(sink)?;
        }
        drop(state);
        Ok(Self {
            shared: shared.clone(),
            config: config.clone(),
            cursor: Cursor::new(&config.source),
            epoch: None,
        })
    }

    fn id(&self) -> &str {
        &self.config.transactional_id
    }

    fn sink(&self, topic: usize) -> Result<&str> {
        let name = self.config.sinks.get(topic).map(String::as_str);
        name.ok_or_else(|| {
            Error::halt(format!(
                "sink number {topic} is not among the {} of this shard (a bug of the caller)",
                self.config.sinks.len()
            ))
        })
    }

    fn check_commit(
        &self,
        state: &mut State,
        positions: &[Position],
        source: &TopicId,
    ) -> Result<()> {
        state.open_transaction(self.id(), self.epoch)?;
        if state.topic(&self.config.source)?.id != *source {
            return Err(Error::halt(format!(
                "topic {:?} was deleted and made again: what was processed is not what it holds now. \
                 Give the job a new start, or restore the topic",
                self.config.source
            )));
        }
        for position in positions {
            state.partition(&self.config.source, position.partition)?;
            if position.metadata.len() > METADATA_BYTES_MAX {
                return Err(Error::halt(format!(
                    "metadata of {} bytes beside a position; at most {METADATA_BYTES_MAX} are kept",
                    position.metadata.len()
                )));
            }
        }
        Ok(())
    }
}

impl ShardLog for Connection {
    fn init_transactions(&mut self) -> Result<()> {
        let mut state = self.shared.enter(Call::Init, self.id())?;
        state.faults.take_taint(self.id());
        let epoch = state.fence(self.id());
        self.shared.notify(&state);
        drop(state);
        self.epoch = Some(epoch);
        Ok(())
    }

    fn source_topic(&mut self) -> Result<Topic> {
        self.shared.lock().topic(&self.config.source).map(topic_of)
    }

    fn sink_partitions(&mut self, topic: usize) -> Result<i32> {
        let name = self.sink(topic)?;
        Ok(self.shared.lock().topic(name)?.partitions.len() as i32)
    }

    fn source_bounds(&mut self, partition: i32) -> Result<Bounds> {
        let state = self.shared.lock();
        Ok(state.partition(&self.config.source, partition)?.bounds())
    }

    fn resolve_start(&mut self, partition: i32, start: Start) -> Result<i64> {
        let state = self.shared.lock();
        let partition = state.partition(&self.config.source, partition)?;
        Ok(match start {
            Start::Earliest => partition.start(),
            Start::Latest => partition.stable_end(),
            Start::Timestamp(timestamp) => partition
                .offset_of_timestamp(timestamp)
                .unwrap_or_else(|| partition.stable_end()),
            Start::Offset(offset) => offset,
        })
    }

    fn committed(&mut self, partitions: &[i32]) -> Result<Vec<Option<Committed>>> {
        let state = self.shared.lock();
        let (group, source) = (&self.config.group, &self.config.source);
        let position = |partition: &i32| state.position(group, source, *partition);
        Ok(partitions.iter().map(position).collect())
    }

    fn read_changelog(
        &mut self,
        from: i64,
        visit: &mut dyn FnMut(ChangelogRecord<'_>),
    ) -> Result<Bounds> {
        let (topic, shard) = (&self.config.changelog, self.config.shard);
        let state = self.shared.enter(Call::ReadChangelog, self.id())?;
        let bounds = state.partition(topic, shard)?.bounds();
        drop(state);
        let mut at = from.clamp(bounds.start, bounds.end);
        let (mut batch, mut offsets) = (Batch::default(), Vec::new());
        while at < bounds.end {
            let state = self.shared.lock();
            let partition = state.partition(topic, shard)?;
            if partition.start() > at {
                return Err(Error::new(
                    Kind::Retriable,
                    format!("topic {topic:?} partition {shard} was trimmed while it was read"),
                ));
            }
            at = partition.read(at, usize::MAX, CHANGELOG_BYTES, &mut batch, &mut offsets);
            drop(state);
            for (row, offset) in offsets.drain(..).enumerate() {
                visit(ChangelogRecord {
                    offset,
                    key: batch.key(row).unwrap_or_default(),
                    value: batch.value(row).unwrap_or_default(),
                });
            }
            batch.clear();
        }
        Ok(bounds)
    }

    fn assign(&mut self, positions: &[(i32, i64)]) -> Result<()> {
        let state = self.shared.lock();
        self.cursor.assign(&state, positions)
    }

    fn poll(&mut self, rows_max: usize, wait: Duration, into: &mut Vec<SourceBatch>) -> Result<()> {
        drop(self.shared.enter(Call::Poll, self.id())?);
        self.cursor.poll(&self.shared, rows_max, wait, into)
    }

    fn begin(&mut self) -> Result<()> {
        let mut state = self.shared.enter(Call::Begin, self.id())?;
        state.begin(self.id(), self.epoch)
    }

    fn send(&mut self, record: OutRecord<'_>) -> Result<()> {
        let mut state = self.shared.enter(Call::Send, self.id())?;
        let at = (self.sink(record.topic)?, record.partition);
        let record = Record {
            key: record.key,
            value: record.value,
            headers: record.headers.filter(|headers| !headers.is_empty()),
            timestamp: record.timestamp,
        };
        match self.config.delivery {
            Delivery::ExactlyOnce => {
                state.append_in_transaction(self.id(), self.epoch, at, &record)
            }
            Delivery::AtLeastOnce => {
                state.append(at.0, at.1, &record)?;
                self.shared.notify(&state);
                Ok(())
            }
        }
    }

    fn append_changelog(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut state = self.shared.enter(Call::Append, self.id())?;
        let record = Record {
            key: Some(key),
            value: Some(value),
            ..Record::default()
        };
        let at = (self.config.changelog.as_str(), self.config.shard);
        state.append_in_transaction(self.id(), self.epoch, at, &record)
    }

    fn commit(&mut self, positions: &[Position], source: &TopicId) -> Result<bool> {
        let mut state = self.shared.enter(Call::CommitBefore, self.id())?;
        self.check_commit(&mut state, positions, source)?;
        for position in positions {
            let committed = Committed {
                offset: position.offset,
                metadata: position.metadata.clone(),
            };
            let (group, topic) = (&self.config.group, &self.config.source);
            state.set_position(group, topic, position.partition, committed);
        }
        state.end(self.id(), true);
        self.shared.notify(&state);
        drop(state);
        let mut state = self.shared.enter(Call::CommitAfter, self.id())?;
        Ok(state.faults.take_taint(self.id()))
    }

    fn abort(&mut self) -> Result<()> {
        let mut state = self.shared.enter(Call::Abort, self.id())?;
        state.open_transaction(self.id(), self.epoch)?;
        state.end(self.id(), false);
        self.shared.notify(&state);
        Ok(())
    }

    fn record_bytes_max(&mut self, topic: Option<usize>) -> Result<usize> {
        let name = match topic {
            Some(topic) => self.sink(topic)?,
            None => &self.config.changelog,
        };
        Ok(self.shared.lock().topic(name)?.record_bytes_max)
    }
}
