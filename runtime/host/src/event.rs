//! What a running job tells: to the terminal now, to logs and metrics later.

use crate::meter::Figures;
use sluicebox_core::shard::Progress;
pub use sluicebox_wasm::Level;
use std::time::Duration;

/// Something happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A shard is recovered and processes.
    Started {
        /// Which.
        shard: i32,
        /// Last committed epoch.
        epoch: u64,
        /// What connecting and recovering took.
        took: Duration,
    },
    /// A shard goes on with another version of the job, with all it has.
    Switched {
        /// Which.
        shard: i32,
        /// Last committed epoch: the last of the version before.
        epoch: u64,
    },
    /// A shard has nothing to do, and waits for records without a thread of its own.
    Parked {
        /// Which.
        shard: i32,
    },
    /// A shard was stopped; what it had committed stays.
    Stopped {
        /// Which.
        shard: i32,
    },
    /// A shard starts over from its last commit after a while.
    Restarting {
        /// Which.
        shard: i32,
        /// Why.
        why: &'a str,
        /// How long until then, in milliseconds.
        wait_ms: u64,
    },
    /// Something to know: a poisonous record was found.
    Note {
        /// Which shard.
        shard: i32,
        /// What.
        text: &'a str,
    },
    /// A line that a module logged.
    ModuleLog {
        /// Operator's id.
        operator: &'a str,
        /// How important.
        level: Level,
        /// The line, already shortened and without control characters.
        text: &'a str,
    },
    /// Where a shard is; after each commit, and now and then between.
    Progress {
        /// Which.
        shard: i32,
        /// Where.
        progress: &'a Progress,
        /// What it has done since it started here, and what that took.
        figures: &'a Figures,
    },
}

/// Gets the events of a job, from several threads.
pub trait Observer: Send + Sync {
    /// Something happened. Must not block for long: shards wait.
    fn event(&self, event: Event<'_>);
}
