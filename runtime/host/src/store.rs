//! Which store a shard's state is in.

use crate::error::{Error, Result};
use sluicebox_core::spec::State;
use sluicebox_core::state::{MemoryStore, StateStore};
use std::path::Path;

/// Open a shard's store. `shards` share the memory that the spec allows.
pub fn open(state: State, path: &Path, shards: i32) -> Result<Box<dyn StateStore>> {
    match state {
        State::Memory => Ok(Box::new(MemoryStore::default())),
        State::Rocksdb { memory_bytes_max } => rocksdb(path, memory_bytes_max / shards.max(1) as usize),
    }
}

#[cfg(feature = "rocksdb")]
fn rocksdb(path: &Path, memory_bytes: usize) -> Result<Box<dyn StateStore>> {
    std::fs::create_dir_all(path).map_err(|e| Error::io("make the state folder", path, &e))?;
    // Half for the cache of what is on disk, half for what is to be written.
    let options = sluicebox_state::Options {
        block_cache_bytes: memory_bytes / 2,
        write_buffer_bytes: memory_bytes / 4,
        ..sluicebox_state::Options::default()
    };
    let store = sluicebox_state::RocksdbStore::open_or_discard(path, &options).map_err(|e| Error::failed(e.to_string()))?;
    Ok(Box::new(store))
}

#[cfg(not(feature = "rocksdb"))]
fn rocksdb(_: &Path, _: usize) -> Result<Box<dyn StateStore>> {
    Err(Error::input("this sluicebox was built without RocksDB: set `state: memory`, or build with the feature `rocksdb`"))
}
