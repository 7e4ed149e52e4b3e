//! The port between the API and the data plane. The API asks, on threads where blocking does no harm; what should run
//! the data plane reads from the catalog itself, so nothing here starts or stops a job.

use crate::logs::Logs;
use axum::body::Bytes;
use serde::Serialize;
use sluicebox_catalog::Quotas;
use sluicebox_core::ledger::Account;
use sluicebox_core::spec::JobSpec;
use sluicebox_wasm::ModuleError;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub use sluicebox_host::Lag;

/// The data plane of this host.
pub trait Fleet: Send + Sync + 'static {
    /// Check a module and compile it, within what the tenant's quotas allow.
    fn inspect(&self, wasm: &[u8], quotas: &Quotas) -> Result<Inspected, InspectError>;

    /// Check a job without running it: that its modules have the interfaces and take their config, and that its topics
    /// are there. [`sluicebox_host::Kind`] decides the answer: `Input` 422, `Halted` 409, `Failed` 503.
    fn check(&self, candidate: &Candidate<'_>) -> Result<Checked, sluicebox_host::Error>;

    /// What this host runs of a job; `None`: nothing.
    fn status(&self, tenant: &str, job: &str) -> Option<Status>;

    /// How far a job is behind, whichever host runs it.
    fn lag(&self, tenant: &str, job: &str) -> Result<Vec<Lag>, sluicebox_host::Error>;

    /// The log of a job on this host; `None`: it has none yet.
    fn logs(&self, tenant: &str, job: &str) -> Option<Logs>;

    /// Whether jobs can run: connections to Kafka were made.
    fn ready(&self) -> bool;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
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

/// How a job or a shard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It is being started.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShardStatus {
    /// Its number.
    pub shard: i32,
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
    /// Watermark of each source partition, in milliseconds since 1970.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub watermarks: BTreeMap<i32, i64>,
    /// Where the rows of each operator went since the job began.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, u64>>)]
    pub ledger: BTreeMap<String, Account>,
}
