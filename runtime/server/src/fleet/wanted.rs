//! What the catalog wants to run. Pure.

use crate::policy;
use sluicebox_catalog::{Catalog, Desired, Quotas, Tenant};
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
    /// Why it must not, though its users want it.
    pub denied: Option<String>,
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

/// All jobs of the catalog. Those of a disabled tenant are not to run, nor those that touch what their tenant may touch no
/// more; `connection` answers the name of a spec's connection. `None`: a newer host wrote the spec, and this one can't read it.
/// Such a job is there all the same, for other hosts to run.
pub fn all(
    catalog: &Catalog,
    connection: &dyn Fn(&JobSpec) -> Option<String>,
) -> BTreeMap<JobId, Option<Wanted>> {
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
            let wanted = read.map(|(version, spec)| {
                let runs = job.desired == Desired::Running && !owner.disabled;
                let denied = denied(owner, &spec, connection).filter(|_| runs);
                Wanted {
                    id: id.clone(),
                    version: job.current,
                    revision: version.revision,
                    since: job.desired_revision,
                    runs: runs && denied.is_none(),
                    denied,
                    spec,
                    instance_memory_bytes_max: memory(&owner.quotas),
                    modules: version.modules.clone(),
                }
            });
            all.insert(id, wanted);
        }
    }
    all
}

/// A connection that this host does not have is not the policy's matter.
fn denied(
    owner: &Tenant,
    spec: &JobSpec,
    connection: &dyn Fn(&JobSpec) -> Option<String>,
) -> Option<String> {
    let what = policy::refused(&owner.policy, spec, &connection(spec)?)?;
    Some(format!(
        "this tenant's jobs may not {what} any more: {}; the job goes on from its last commit then",
        policy::HELP
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_catalog::{Job, JobVersion, Pattern, Policy};

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

    fn catalog(policy: Policy, jobs: Vec<(&str, Job)>) -> Catalog {
        let jobs = jobs.into_iter().map(|(name, job)| (name.to_owned(), job));
        let tenant = Tenant {
            created_ms: 0,
            disabled: false,
            policy,
            quotas: Quotas::default(),
            modules: BTreeMap::new(),
            jobs: jobs.collect(),
        };
        Catalog {
            tenants: [("shop".to_owned(), tenant)].into(),
            ..Catalog::default()
        }
    }

    fn policy(read: &str, write: &str) -> Policy {
        let pattern = |text: &str| vec![Pattern::parse(text).expect("a pattern")];
        Policy {
            read: pattern(read),
            write: pattern(write),
            ..Policy::default()
        }
    }

    /// Taken for a deleted one, its state in Kafka would be deleted, while newer hosts run it.
    #[test]
    fn a_job_that_a_newer_host_wrote_is_there_and_not_for_this_host() {
        let newer = format!("{SPEC}key_of_the_future: 1\n");
        let jobs = vec![("copy", job(1, SPEC)), ("newer", job(2, &newer))];
        let all = all(&catalog(policy("*", "*"), jobs), &|_| {
            Some("main".to_owned())
        });
        let found: Vec<_> = all
            .iter()
            .map(|(id, wanted)| (id.uid, wanted.as_ref().map(|wanted| wanted.runs)))
            .collect();
        assert_eq!(found, [(1, Some(true)), (2, None)]);
    }

    #[test]
    fn what_a_policy_takes_away_stops_the_jobs_that_run_and_no_others() {
        let denied = |policy: Policy, desired: Desired| {
            let mut job = job(1, SPEC);
            job.desired = desired;
            let catalog = catalog(policy, vec![("copy", job)]);
            let all = all(&catalog, &|_| Some("main".to_owned()));
            let (_, wanted) = all.into_iter().next().expect("a job");
            let wanted = wanted.expect("it can be read");
            (wanted.runs, wanted.denied)
        };
        let all = policy("a", "b");
        assert_eq!(denied(all, Desired::Running), (true, None));
        let nothing = || policy("c", "c");
        let (runs, why) = denied(nothing(), Desired::Running);
        assert!(!runs);
        insta::assert_snapshot!(why.unwrap_or_default(), @"this tenant's jobs may not read topic `a`, nor write to topic `b` any more: whoever runs the installation can change the tenant's policy; the job goes on from its last commit then");
        assert_eq!(denied(nothing(), Desired::Paused), (false, None));
    }
}
