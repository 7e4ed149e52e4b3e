//! The ways in which a catalog can change, and the object that says so.

use crate::access::Token;
use crate::policy::Policy;
use crate::quotas::Quotas;
use crate::state::Desired;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of revisions and checkpoints. Any new field or change needs another one: an older program must refuse what it
/// would only half understand.
pub const FORMAT: u32 = 1;

/// One step of the catalog: one JSON object, written once and never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// [`FORMAT`].
    pub format: u32,
    /// Its number, from 1 without gaps.
    pub revision: u64,
    /// When it was made, in milliseconds since 1970, by the clock of whoever made it.
    pub at_ms: i64,
    /// Who asked for it: the id of a token, or `host`.
    pub by: String,
    /// Which try of which open [`crate::Store`] wrote it, different for each: two writers may want the very same
    /// change, and when the answer to a put is lost, only this tells whose is there.
    pub writer: String,
    /// What changes.
    pub change: Change,
}

/// What changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// A tenant begins.
    TenantCreated {
        /// Its name.
        tenant: String,
        /// What its jobs may touch.
        policy: Policy,
        /// How much it may have.
        quotas: Quotas,
    },
    /// What a tenant is granted changes as a whole.
    TenantChanged {
        /// Its name.
        tenant: String,
        /// What its jobs may touch from now on.
        policy: Policy,
        /// How much it may have from now on; what it has already stays.
        quotas: Quotas,
        /// Whether its tokens are refused and its jobs stand.
        disabled: bool,
    },
    /// A token begins.
    TokenCreated {
        /// Its public part.
        id: String,
        /// What it allows.
        token: Token,
    },
    /// A token ends, for good.
    TokenRevoked {
        /// Its public part.
        id: String,
    },
    /// A version of a module begins; its bytes were stored before.
    ModulePushed {
        /// Whose it is.
        tenant: String,
        /// Its name.
        name: String,
        /// Its number: [`crate::Catalog::next_version`], or a larger one.
        version: u32,
        /// SHA-256 of its bytes, in hexadecimal.
        digest: String,
        /// Its size in bytes.
        size_bytes: u64,
        /// The interfaces it implements.
        exports: Vec<String>,
        /// The interfaces it asks for.
        imports: Vec<String>,
    },
    /// A version of a module that no job refers to ends.
    ModuleDeleted {
        /// Whose it is.
        tenant: String,
        /// Its name.
        name: String,
        /// Its number.
        version: u32,
    },
    /// A job begins (running), or has a new version; then what is desired of it stays as it is.
    JobDeployed {
        /// Whose it is.
        tenant: String,
        /// Its name.
        job: String,
        /// The YAML, variables replaced.
        spec: String,
        /// The digests of its modules, by `tenant/name@version`.
        modules: BTreeMap<String, String>,
        /// Hash of what is computed, in hexadecimal.
        plan_hash: String,
        /// The kept version that this one repeats: spec, modules and plan hash are the same.
        rollback_of: Option<u32>,
    },
    /// Users want something else of a job.
    JobDesired {
        /// Whose it is.
        tenant: String,
        /// Its name.
        job: String,
        /// What they want.
        desired: Desired,
    },
    /// A stopped job ends.
    JobDeleted {
        /// Whose it is.
        tenant: String,
        /// Its name.
        job: String,
    },
}
