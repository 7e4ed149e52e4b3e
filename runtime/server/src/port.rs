//! The port between the API and the data plane. The API asks, on threads where blocking does no harm; what should run
//! the data plane reads from the catalog itself, so nothing here starts or stops a job.

use crate::logs::Logs;
use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use sluicebox_catalog::Quotas;
use sluicebox_core::ledger::Account;
use sluicebox_core::spec::JobSpec;
use sluicebox_host::letters::{Listed, Requeue, Requeued, Which};
use sluicebox_host::{Figures, HotKey, OperatorFigures, Spent};
use sluicebox_wasm::ModuleError;
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::ToSchema;

pub use sluicebox_host::Lag;

/// The data plane of this host.
pub trait Fleet: Send + Sync + 'static {
    /// Check a module and compile it, within what the tenant's quotas allow.
    fn inspect(&self, wasm: &[u8], quotas: &Quotas) -> Result<Inspected, InspectError>;

    /// Check a job without running it: that its modules have the interfaces and take their config, and that its topics
    /// are there. [`sluicebox_host::Kind`] decides the answer: `Input` 422, `Halted` 409, `Failed` 503.
    fn check(&self, candidate: &Candidate<'_>) -> Result<Checked, sluicebox_host::Error>;

    /// Check that the modules of a version can read the accumulators that those of another have written. The error is as
    /// of [`Fleet::check`]; Kafka is not asked.
    fn check_accumulators(
        &self,
        old: &Version<'_>,
        new: &Version<'_>,
    ) -> Result<(), sluicebox_host::Error> {
        let _ = (old, new);
        Ok(())
    }

    /// What this host runs of a job; `None`: nothing.
    fn status(&self, tenant: &str, job: &str) -> Option<Status>;

    /// How far a job is behind, whichever host runs it.
    fn lag(&self, tenant: &str, job: &str) -> Result<Vec<Lag>, sluicebox_host::Error>;

    /// Dead letters of a job, whichever host runs it.
    fn letters(
        &self,
        tenant: &str,
        job: &str,
        which: &Which,
    ) -> Result<Listed, sluicebox_host::Error>;

    /// Give the records of a job's dead letters back to its source.
    fn requeue(
        &self,
        tenant: &str,
        job: &str,
        wish: &Requeue,
    ) -> Result<Requeued, sluicebox_host::Error>;

    /// The log of a job on this host; `None`: it has none yet.
    fn logs(&self, tenant: &str, job: &str) -> Option<Logs>;

    /// Whether jobs can run: connections to Kafka were made.
    fn ready(&self) -> bool;

    /// What a tenant has used on this host; `None`: nothing ran yet.
    fn used(&self, tenant: &str) -> Option<Used> {
        let _ = tenant;
        None
    }

    /// Metrics in Prometheus' text format.
    fn metrics(&self) -> String {
        String::new()
    }
}

/// What is in a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub digest: String,
    /// The interfaces it implements.
    pub exports: Vec<String>,
    /// The interfaces it asks for.
    pub imports: Vec<String>,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// Why a module could not be inspected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// The module is at fault.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The host is.
    #[error(transparent)]
    Host(#[from] sluicebox_host::Error),
}

/// A job that somebody wants to deploy.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// Whose it is.
    pub tenant: &'a str,
    /// Its name.
    pub job: &'a str,
    /// The running job's uid; `None`: a new job.
    pub uid: Option<u64>,
    /// What it is.
    pub spec: &'a JobSpec,
    /// Name of the Kafka connection it uses.
    pub connection: &'a str,
    /// What its tenant may use.
    pub quotas: &'a Quotas,
    /// The module of each operator, in order.
    pub modules: &'a [CandidateModule],
}

/// A version of a job.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// What it is.
    pub spec: &'a JobSpec,
    /// The module of each operator, in order.
    pub modules: &'a [CandidateModule],
}

/// A module of a candidate.
#[derive(Clone, PartialEq, Eq)]
pub struct CandidateModule {
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub digest: String,
    /// The component.
    pub bytes: Bytes,
}

impl std::fmt::Debug for CandidateModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.digest)
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Hash of what is computed, in hexadecimal.
    pub plan_hash: String,
}

/// What this host runs of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Status {
    /// How the job is, as far as this host knows.
    pub state: RunState,
    /// The version that runs; it may lag behind the one that was deployed last.
    pub version: Option<u32>,
    /// Why it is so, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// This host's shards.
    pub shards: Vec<ShardStatus>,
}

/// What a tenant has used on this host since the host started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Used {
    /// CPU time of its shards, in milliseconds.
    pub cpu_ms: u64,
    /// Records that its jobs read.
    pub records: u64,
    /// Bytes that its jobs read and wrote.
    pub bytes: u64,
    /// Time that its shards were held back because a quota was used up, in milliseconds, of all shards together.
    pub throttled_ms: u64,
    /// Committed state that its jobs have now, in bytes.
    pub state_bytes: u64,
}

impl From<Spent> for Used {
    fn from(spent: Spent) -> Self {
        Self {
            cpu_ms: spent.cpu.as_millis() as u64,
            records: spent.records,
            bytes: spent.bytes,
            throttled_ms: spent.throttled.as_millis() as u64,
            state_bytes: spent.state_bytes,
        }
    }
}

/// How a job or a shard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It is being started.
    #[default]
    Starting,
    /// It processes.
    Running,
    /// It starts again after a fault, by itself.
    Restarting,
    /// It stands as it should: paused, stopped, or run by other hosts.
    Idle,
    /// It stands because somebody has to act.
    Halted,
}

/// How a shard is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ShardStatus {
    /// Its number.
    pub shard: i32,
    /// Id of the host that runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// How it is.
    pub state: RunState,
    /// Why, where it does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Last committed epoch.
    pub epoch: u64,
    /// Next offset of each source partition.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub positions: BTreeMap<i32, i64>,
    /// End of each source partition as of the last fetch from it.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub ends: BTreeMap<i32, i64>,
    /// Watermark of each source partition, in milliseconds since 1970.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub watermarks: BTreeMap<i32, i64>,
    /// Where the rows of each operator went since the job began.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, u64>>)]
    pub ledger: BTreeMap<String, Account>,
    /// Where its time went since it started on this host.
    pub times: Times,
    /// What its modules did since then, by operator.
    pub operators: BTreeMap<String, OperatorStatus>,
    /// Epochs committed since then.
    pub epochs: u64,
    /// The last of them.
    pub last_epoch: EpochStatus,
    /// About how many bytes its committed state takes.
    pub state_bytes: u64,
    /// Keys that many of its records had lately, the hottest first.
    pub hot_keys: Vec<HotKeyStatus>,
    /// Everything that was measured, for `/metrics`.
    #[serde(skip)]
    pub figures: Figures,
}

/// A key that many records have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct HotKeyStatus {
    /// Its beginning as text; bytes that are no UTF-8 are replaced.
    pub key: String,
    /// Its part of a shard's records, in percent.
    pub percent: u32,
}

impl From<&HotKey> for HotKeyStatus {
    fn from(hot: &HotKey) -> Self {
        Self {
            key: String::from_utf8_lossy(&hot.key).into_owned(),
            percent: (hot.share() * 100.0) as u32,
        }
    }
}

/// Where a shard's time went, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Times {
    /// At work.
    pub busy_ms: u64,
    /// Without records.
    pub idle_ms: u64,
    /// Waiting for brokers: for room in the queue, and for commits.
    pub back_pressured_ms: u64,
    /// Held back because the tenant has used up a quota.
    pub throttled_ms: u64,
    /// CPU time.
    pub cpu_ms: u64,
}

/// What an operator's module did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct OperatorStatus {
    /// Time in its calls, in milliseconds.
    pub busy_ms: u64,
    /// Calls.
    pub calls: u64,
    /// Rows that were handed to them.
    pub rows: u64,
    /// Calls that trapped.
    pub traps: u64,
    /// Memory that its instance takes, in bytes.
    pub memory_bytes: u64,
}

/// What an epoch took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct EpochStatus {
    /// From its first record to the end of its commit, in milliseconds.
    pub duration_ms: u64,
    /// Its commit alone, in milliseconds.
    pub commit_ms: u64,
    /// Records read.
    pub records: u64,
    /// Written to the changelog, in bytes.
    pub delta_bytes: u64,
}

impl ShardStatus {
    /// A shard of which nothing is known yet.
    pub fn unknown(shard: i32) -> Self {
        Self {
            shard,
            ..Self::default()
        }
    }

    /// How far each source partition's position is behind its end.
    pub fn lags(&self) -> impl Iterator<Item = (i32, i64)> {
        let known = self.ends.iter();
        known.filter_map(|(partition, end)| {
            let position = self.positions.get(partition)?;
            Some((*partition, (end - position).max(0)))
        })
    }

    /// Take over what was measured.
    pub fn measured(&mut self, figures: &Figures) {
        let ms = |time: Duration| time.as_millis() as u64;
        self.times = Times {
            busy_ms: ms(figures.busy),
            idle_ms: ms(figures.idle),
            back_pressured_ms: ms(figures.back_pressured),
            throttled_ms: ms(figures.throttled),
            cpu_ms: ms(figures.cpu),
        };
        let operator = |operator: &OperatorFigures| OperatorStatus {
            busy_ms: ms(operator.calls.sum),
            calls: operator.calls.count(),
            rows: operator.rows,
            traps: operator.traps,
            memory_bytes: operator.memory_bytes,
        };
        let operators = figures.operators.iter();
        self.operators = operators.map(|o| (o.id.clone(), operator(o))).collect();
        self.epochs = figures.epochs.count();
        self.last_epoch = EpochStatus {
            duration_ms: ms(figures.last_epoch.took),
            commit_ms: ms(figures.last_epoch.commit),
            records: figures.last_epoch.records,
            delta_bytes: figures.last_epoch.changelog_bytes,
        };
        self.state_bytes = figures.state_bytes;
        self.hot_keys = figures.hot_keys.iter().map(HotKeyStatus::from).collect();
        self.figures.clone_from(figures);
    }
}
