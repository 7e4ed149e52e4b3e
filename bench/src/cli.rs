//! The command line of the bench.
use crate::latency::Pace;
use crate::runner::Who;
use crate::twin::{Job, Task};
use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// How the result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table.
    Text,
    /// All runs, medians and ratios.
    Json,
}

/// Measure sluicebox beside native Rust, on a real Kafka broker.
///
/// Without a subcommand: raw consume, the stateless and the windowed job, by a native twin and by sluicebox.
/// Every output is compared with the truth; a difference ends the bench with exit code 1.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench --rounds 5 --output json\n  cargo xtask bench latency --epochs-ms 100,20\n  cargo xtask bench --brokers 127.0.0.1:9092 recovery"
)]
pub struct Bench {
    /// What to measure.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// An existing broker, HOST:PORT. Without it one is started and wiped.
    #[arg(long, global = true)]
    pub brokers: Option<String>,
    /// Records of the input.
    #[arg(long, global = true, default_value_t = 5_000_000)]
    pub records: u64,
    /// Topic of the input; written if it is not there. [default: bench-events-RECORDS]
    #[arg(long, global = true)]
    pub topic: Option<String>,
    /// Rounds; contestants take turns, medians are shown.
    #[arg(long, global = true, default_value_t = 1)]
    pub rounds: u32,
    /// Length of an epoch, in milliseconds.
    #[arg(long, global = true, default_value_t = 1_000)]
    pub epoch_ms: u64,
    /// Only this contestant.
    #[arg(long, global = true, value_enum)]
    pub only: Option<Who>,
    /// Only this job.
    #[arg(long, global = true, value_enum)]
    pub only_job: Option<Job>,
    /// The sluicebox binary. [default: the one built beside this program]
    #[arg(long, global = true)]
    pub engine: Option<PathBuf>,
    /// Folder of the bench's Wasm modules. [default: `guests` of the target folder]
    #[arg(long, global = true)]
    pub guests: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// What to measure, and the tools it is made of.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Raw consume and both jobs: records/s, CPU seconds per million, peak memory, ratios (the default).
    Jobs,
    /// Produce → visible to a reader of committed records, at a fixed pace.
    Latency(Pace),
    /// kill -9 at half of the input, the same command again at once.
    Recovery,
    /// A host's API under load: from an upload to a running job, and the pause of an upgrade.
    #[cfg(feature = "broker")]
    Upgrade(crate::upgrade::Plan),
    /// Jobs, latency and recovery.
    All,
    /// Only write the input.
    Generate {
        /// Write its parameters to this file, as the peers' bench reads them.
        #[arg(long)]
        meta: Option<PathBuf>,
    },
    /// Compare an output topic with the truth.
    Verify {
        /// What the output is of.
        #[arg(long, value_enum)]
        job: Job,
        /// The topic.
        #[arg(long)]
        out: String,
    },
    /// Run a native twin.
    Twin(Task),
    /// Read a topic to its end.
    Consume {
        /// The topic.
        #[arg(long)]
        input: String,
    },
}

impl Bench {
    /// The input's topic.
    pub fn topic(&self) -> String {
        self.topic
            .clone()
            .unwrap_or_else(|| format!("bench-events-{}", self.records))
    }

    /// Contestants.
    pub fn who(&self) -> Vec<Who> {
        self.only
            .map_or_else(|| vec![Who::Twin, Who::Ours], |who| vec![who])
    }

    /// Jobs.
    pub fn jobs(&self) -> Vec<Job> {
        self.only_job
            .map_or_else(|| vec![Job::Stateless, Job::Windowed], |job| vec![job])
    }

    /// The engine's binary.
    pub fn engine(&self) -> Result<PathBuf> {
        Ok(self.engine.clone().unwrap_or(beside()?.join("sluicebox")))
    }

    /// The modules' folder.
    pub fn guests(&self) -> Result<PathBuf> {
        Ok(self.guests.clone().unwrap_or(beside()?.join("../guests")))
    }
}

/// The folder of this program: `release` of the target folder.
fn beside() -> Result<PathBuf> {
    let me = std::env::current_exe().context("this program can't find itself")?;
    Ok(me
        .parent()
        .context("this program has no folder")?
        .to_owned())
}
