//! Membership in the group that shares a job's shards.
