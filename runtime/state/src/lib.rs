//! Keyed state on RocksDB.
