//! How much memory the state of a job may take.

use crate::layout::SHARDS_DEFAULT_MAX;
use sluicebox_core::shard::Config;
use sluicebox_core::spec::{JobSpec, State};

/// Committed state that a shard keeps in memory at most, in bytes.
pub fn cache_bytes_max(spec: &JobSpec) -> usize {
    spec.epoch.overlay_bytes_max
}

/// Most memory for the state of a job on a host that runs all of its shards, in bytes, by what its spec allows: RocksDB's, and
/// each shard's own. With `state: memory` the whole state comes on top, which is as large as it is.
pub fn memory_bytes_max(spec: &JobSpec) -> u64 {
    let shards = spec.shards.map_or(SHARDS_DEFAULT_MAX, i32::from);
    let shard = Config::memory_bytes_max(cache_bytes_max(spec), spec.epoch.overlay_bytes_max);
    let store = match spec.state {
        State::Rocksdb { memory_bytes_max } => memory_bytes_max,
        State::Memory => 0,
    };
    (shard as u64)
        .saturating_mul(shards.unsigned_abs().into())
        .saturating_add(store as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(more: &str) -> u64 {
        let text = format!(
            "apiVersion: sluicebox/v1\njob: copy\nsource: {{ kafka: {{ topic: a, start: latest }} }}\nsink: {{ kafka: {{ topic: b }} }}\n{more}"
        );
        let spec = JobSpec::parse(&text, &|_| None).expect("a good spec");
        memory_bytes_max(&spec) >> 20
    }

    #[test]
    fn shards_and_store_are_counted() {
        assert_eq!(memory(""), 4 * 5 * 64 + 64);
        let small = "shards: 2\nepoch: { overlay_max: 1MiB }\n";
        assert_eq!(memory(&format!("{small}state: memory\n")), 10);
        let large = format!("{small}state: {{ rocksdb: {{ memory: 1GiB }} }}\n");
        assert_eq!(memory(&large), 10 + 1024);
    }
}
