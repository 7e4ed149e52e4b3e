//! Jobs are deployed version by version, wanted in one state or another, and deleted when they stand still. A version
//! keeps what it needs to run again; only the newest ones are kept.

use super::check_name;
use crate::change::{Change, Revision};
use crate::digest::is_hex;
use crate::error::Refused;
use crate::limits::{JOB_HISTORY_BYTES_MAX, JOB_VERSIONS_MAX};
use crate::state::{Catalog, Desired, Job, JobVersion, Tenant};
use sluicebox_core::spec::limits::{OPERATORS_MAX, SPEC_BYTES_MAX};
use std::collections::BTreeMap;

/// Longest hash of a plan, in characters.
const PLAN_HASH_CHARS_MAX: usize = 64;
/// Or the current version would be forgotten, too.
const _: () = assert!(SPEC_BYTES_MAX <= JOB_HISTORY_BYTES_MAX);

pub(super) fn apply(catalog: &mut Catalog, revision: &Revision) -> Result<(), Refused> {
    match &revision.change {
        Change::JobDeployed {
            tenant,
            job,
            spec,
            modules,
            plan_hash,
            rollback_of,
        } => {
            let deployed = JobVersion {
                spec: spec.clone(),
                modules: modules.clone(),
                plan_hash: plan_hash.clone(),
                revision: revision.revision,
                deployed_ms: revision.at_ms,
                deployed_by: revision.by.clone(),
                rollback_of: *rollback_of,
            };
            deploy(catalog, tenant, job, deployed)
        }
        Change::JobDesired {
            tenant,
            job,
            desired,
        } => {
            catalog.job(tenant, job)?;
            if let Some(job) = catalog.tenant_mut(tenant)?.jobs.get_mut(job) {
                job.desired = *desired;
            }
            Ok(())
        }
        Change::JobDeleted { tenant, job } => {
            if catalog.job(tenant, job)?.desired != Desired::Stopped {
                return Err(Refused::conflict(format!(
                    "job `{tenant}/{job}` is not stopped: stop it first"
                )));
            }
            catalog.tenant_mut(tenant)?.jobs.remove(job);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn deploy(
    catalog: &mut Catalog,
    tenant_name: &str,
    name: &str,
    deployed: JobVersion,
) -> Result<(), Refused> {
    check_name("job", name)?;
    check_content(&deployed)?;
    check_modules(catalog, tenant_name, &deployed)?;
    if let Some(of) = deployed.rollback_of {
        check_rollback(catalog.job_version(tenant_name, name, of)?, &deployed, of)?;
    }
    let uid = deployed.revision;
    let tenant = catalog.tenant_mut(tenant_name)?;
    check_quota(tenant, name)?;
    let job = tenant.jobs.entry(name.to_owned()).or_insert(Job {
        uid,
        desired: Desired::Running,
        current: 0,
        versions: BTreeMap::new(),
    });
    job.current += 1;
    job.versions.insert(job.current, deployed);
    forget_oldest(&mut job.versions);
    Ok(())
}

fn check_content(deployed: &JobVersion) -> Result<(), Refused> {
    if !(1..=SPEC_BYTES_MAX).contains(&deployed.spec.len()) {
        return Err(Refused::invalid(format!(
            "the spec has {} bytes; specs have 1 to {SPEC_BYTES_MAX}",
            deployed.spec.len()
        )));
    }
    let hash = &deployed.plan_hash;
    if !(1..=PLAN_HASH_CHARS_MAX).contains(&hash.len()) || !is_hex(hash) {
        return Err(Refused::invalid(
            "the hash of a plan is written in lower-case hexadecimal",
        ));
    }
    if deployed.modules.len() > OPERATORS_MAX {
        return Err(Refused::invalid(format!(
            "the job refers to {} modules; it can have {OPERATORS_MAX} operators",
            deployed.modules.len()
        )));
    }
    Ok(())
}

/// A job runs its own tenant's modules only. Others' are missing to it, in the same words as what nobody has.
fn check_modules(catalog: &Catalog, tenant: &str, deployed: &JobVersion) -> Result<(), Refused> {
    catalog.tenant(tenant)?;
    for (reference, digest) in &deployed.modules {
        let found = own_module(reference, tenant)
            .and_then(|(name, version)| catalog.module_version(tenant, name, version).ok())
            .ok_or_else(|| Refused::missing(format!("module `{reference}`")))?;
        if found.digest != *digest {
            return Err(Refused::conflict(format!(
                "`{reference}` is not the module that was checked: deploy again"
            )));
        }
    }
    Ok(())
}

/// Name and version of `tenant/name@version`, written as this crate would write it.
pub(crate) fn own_module<'a>(reference: &'a str, tenant: &str) -> Option<(&'a str, u32)> {
    let (name, version) = reference
        .strip_prefix(tenant)?
        .strip_prefix('/')?
        .split_once('@')?;
    let number: u32 = version.parse().ok()?;
    (number.to_string() == version).then_some((name, number))
}

fn check_rollback(old: &JobVersion, deployed: &JobVersion, of: u32) -> Result<(), Refused> {
    let same = old.spec == deployed.spec
        && old.modules == deployed.modules
        && old.plan_hash == deployed.plan_hash;
    match same {
        true => Ok(()),
        false => Err(Refused::invalid(format!(
            "a rollback to version {of} has that version's spec, modules and plan"
        ))),
    }
}

fn check_quota(tenant: &Tenant, name: &str) -> Result<(), Refused> {
    let jobs_max = tenant.quotas.jobs_max;
    match tenant.jobs.get(name) {
        None if tenant.jobs.len() >= jobs_max as usize => Err(Refused::quota(format!(
            "this tenant has {jobs_max} jobs, the most it may have: delete one, or ask for a larger `jobs_max`"
        ))),
        Some(job) if job.current == u32::MAX => Err(Refused::conflict(
            "this job has no version numbers left: delete it and deploy it again",
        )),
        _ => Ok(()),
    }
}

fn forget_oldest(versions: &mut BTreeMap<u32, JobVersion>) {
    let bytes = |versions: &BTreeMap<u32, JobVersion>| -> usize {
        versions.values().map(|version| version.spec.len()).sum()
    };
    while versions.len() > JOB_VERSIONS_MAX || bytes(versions) > JOB_HISTORY_BYTES_MAX {
        versions.pop_first();
    }
}
