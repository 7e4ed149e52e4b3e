//! Runs jobs: a thread per shard, placed by the log's membership.
