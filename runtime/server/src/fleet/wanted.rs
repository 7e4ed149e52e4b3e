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

/// All jobs of the catalog. Those of a disabled tenant are not to run. `None`: a newer host wrote the spec, and this one can't
/// read it. Such a job is there all the same, for other hosts to run.
pub fn all(catalog: &Catalog) -> BTreeMap<JobId, Option<Wanted>> {
    let mut all = BTreeMap::new();
    for (tenant, owner) in &catalog.tenants {
        for (name, job) in &owner.jobs {
            let id = JobId {
                tenant: tenant.clone(),
                job: name.clone(),
                uid: job.uid,
            };
            let read = job
                .current()
                .and_then(|v| Some((v, JobSpec::parse(&v.spec, &|_| None).ok()?)));
            let wanted = read.map(|(version, spec)| Wanted {
                id: id.clone(),
                version: job.current,
                revision: version.revision,
                since: job.desired_revision,
                runs: job.desired == Desired::Running && !owner.disabled,
                spec,
                instance_memory_bytes_max: memory(&owner.quotas),
                modules: version.modules.clone(),
            });
            all.insert(id, wanted);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_catalog::{Job, JobVersion, Policy, Tenant};

    const SPEC: &str = "apiVersion: sluicebox/v1\njob: copy\nsource: { kafka: { topic: a, start: latest } }\nsink: { kafka: { topic: b } }\n";

    fn job(uid: u64, spec: &str) -> Job {
        let version = JobVersion {
            spec: spec.to_owned(),
            modules: BTreeMap::new(),
            plan_hash: "0".to_owned(),
            revision: uid,
            deployed_ms: 0,
            deployed_by: "host".to_owned(),
            rollback_of: None,
        };
        Job {
            uid,
            desired: Desired::Running,
            desired_revision: uid,
            current: 1,
            versions: [(1, version)].into(),
        }
    }

    /// Taken for a deleted one, its state in Kafka would be deleted, while newer hosts run it.
    #[test]
    fn a_job_that_a_newer_host_wrote_is_there_and_not_for_this_host() {
        let newer = format!("{SPEC}key_of_the_future: 1\n");
        let jobs = [("copy", job(1, SPEC)), ("newer", job(2, &newer))];
        let tenant = Tenant {
            created_ms: 0,
            disabled: false,
            policy: Policy::default(),
            quotas: Quotas::default(),
            modules: BTreeMap::new(),
            jobs: jobs.map(|(name, job)| (name.to_owned(), job)).into(),
        };
        let catalog = Catalog {
            tenants: [("shop".to_owned(), tenant)].into(),
            ..Catalog::default()
        };
        let all = all(&catalog);
        let found: Vec<_> = all
            .iter()
            .map(|(id, wanted)| (id.uid, wanted.as_ref().map(|wanted| wanted.runs)))
            .collect();
        assert_eq!(found, [(1, Some(true)), (2, None)]);
    }
}
