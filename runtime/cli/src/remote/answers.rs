//! The parts of a host's answers that are shown to people. What else is in them passes through `--output json` as it came,
//! so a newer host loses nothing to an older client. What the fields mean is in the host's OpenAPI document.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who one is.
#[derive(Deserialize)]
pub struct Whoami {
    pub token_id: String,
    pub name: String,
    pub tenant: Option<String>,
    pub scopes: Vec<String>,
    pub expires_ms: Option<i64>,
}

/// A module.
#[derive(Deserialize)]
pub struct Module {
    pub name: String,
    pub versions: Vec<ModuleVersion>,
}

/// A version of a module.
#[derive(Deserialize)]
pub struct ModuleVersion {
    pub name: String,
    pub version: u32,
    pub digest: String,
    pub size_bytes: u64,
    pub exports: Vec<String>,
    pub imports: Vec<String>,
    pub pushed_ms: i64,
    pub pushed_by: String,
}

/// A job.
#[derive(Deserialize)]
pub struct Job {
    pub job: String,
    pub desired: String,
    pub version: u32,
    pub status: Option<Status>,
    #[serde(default)]
    pub hosts: Vec<JobHost>,
    pub versions: Vec<JobVersion>,
}

/// What a host says of a job.
#[derive(Clone, Debug, Deserialize)]
pub struct JobHost {
    pub host: String,
    pub url: Option<String>,
    pub unreached: Option<String>,
}

/// A host.
#[derive(Deserialize)]
pub struct Host {
    pub id: String,
    pub url: Option<String>,
    pub version: String,
    pub started_ms: i64,
    pub this: bool,
}

/// A version of a job.
#[derive(Deserialize)]
pub struct JobVersion {
    pub version: u32,
    pub deployed_ms: i64,
    pub deployed_by: String,
    pub rollback_of: Option<u32>,
    pub modules: BTreeMap<String, String>,
}

/// What hosts run of a job.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Status {
    pub state: String,
    pub version: Option<u32>,
    pub message: Option<String>,
    pub shards: Vec<Shard>,
}

/// What a host runs of a shard.
#[derive(Clone, Debug, Deserialize)]
pub struct Shard {
    pub shard: i32,
    pub host: Option<String>,
    pub state: String,
    pub message: Option<String>,
    pub epoch: u64,
    pub watermarks: BTreeMap<String, i64>,
    #[serde(default)]
    pub hot_keys: Vec<HotKey>,
}

/// A key that many records have.
#[derive(Clone, Debug, Deserialize)]
pub struct HotKey {
    pub key: String,
    pub percent: u32,
}

/// What became of a deployment.
#[derive(Deserialize)]
pub struct Deployed {
    pub job: String,
    pub version: u32,
    pub dry_run: bool,
    pub changes: Vec<String>,
    pub diff: String,
}

/// A line of a log, or how many are missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LogLine {
    pub missed: Option<u64>,
    pub at_ms: i64,
    pub host: String,
    pub shard: Option<i32>,
    pub operator: Option<String>,
    pub level: String,
    pub text: String,
}

/// Dead letters of a job.
#[derive(Deserialize)]
pub struct DeadLetters {
    pub letters: Vec<DeadLetter>,
    pub count: u64,
    pub more: bool,
}

/// A dead letter.
#[derive(Deserialize)]
pub struct DeadLetter {
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: i64,
    pub operator: String,
    pub error: String,
    pub source_partition: i32,
    pub source_offset: Option<i64>,
    pub window_end_ms: Option<i64>,
    pub key: Option<DeadLetterField>,
    pub value: Option<DeadLetterField>,
}

/// The beginning of a key or value.
#[derive(Deserialize)]
pub struct DeadLetterField {
    pub text: Option<String>,
    pub bytes: usize,
}

/// What became of dead letters.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Requeued {
    pub topic: String,
    pub requeued: BTreeMap<String, u64>,
    pub duplicates: u64,
    pub gone: u64,
    pub windows: u64,
    pub foreign: u64,
    pub until: BTreeMap<String, i64>,
    pub done: bool,
}

/// A tenant.
#[derive(Deserialize)]
pub struct Tenant {
    pub name: String,
    pub created_ms: i64,
    pub disabled: bool,
    pub policy: Policy,
    pub quotas: serde_json::Map<String, serde_json::Value>,
    pub modules: u64,
    pub jobs: u64,
    /// On the host that was asked; none if nothing ran there.
    pub used: Option<Used>,
}

/// What a tenant has used on a host since the host started.
#[derive(Deserialize)]
pub struct Used {
    pub cpu_ms: u64,
    pub records: u64,
    pub bytes: u64,
    pub throttled_ms: u64,
    pub state_bytes: u64,
}

/// What a tenant's jobs may touch.
#[derive(Deserialize)]
pub struct Policy {
    pub read: Vec<String>,
    pub write: Vec<String>,
    pub groups: Vec<String>,
    pub connections: Vec<String>,
}

/// A token, as far as it is known after it was made.
#[derive(Deserialize)]
pub struct Token {
    pub id: String,
    /// All of it: in the answer that made it only.
    pub token: Option<String>,
    pub name: String,
    pub scopes: Vec<String>,
    pub expires_ms: Option<i64>,
    pub revoked: bool,
}
