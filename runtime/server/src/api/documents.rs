//! The parts of bodies that are the catalog's own types, once more for the OpenAPI document: the catalog knows nothing of
//! HTTP. A test compares the fields.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// What a tenant's jobs may touch in Kafka. Nothing that is not listed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Policy)]
#[allow(dead_code, reason = "only its shape is used")]
pub struct PolicyDocument {
    /// Topics that its jobs may read: names, or prefixes that end in `*`.
    #[schema(example = json!(["orders", "shop.*"]))]
    read: Option<Vec<String>>,
    /// Topics that its jobs may write.
    write: Option<Vec<String>>,
    /// Consumer groups whose offsets its jobs may use.
    groups: Option<Vec<String>>,
    /// Names of the host's Kafka connections that its jobs may use; empty: all.
    connections: Option<Vec<String>>,
}

/// How much a tenant may have and use.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Quotas)]
#[allow(dead_code, reason = "only its shape is used")]
pub struct QuotasDocument {
    /// Modules that have versions.
    modules_max: Option<u32>,
    /// Jobs, stopped ones too.
    jobs_max: Option<u32>,
    /// Size of an uploaded module, in bytes.
    module_bytes_max: Option<u64>,
    /// Memory of one instance of a module, in bytes.
    instance_memory_bytes_max: Option<u64>,
    /// CPU time of all jobs on one host, in percent of one core.
    cpu_percent_max: Option<u32>,
    /// Records that all jobs read on one host.
    records_per_second_max: Option<u64>,
    /// Bytes that all jobs read and write on one host.
    bytes_per_second_max: Option<u64>,
    /// State of all jobs on one host, in bytes.
    state_bytes_max: Option<u64>,
    /// Memory that the specs of all jobs allow their state on one host, in bytes.
    memory_bytes_max: Option<u64>,
}

/// What a token allows.
#[derive(ToSchema)]
#[schema(as = Scope, rename_all = "snake_case")]
#[allow(dead_code, reason = "only its shape is used")]
pub enum ScopeDocument {
    /// Everything, tenants and tokens too. Only for the whole installation.
    Admin,
    /// Change jobs, and look.
    Deploy,
    /// Change modules, and look.
    Push,
    /// Look.
    View,
}

/// What users want of a job.
#[derive(ToSchema)]
#[schema(as = Desired, rename_all = "snake_case")]
#[allow(dead_code, reason = "only its shape is used")]
pub enum DesiredDocument {
    /// It processes records.
    Running,
    /// It does not, for a while.
    Paused,
    /// It does not, and may be deleted.
    Stopped,
}

/// `/tenants/{tenant}`.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "only its shape is used")]
pub struct TenantPath {
    /// Name of a tenant.
    tenant: String,
}

/// `/tokens/{id}`.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "only its shape is used")]
pub struct TokenPath {
    /// Id of a token: its public part.
    id: String,
}

/// `/modules/{name}`.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "only its shape is used")]
pub struct ModulePath {
    /// Name of a module.
    name: String,
}

/// `/jobs/{job}`.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "only its shape is used")]
pub struct JobPath {
    /// Name of a job.
    job: String,
}

/// `/{version}`.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "only its shape is used")]
pub struct VersionPath {
    /// Number of a version.
    version: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_catalog::{Policy, Quotas};

    #[test]
    fn the_documents_have_the_fields_of_what_they_stand_for() {
        let policy = serde_json::to_value(Policy::default()).expect("JSON");
        let quotas = serde_json::to_value(Quotas::default()).expect("JSON");
        assert!(serde_json::from_value::<PolicyDocument>(policy).is_ok());
        assert!(serde_json::from_value::<QuotasDocument>(quotas).is_ok());
    }
}
