//! Keyed state on RocksDB: the state port for state larger than memory, reused after a restart.
//!
//! The changelog is the write-ahead log, so RocksDB's own is off: nothing is synced per commit. What a crash leaves on
//! disk is the state as of some earlier commit, and the marker says which, for delta and marker are one write batch;
//! the shard then reads the missing deltas back from the changelog. So a folder is a cache: deleting it is always safe.

#![forbid(unsafe_code)]

mod error;
mod folder;
mod marker;
mod options;
mod store;

pub use error::OpenError;
pub use options::{Memory, Options};
pub use store::Store;
