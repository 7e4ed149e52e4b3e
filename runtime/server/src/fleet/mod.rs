//! The data plane of this host: runs what the catalog wants to run, and nothing else. Which shards of a job run here the
//! job's members decide among themselves, so every host starts every job.

mod accumulators;
mod board;
mod budgets;
mod clusters;
mod local;
mod metrics;
mod parts;
mod spans;
mod topics;
mod wanted;
mod worker;

pub use clusters::{Clusters, Connect};
pub use local::Local;
pub use parts::{Parts, ReadModule};
