//! The embedded log: topics, transactions, committed positions and membership of one process, in memory. Demo,
//! `run --dev` and hermetic tests run on it. It keeps Kafka's rules (markers that take an offset, last stable offset,
//! fencing by transactional id); the conformance suite of the log port runs on both, so that it can't drift.
//!
//! It has no clock: transactions and members time out when a test says so ([`EmbeddedLog::expire_transaction`],
//! [`EmbeddedLog::expire_member`]), and calls wait on a condition with the caller's limit.

mod broker;
#[cfg(test)]
mod conformance_tests;
mod cursor;
mod faults;
mod members;
mod partition;
mod reader;
mod segment;
mod shard;
mod shared;
#[cfg(test)]
mod tests;

pub use faults::{At, Call, Stall};
pub use reader::{Reader, Record};

use crate::batch::Batch;
use crate::log::{
    Bounds, Committed, Error, Kind, Log, MemberConfig, Membership, PartitionLag, Replication,
    Result, ShardConfig, ShardLog, Topic, partition_of,
};
use shared::Shared;
use std::sync::Arc;

/// A log in memory; clones are the same log.
#[derive(Clone, Default)]
pub struct EmbeddedLog {
    shared: Arc<Shared>,
}

fn topic_of(topic: &broker::Topic) -> Topic {
    Topic {
        id: topic.id,
        partitions: topic.partitions.len() as i32,
    }
}

impl partition::Partition {
    fn bounds(&self) -> Bounds {
        Bounds {
            start: self.start(),
            end: self.stable_end(),
        }
    }
}

/// Topics and their records.
impl EmbeddedLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Make a topic. `Kind::Halt` if there is one of this name.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<()> {
        self.shared.lock().create_topic(name, partitions)
    }

    /// Append a record outside any transaction. Without a partition, the key chooses it as Kafka's clients do; without
    /// a key either, the partitions take turns. Answers partition and offset.
    pub fn produce(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Option<&[u8]>,
        timestamp: i64,
    ) -> Result<(i32, i64)> {
        let mut state = self.shared.lock();
        let partition = match (partition, key) {
            (Some(partition), _) => partition,
            (None, None) => state.next_partition(topic)?,
            (None, key) => {
                let partitions = state.topic(topic)?.partitions.len() as i32;
                partition_of(key, 0, partitions)
            }
        };
        let record = segment::Record {
            key,
            value,
            headers: headers.filter(|headers| !headers.is_empty()),
            timestamp,
        };
        let offset = state.append(topic, partition, &record)?;
        self.shared.notify(&state);
        Ok((partition, offset))
    }

    /// Append all rows of a batch to one partition, outside any transaction. Answers the offset of the first.
    pub fn produce_batch(&self, topic: &str, partition: i32, batch: &Batch) -> Result<i64> {
        let mut state = self.shared.lock();
        let first = state.partition(topic, partition)?.end();
        for row in 0..batch.len() {
            let record = segment::Record {
                key: batch.key(row),
                value: batch.value(row),
                headers: batch.headers(row).filter(|headers| !headers.is_empty()),
                timestamp: batch.timestamp(row),
            };
            state.append(topic, partition, &record)?;
        }
        self.shared.notify(&state);
        Ok(first)
    }

    /// Say that nothing will follow: whoever reads a partition to its end is told once that it ended.
    pub fn seal(&self, topic: &str) -> Result<()> {
        let mut state = self.shared.lock();
        state.topic_mut(topic)?.sealed = true;
        self.shared.notify(&state);
        Ok(())
    }

    /// Read the committed records of all partitions of a topic, from their first on.
    pub fn reader(&self, topic: &str) -> Result<Reader> {
        Reader::new(&self.shared, topic)
    }

    /// Set the largest record a topic takes, in bytes of key, value and headers together.
    pub fn set_record_bytes_max(&self, topic: &str, bytes: usize) -> Result<()> {
        self.shared.lock().topic_mut(topic)?.record_bytes_max = bytes;
        Ok(())
    }
}

/// What operators, and those who tamper, do to a log.
impl EmbeddedLog {
    /// Delete a topic, its records, and all positions committed in it.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        let mut state = self.shared.lock();
        state.delete_topic(name)?;
        self.shared.notify(&state);
        Ok(())
    }

    /// Delete a topic and make it again, empty, with as many partitions and another identity.
    pub fn recreate(&self, name: &str) -> Result<()> {
        let mut state = self.shared.lock();
        let partitions = state.delete_topic(name)?.partitions.len() as i32;
        state.create_topic(name, partitions)?;
        self.shared.notify(&state);
        Ok(())
    }

    /// Delete the records before `offset`.
    pub fn truncate_before(&self, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let mut state = self.shared.lock();
        let partition = state.partition_mut(topic, partition)?;
        partition.truncate_before(offset);
        self.shared.notify(&state);
        Ok(())
    }

    /// Set a group's position, whatever the job says.
    pub fn set_offset(&self, group: &str, topic: &str, partition: i32, at: Committed) {
        let mut state = self.shared.lock();
        state.set_position(group, topic, partition, at);
    }

    /// Delete all positions of a group.
    pub fn delete_offsets(&self, group: &str) {
        self.shared.lock().positions.remove(group);
    }

    /// The coordinator ends a transaction that took too long: it aborts, and its owner is fenced.
    pub fn expire_transaction(&self, transactional_id: &str) {
        let mut state = self.shared.lock();
        state.fence(transactional_id);
        self.shared.notify(&state);
    }

    /// A member was away too long: its shards go to the others at once. It learns that with its next poll, and
    /// joins again.
    pub fn expire_member(&self, group: &str, host_id: &str) {
        let mut state = self.shared.lock();
        if let Some(group) = state.groups.get_mut(group) {
            group.expire(host_id);
        }
        self.shared.notify(&state);
    }
}

impl Log for EmbeddedLog {
    fn open(&self, shard: &ShardConfig) -> Result<Box<dyn ShardLog>> {
        Ok(Box::new(shard::Connection::open(&self.shared, shard)?))
    }

    fn topic(&self, name: &str) -> Result<Option<Topic>> {
        Ok(self.shared.lock().find(name).map(topic_of))
    }

    fn ensure_changelog(&self, name: &str, shards: i32) -> Result<i32> {
        let mut state = self.shared.lock();
        if state.find(name).is_none() {
            state.create_topic(name, shards)?;
        }
        Ok(state.topic(name)?.partitions.len() as i32)
    }

    fn delete(&self, changelog: &str, groups: &[&str]) -> Result<()> {
        let mut state = self.shared.lock();
        for name in groups {
            if state
                .groups
                .get(*name)
                .is_some_and(|group| !group.is_empty())
            {
                let message = format!("group {name} has members: stop them first");
                return Err(Error::new(Kind::Retriable, message));
            }
            state.groups.remove(*name);
            state.positions.remove(*name);
        }
        if state.find(changelog).is_some() {
            state.delete_topic(changelog)?;
        }
        self.shared.notify(&state);
        Ok(())
    }

    fn join(&self, member: &MemberConfig) -> Result<Box<dyn Membership>> {
        Ok(Box::new(members::EmbeddedMember::join(
            &self.shared,
            member,
        )?))
    }

    fn ends(&self, partitions: &[(&str, i32)]) -> Result<Vec<Option<i64>>> {
        let state = self.shared.lock();
        let end = |(topic, partition): &(&str, i32)| {
            let log = state.partition(topic, *partition).ok()?;
            Some(log.bounds().end)
        };
        Ok(partitions.iter().map(end).collect())
    }

    fn replication(&self, topics: &[&str]) -> Result<Vec<Option<Replication>>> {
        let state = self.shared.lock();
        let kept = |topic: &&str| {
            let partitions = state.topic(topic).ok()?.partitions.len() as i32;
            Some(Replication {
                partitions,
                ..Replication::default()
            })
        };
        Ok(topics.iter().map(kept).collect())
    }

    fn lag(&self, topic: &str, group: &str) -> Result<Vec<PartitionLag>> {
        let state = self.shared.lock();
        let partitions = state.topic(topic)?.partitions.iter().zip(0..);
        Ok(partitions
            .map(|(log, partition)| PartitionLag {
                partition,
                bounds: log.bounds(),
                committed: state.position(group, topic, partition),
            })
            .collect())
    }
}
