//! Runs jobs: modules into the sandbox, a thread per shard, shards placed by the log's membership. On Kafka, or on the
//! embedded log for files and `--dev`.
#![forbid(unsafe_code)]

mod at_rest;
mod backend;
mod budget;
mod check;
mod data_dir;
mod deployment;
mod error;
mod event;
mod files;
mod gate;
mod hot;
mod job;
mod json_lines;
mod lag;
mod layout;
pub mod letters;
mod memory;
mod meter;
mod metered;
mod parking;
mod run;
mod shard;
mod store;
mod supervisor;
mod switch;
pub mod trial;

pub use backend::{connect, connect_to};
pub use budget::{Budget, Limits, Spent};
pub use check::{Checked, Silent, check, check_on};
pub use data_dir::DataDir;
pub use deployment::{Deployment, Slot, Summary};
pub use error::{Error, Kind, Result};
pub use event::{Event, Level, Observer};
pub use gate::Gate;
pub use hot::HotKey;
pub use job::Job;
pub use lag::{Lag, lag, lag_on};
pub use layout::{changelog, members, requeue as requeue_group};
pub use memory::memory_bytes_max;
pub use meter::{Figures, Histogram, LastEpoch, OperatorFigures, SECONDS};
pub use parking::{Parking, Watcher};
pub use run::{DevInput, Options, run, run_on};
pub use sluicebox_core::embedded::EmbeddedLog;
