//! All limits of a job spec, in one place.

/// Most bytes of a spec's text.
pub const SPEC_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of its YAML.
pub const NESTING_MAX: usize = 64;
/// Most values in it, repeated ones (aliases) counted each time.
pub const NODES_MAX: usize = 50_000;
/// Longest name of a job, operator, source or sink, in bytes.
pub const NAME_BYTES_MAX: usize = 40;
/// Longest topic or group name, in bytes (Kafka's own limit for topics).
pub const TOPIC_BYTES_MAX: usize = 249;
/// Most operators of a job.
pub const OPERATORS_MAX: usize = 64;
/// Most sinks of a job.
pub const SINKS_MAX: usize = 16;
/// Most shards of a job.
pub const SHARDS_MAX: u16 = 1024;
/// Most bytes of an operator's `config`, as JSON.
pub const CONFIG_BYTES_MAX: usize = 64 << 10;
/// Longest duration, in milliseconds: ten years of 366 days. Sums of times and durations stay far from overflow.
pub const DURATION_MS_MAX: i64 = 10 * 366 * 86_400_000;
/// Shortest epoch, in milliseconds.
pub const EPOCH_INTERVAL_MS_MIN: u64 = 5;
/// Longest epoch, in milliseconds: with the slowest batch it must stay below half of the transaction time-out, which
/// is a minute where brokers have not been told otherwise.
pub const EPOCH_INTERVAL_MS_MAX: u64 = 20_000;
/// An epoch's default length, in milliseconds.
pub const EPOCH_INTERVAL_MS_DEFAULT: u64 = 1_000;
/// Default of the uncommitted state changes, in bytes.
pub const OVERLAY_BYTES_DEFAULT: usize = 64 << 20;
/// Bounds of the uncommitted state changes, in bytes.
pub const OVERLAY_BYTES_RANGE: std::ops::RangeInclusive<usize> = 1 << 20..=1 << 30;
/// Default memory of the RocksDB store, in bytes.
pub const ROCKSDB_BYTES_DEFAULT: usize = 64 << 20;
/// Bounds of the memory of the RocksDB store, in bytes.
pub const ROCKSDB_BYTES_RANGE: std::ops::RangeInclusive<usize> = 8 << 20..=64 << 30;
/// First time that is no longer accepted unless the spec says otherwise: 2100-01-01, in milliseconds since 1970.
pub const TIME_MS_MAX_DEFAULT: i64 = 4_102_444_800_000;
