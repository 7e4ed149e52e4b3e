//! What the catalog wants to run. Pure.

use sluicebox_catalog::{Catalog, Desired, Quotas};
use sluicebox_core::spec::JobSpec;
use std::collections::BTreeMap;

/// Which job, whatever its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId {
    /// Whose it is.
    pub tenant: String,
    /// Its name.
    pub job: String,
    /// Keeps it apart from a deleted one of its name.
    pub uid: u64,
}

/// A job of the catalog, as it should be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which.
    pub id: JobId,
    /// The version to run.
    pub version: u32,
    /// Revision that deployed it.
    pub revision: u64,
    /// Revision of the last wish: a repeated one starts a halted job again.
    pub since: u64,
    /// Whether it is to run at all.
    pub runs: bool,
    /// What it is.
    pub spec: JobSpec,
    /// Most memory of an instance, in bytes.
    pub instance_memory_bytes_max: usize,
    /// Digest of each module, by its full name.
    pub modules: BTreeMap<String, String>,
}

impl Wanted {
    /// Whether nothing has to be done to get from one to the other.
    pub fn same(&self, other: &Self) -> bool {
        (self.version, self.since) == (other.version, other.since)
    }
}

/// Most memory that a tenant's instances may have, in bytes.
pub fn memory(quotas: &Quotas) -> usize {
    usize::try_from(quotas.instance_memory_bytes_max).unwrap_or(usize::MAX)
}

/// All jobs of the catalog. Those of a disabled tenant are not to run.
pub fn all(catalog: &Catalog) -> BTreeMap<JobId, Wanted> {
    let mut all = BTreeMap::new();
    for (tenant, owner) in &catalog.tenants {
        for (name, job) in &owner.jobs {
            // What was deployed was read before; what a newer host wrote and this one can't read is left alone.
            let Some((version, spec)) = job
                .current()
                .and_then(|v| Some((v, JobSpec::parse(&v.spec, &|_| None).ok()?)))
            else {
                continue;
            };
            let id = JobId {
                tenant: tenant.clone(),
                job: name.clone(),
                uid: job.uid,
            };
            let wanted = Wanted {
                id: id.clone(),
                version: job.current,
                revision: version.revision,
                since: job.desired_revision,
                runs: job.desired == Desired::Running && !owner.disabled,
                spec,
                instance_memory_bytes_max: memory(&owner.quotas),
                modules: version.modules.clone(),
            };
            all.insert(id, wanted);
        }
    }
    all
}
