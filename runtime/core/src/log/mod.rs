//! The log port: everything a shard needs of a transactional, partitioned log. Implemented by the embedded log
//! (in memory) and by Kafka; one conformance suite runs on both.
//!
//! A [`ShardLog`] is one shard's own connection: one consumer on the job's source partitions, one transactional
//! producer, the shard's partition of the changelog. All calls block, all have deadlines.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

use crate::batch::Batch;
use std::sync::Arc;
use std::time::Duration;

/// What the caller must do about a log error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing happened: make the same call again.
    Retriable,
    /// The transaction is lost: abort it and rebuild from the last commit.
    Abortable,
    /// This producer is fenced or broken for good: drop it, confirm ownership, start over from `init_transactions`.
    Fenced,
    /// Somebody must act: configuration, missing topic, lost data. The shard halts with the message.
    Halt,
}

/// An error of the log port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What to do.
    pub kind: Kind,
    /// What happened and, for `Halt`, what to do about it; for people.
    pub message: String,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
    /// Somebody must act.
    pub fn halt(message: impl Into<String>) -> Self {
        Self::new(Kind::Halt, message)
    }
}

/// Result of a log call.
pub type Result<T> = std::result::Result<T, Error>;

/// Identity of a topic: a topic deleted and made again under its name has another.
pub type TopicId = [u8; 16];

/// What a topic is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its identity.
    pub id: TopicId,
    /// Number of partitions.
    pub partitions: i32,
}

/// How well the brokers keep a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replication {
    /// Number of partitions.
    pub partitions: i32,
    /// Partitions of which some replicas are not in sync.
    pub under_replicated: i32,
    /// Partitions that nobody can read or write: they have no leader.
    pub offline: i32,
}

/// The offsets a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// First offset there is.
    pub start: i64,
    /// Offset after the last stable record (or transaction marker).
    pub end: i64,
}

/// A committed position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Next offset to read.
    pub offset: i64,
    /// What the committer wrote beside it; at most 200 bytes of ASCII.
    pub metadata: String,
}

/// Where a new job starts in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// First offset there is.
    Earliest,
    /// After the last stable record.
    Latest,
    /// First record of this timestamp (milliseconds since 1970) or later; the end if there is none.
    Timestamp(i64),
    /// This offset.
    Offset(i64),
}

/// Records of one source partition, in offset order. Empty where only the position moved (past transaction
/// markers or compacted records) or the input ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceBatch {
    /// Source partition.
    pub partition: i32,
    /// The records.
    pub batch: Batch,
    /// Offset of each record; gaps are normal.
    pub offsets: Vec<i64>,
    /// Position after this batch: greater than the last offset.
    pub next_offset: i64,
    /// Bounded input only: nothing will ever follow.
    pub ended: bool,
}

/// A record for a sink topic.
#[derive(Clone, Copy, Debug)]
pub struct OutRecord<'a> {
    /// Number of the topic in the list the connection was opened with.
    pub topic: usize,
    /// Partition: the caller decides, so that placement is deterministic.
    pub partition: i32,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Packed headers.
    pub headers: Option<&'a [u8]>,
    /// Event time, milliseconds since 1970.
    pub timestamp: i64,
}

/// A position to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Source partition.
    pub partition: i32,
    /// Next offset to read.
    pub offset: i64,
    /// At most 200 bytes of ASCII.
    pub metadata: String,
}

/// One record of the changelog.
#[derive(Clone, Copy, Debug)]
pub struct ChangelogRecord<'a> {
    /// Offset in the shard's changelog partition.
    pub offset: i64,
    /// Key.
    pub key: &'a [u8],
    /// Value.
    pub value: &'a [u8],
}

/// When outputs become visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Outputs, positions and state commit in one transaction.
    #[default]
    ExactlyOnce,
    /// Outputs leave at once by a second, idempotent producer: visible early, perhaps repeated after a failure.
    /// State and positions stay transactional.
    AtLeastOnce,
}

/// What a shard's connection is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardConfig {
    /// Source topic.
    pub source: String,
    /// Its partitions that belong to this shard.
    pub partitions: Vec<i32>,
    /// Topics that the shard writes to; [`OutRecord::topic`] counts in this list.
    pub sinks: Vec<String>,
    /// Changelog topic.
    pub changelog: String,
    /// Number of the shard, and so its partition of the changelog.
    pub shard: i32,
    /// Transactional id: the fence.
    pub transactional_id: String,
    /// Consumer group that holds the committed positions (it never has members).
    pub group: String,
    /// Delivery guarantee of the outputs.
    pub delivery: Delivery,
    /// How long an epoch lasts, in milliseconds; connections choose their batching delays by it.
    pub epoch_interval_ms: u64,
    /// After this long without an end the brokers abort a transaction, in milliseconds.
    pub transaction_timeout_ms: u64,
}

/// How a host joins the members that share a job's shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberConfig {
    /// Consumer group of the members (not the one that holds positions).
    pub group: String,
    /// Changelog topic: its partitions are the shards to share.
    pub changelog: String,
    /// Identity of this host, kept over restarts.
    pub host_id: String,
}

/// What the group says about who should run a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberEvent {
    /// These shards are now ours (in addition to what was).
    Assigned(Vec<i32>),
    /// Give these shards up: stop each at an epoch's end, then call [`Membership::released`].
    Revoked(Vec<i32>),
    /// These are gone already (we were away too long): stop them at once; others may run them.
    Lost(Vec<i32>),
}

/// Makes a membership's poll that is under way, or else its next one, return at once. Works from any thread, and does nothing
/// when the membership is gone.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Membership of one host in one job.
pub trait Membership: Send {
    /// What changed, waiting up to `wait`. Must be called at least every few seconds. `Kind::Halt` where another
    /// host runs with our identity: drop all shards and end the process, don't join again.
    fn poll(&mut self, wait: Duration) -> Result<Vec<MemberEvent>>;
    /// For those who have something to tell to whoever polls.
    fn waker(&self) -> Waker;
    /// Revoked shards have been stopped and may go elsewhere.
    fn released(&mut self, shards: &[i32]);
    /// Leave the group for real, so that others take over at once.
    fn leave(self: Box<Self>) -> Result<()>;
}

/// A log as a whole: what a host needs outside of one shard.
pub trait Log: Send + Sync {
    /// Open a shard's connection. Does not fence anyone yet.
    fn open(&self, shard: &ShardConfig) -> Result<Box<dyn ShardLog>>;
    /// A topic as it is now; `None` if there is no such topic.
    fn topic(&self, name: &str) -> Result<Option<Topic>>;
    /// Create the changelog topic with `shards` partitions if it is missing. Answers the partitions it has.
    fn ensure_changelog(&self, name: &str, shards: i32) -> Result<i32>;
    /// Delete a changelog topic, and groups with their committed positions. What is not there is no error; a group that
    /// has members is one of kind `Retriable`.
    fn delete(&self, changelog: &str, groups: &[&str]) -> Result<()>;
    /// Join the members of a job.
    fn join(&self, member: &MemberConfig) -> Result<Box<dyn Membership>>;
    /// Offset after the last stable record of each of these partitions, in one question; `None` for one that is not there or
    /// can't be told now. The same one may be asked for more than once.
    fn ends(&self, partitions: &[(&str, i32)]) -> Result<Vec<Option<i64>>>;
    /// How well each of these topics is kept; `None` for one that is not there or can't be told now.
    fn replication(&self, topics: &[&str]) -> Result<Vec<Option<Replication>>>;
    /// Offset after the last stable record, and the position committed in `group`, of each partition of a topic.
    fn lag(&self, topic: &str, group: &str) -> Result<Vec<PartitionLag>>;
}

/// How far a job is in one source partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLag {
    /// Source partition.
    pub partition: i32,
    /// What the partition holds.
    pub bounds: Bounds,
    /// What the job committed.
    pub committed: Option<Committed>,
}

/// One shard's connection to the log.
///
/// Order of use: `init_transactions`, then the reads of recovery, then `assign`, then epochs of `begin`,
/// `poll`/`send`, `append_changelog`, `commit`. After an error of kind `Fenced` the connection is of no more use.
pub trait ShardLog: Send {
    /// Fence every older owner of this shard, ending its open transaction. Retries while that one ends.
    fn init_transactions(&mut self) -> Result<()>;

    /// The source topic as it is now (asks the brokers, no cache).
    fn source_topic(&mut self) -> Result<Topic>;
    /// Partitions of sink topic `topic` (number in the opening list). Cached.
    fn sink_partitions(&mut self, topic: usize) -> Result<i32>;
    /// Offsets a source partition holds.
    fn source_bounds(&mut self, partition: i32) -> Result<Bounds>;
    /// The offset where `start` is in a source partition.
    fn resolve_start(&mut self, partition: i32, start: Start) -> Result<i64>;
    /// Committed (stable) positions of these source partitions, in the same order.
    fn committed(&mut self, partitions: &[i32]) -> Result<Vec<Option<Committed>>>;

    /// Read the shard's committed changelog from offset `from` (clamped to what is there) to its end.
    /// Answers the bounds that were read.
    fn read_changelog(
        &mut self,
        from: i64,
        visit: &mut dyn FnMut(ChangelogRecord<'_>),
    ) -> Result<Bounds>;

    /// Read these source partitions from these offsets on; replaces what was assigned.
    fn assign(&mut self, positions: &[(i32, i64)]) -> Result<()>;
    /// Append what has arrived to `into`, at most `rows_max` records, waiting up to `wait` for the first. One element
    /// is at most one batch; several of one partition are in order.
    fn poll(&mut self, rows_max: usize, wait: Duration, into: &mut Vec<SourceBatch>) -> Result<()>;

    /// Open a transaction.
    fn begin(&mut self) -> Result<()>;
    /// Send a record inside the open transaction (or, at_least_once, outside it). Blocks while the queue is full.
    fn send(&mut self, record: OutRecord<'_>) -> Result<()>;
    /// Append to the shard's changelog partition inside the open transaction.
    fn append_changelog(&mut self, key: &[u8], value: &[u8]) -> Result<()>;
    /// Wait until everything sent is acknowledged, check that the source topic still has identity `source`, add the
    /// positions, commit. All or nothing. `Ok(true)` says that something was slow or a connection broke: the
    /// caller must start over with a new connection before the next transaction (taint rule).
    fn commit(&mut self, positions: &[Position], source: &TopicId) -> Result<bool>;
    /// Abort the open transaction.
    fn abort(&mut self) -> Result<()>;
    /// Largest record, in bytes, that a topic takes: of the sink `topic`, or of the changelog for `None`.
    fn record_bytes_max(&mut self, topic: Option<usize>) -> Result<usize>;
    /// End of an assigned source partition, as of the last fetch from it; asks nobody. Unlike [`ShardLog::source_bounds`] it may
    /// count records of transactions that are still open: what a reader waits for is lag as well.
    fn fetched_end(&self, partition: i32) -> Option<i64> {
        let _ = partition;
        None
    }
    /// How long sends have waited for room in the queue, in all.
    fn waited(&self) -> Duration {
        Duration::ZERO
    }
}

/// Java's murmur2, with which Kafka's own clients choose a partition from a key.
/// Source: Apache Kafka, `org.apache.kafka.common.utils.Utils.murmur2`.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        h = h.wrapping_mul(M) ^ k;
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            h ^= u32::from(*byte) << (8 * i);
        }
        h = h.wrapping_mul(M);
    }
    h = (h ^ (h >> 13)).wrapping_mul(M);
    h ^ (h >> 15)
}

/// Partition of a record: by key as Kafka's Java client does it, without a key by its source partition, so that a
/// replay puts it in the same place.
pub fn partition_of(key: Option<&[u8]>, source_partition: i32, partitions: i32) -> i32 {
    match key {
        Some(key) => (murmur2(key) & 0x7fff_ffff) as i32 % partitions,
        None => source_partition % partitions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expectations of Apache Kafka's UtilsTest.testMurmur2 (Apache-2.0).
    #[test]
    fn murmur2_is_javas() {
        let cases: [(&str, i32); 6] = [
            ("21", -973932308),
            ("foobar", -790332482),
            ("a-little-bit-long-string", -985981536),
            ("a-little-bit-longer-string", -1486304829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58897971,
            ),
            ("abc", 479470107),
        ];
        for (key, want) in cases {
            assert_eq!(murmur2(key.as_bytes()) as i32, want, "{key}");
        }
    }

    #[test]
    fn null_keys_follow_their_source_partition() {
        assert_eq!(partition_of(None, 5, 4), 1);
    }
}
