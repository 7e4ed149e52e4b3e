//! What the catalog holds. Plain data: the rules are in `apply`, what must always hold in `invariants`.

use crate::access::Token;
use crate::policy::Policy;
use crate::quotas::Quotas;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything an installation has, as of one revision. Serialized, it is the content of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Number of the last revision in it; 0 where there was none.
    pub revision: u64,
    /// By name.
    pub tenants: BTreeMap<String, Tenant>,
    /// By id.
    pub tokens: BTreeMap<String, Token>,
}

/// Whoever shares the installation, apart from the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// When it was created, in milliseconds since 1970.
    pub created_ms: i64,
    /// Its tokens are refused and its jobs do not run.
    pub disabled: bool,
    /// What its jobs may touch.
    pub policy: Policy,
    /// How much it may have and use.
    pub quotas: Quotas,
    /// By name. A module without versions stays: its version numbers are used up.
    pub modules: BTreeMap<String, Module>,
    /// By name.
    pub jobs: BTreeMap<String, Job>,
}

/// A name for modules that follow each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// The lowest number that was never given: `name@version` never means two things, even after a deletion.
    pub next_version: u32,
    /// By number.
    pub versions: BTreeMap<u32, ModuleVersion>,
}

/// One uploaded component. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleVersion {
    /// SHA-256 of its bytes, in hexadecimal: where they are kept.
    pub digest: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The interfaces it implements.
    pub exports: Vec<String>,
    /// The interfaces it asks for.
    pub imports: Vec<String>,
    /// When it was pushed, in milliseconds since 1970.
    pub pushed_ms: i64,
    /// Who pushed it: the id of a token, or `host`.
    pub pushed_by: String,
}

/// A pipeline that is to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The revision that created it. It names the job's topics and ids in Kafka, so a job that is deleted and created again
    /// under the same name does not meet what the first one left behind.
    pub uid: u64,
    /// What its users want of it.
    pub desired: Desired,
    /// The revision that last said so. Where a job has halted, saying it again is what starts it.
    pub desired_revision: u64,
    /// The version to run: always the newest; a rollback makes a new one.
    pub current: u32,
    /// By number, from 1. The oldest are forgotten.
    pub versions: BTreeMap<u32, JobVersion>,
}

/// What users want of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    /// It processes records.
    Running,
    /// It does not, for a while.
    Paused,
    /// It does not, and may be deleted.
    Stopped,
}

/// What was deployed once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobVersion {
    /// The YAML as deployed, variables replaced.
    pub spec: String,
    /// The digests of its modules, by `tenant/name@version`.
    pub modules: BTreeMap<String, String>,
    /// Hash of what is computed, in hexadecimal.
    pub plan_hash: String,
    /// The revision that deployed it.
    pub revision: u64,
    /// When that was, in milliseconds since 1970.
    pub deployed_ms: i64,
    /// Who it was: the id of a token, or `host`.
    pub deployed_by: String,
    /// The version that this one repeats.
    pub rollback_of: Option<u32>,
}

impl Job {
    /// The version to run.
    pub fn current(&self) -> Option<&JobVersion> {
        self.versions.get(&self.current)
    }
}
