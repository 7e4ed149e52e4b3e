//! The semantics of the shard loop, proven from outside: real shards on the embedded log, with a test's own modules,
//! against a model that processes one record after the other and shares no code with what it judges.

#![expect(clippy::unwrap_used, reason = "in helpers of tests, too")]

mod failpoints;
mod faults;
mod fire;
mod formats;
mod job;
mod limits;
mod model;
mod owners;
mod poison;
mod policies;
mod properties;
mod recovery;
mod rig;
mod switches;
mod tap;
mod udf;
mod windows;
