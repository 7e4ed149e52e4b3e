//! Which store a shard's state is in.

use crate::error::{Error, Result};
use sluicebox_core::spec::State;
use sluicebox_core::state::{MemoryStore, StateStore};
#[cfg(feature = "rocksdb")]
use sluicebox_state::{Options, Store};
use std::path::Path;

/// Open a shard's store. `shards` share the memory that the spec allows. `note` is told of local state that could not be
/// used: no loss, but reading it back from the changelog takes time.
pub fn open(
    state: State,
    path: &Path,
    shards: i32,
    note: impl Fn(&str),
) -> Result<Box<dyn StateStore>> {
    match state {
        State::Memory => Ok(Box::new(MemoryStore::default())),
        State::Rocksdb { memory_bytes_max } => {
            rocksdb(path, memory_bytes_max / shards.max(1) as usize, note)
        }
    }
}

#[cfg(feature = "rocksdb")]
fn rocksdb(path: &Path, memory_bytes: usize, note: impl Fn(&str)) -> Result<Box<dyn StateStore>> {
    std::fs::create_dir_all(path).map_err(|e| Error::io("make the state folder", path, &e))?;
    // Half for the cache of what is on disk, half for what is to be written.
    let options = Options {
        block_cache_bytes: memory_bytes / 2,
        write_buffer_bytes: memory_bytes / 4,
        ..Options::default()
    };
    let store = Store::open_or_discard(path, &options).map_err(|e| Error::failed(e.to_string()))?;
    if let Some(why) = store.discarded() {
        note(&format!(
            "local state was thrown away and comes back from the changelog: {why}"
        ));
    }
    Ok(Box::new(store))
}

#[cfg(not(feature = "rocksdb"))]
fn rocksdb(_: &Path, _: usize, _: impl Fn(&str)) -> Result<Box<dyn StateStore>> {
    Err(Error::input(
        "this sluicebox was built without RocksDB: set `state: memory`, or build with the feature `rocksdb`",
    ))
}
