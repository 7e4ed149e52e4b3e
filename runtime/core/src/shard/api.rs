//! What a host gives a shard, and what it gets back.

use crate::epoch;
use crate::ledger::Account;
use crate::log::{self, Kind, ShardConfig};
use crate::spec::StartSpec;
use crate::state::StoreError;
use std::collections::BTreeMap;
use std::time::Duration;

/// Monotonic time. Only decides when epochs end, never what they contain.
pub trait Clock: Send {
    /// Time since some fixed moment.
    fn now(&self) -> Duration;
}

/// What a shard is configured with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Connection to the log.
    pub log: ShardConfig,
    /// Partitions of the source topic.
    pub source_partitions: i32,
    /// Where a new job starts.
    pub start: StartSpec,
    /// An epoch ends after this long...
    pub epoch_interval: Duration,
    /// ...or when the changed state takes this many bytes.
    pub overlay_bytes_max: usize,
    /// Committed state cached in memory, in bytes.
    pub cache_bytes_max: usize,
    /// Revision of the catalog that made the version of the job that runs; 0 without a catalog. It never decreases in a
    /// changelog: an epoch of a newer one means that this host has yet to read the catalog.
    pub catalog_revision: u64,
    /// Take the changelog's word where committed positions are missing.
    pub recover_from_changelog: bool,
    /// Lineage for the case that the job is new: any number that no other job had.
    pub new_lineage: u64,
}

impl Config {
    /// Most memory that the shard's state takes, in bytes: an epoch ends before that. What a store in memory holds, or what
    /// RocksDB takes, is not in it.
    pub const fn memory_bytes_max(cache_bytes_max: usize, overlay_bytes_max: usize) -> usize {
        cache_bytes_max.saturating_add(overlay_bytes_max.saturating_mul(4))
    }
}

/// Why a shard can't go on with its connection.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The connection is fenced, broken or tainted, or the host is short of something: wait (longer each time), confirm
    /// that the shard is still ours, open another connection, recover.
    #[error("{0}")]
    Reconnect(String),
    /// Somebody must act.
    #[error("{0}")]
    Halt(String),
}

impl From<log::Error> for ShardError {
    fn from(error: log::Error) -> Self {
        match error.kind {
            Kind::Halt => Self::Halt(error.message),
            Kind::Retriable | Kind::Abortable | Kind::Fenced => Self::Reconnect(error.message),
        }
    }
}

impl From<StoreError> for ShardError {
    fn from(error: StoreError) -> Self {
        Self::Halt(format!(
            "{error}. What is committed is in the changelog: free the disk or remove the data folder, then start again."
        ))
    }
}

impl From<epoch::ChangelogError> for ShardError {
    fn from(error: epoch::ChangelogError) -> Self {
        Self::Halt(error.to_string())
    }
}

/// What one turn of the loop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing arrived.
    Idle,
    /// Records were processed.
    Worked,
    /// An epoch was committed.
    Committed,
    /// The transaction was aborted and the shard is back at its last commit.
    Aborted,
    /// One call was made to find out which rows of a trapped call are guilty. Until that is known nothing else is taken.
    Searched,
    /// The (bounded) input has ended and everything is committed.
    Ended,
}

/// Where a shard is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Last committed epoch.
    pub epoch: u64,
    /// Next offset of each source partition (not yet committed).
    pub positions: BTreeMap<i32, i64>,
    /// Watermark of each source partition, in milliseconds.
    pub watermarks: BTreeMap<i32, i64>,
    /// Where the rows went, by operator in plan order (not yet committed).
    pub accounts: Vec<(String, Account)>,
    /// The same as of the last commit.
    pub committed_accounts: BTreeMap<String, Account>,
}
