//! Finding things in a catalog; what is missing is refused in the same words everywhere, whoever's it is.

use crate::error::Refused;
use crate::state::{Catalog, Job, JobVersion, Module, ModuleVersion, Tenant};
use std::collections::BTreeSet;

impl Catalog {
    /// The tenant of this name.
    pub fn tenant(&self, tenant: &str) -> Result<&Tenant, Refused> {
        self.tenants
            .get(tenant)
            .ok_or_else(|| Refused::missing(format!("tenant `{tenant}`")))
    }

    /// A tenant's module; one without versions does not count.
    pub fn module(&self, tenant: &str, name: &str) -> Result<&Module, Refused> {
        self.tenant(tenant)?
            .modules
            .get(name)
            .filter(|module| !module.versions.is_empty())
            .ok_or_else(|| Refused::missing(format!("module `{tenant}/{name}`")))
    }

    /// A version of a tenant's module.
    pub fn module_version(
        &self,
        tenant: &str,
        name: &str,
        version: u32,
    ) -> Result<&ModuleVersion, Refused> {
        self.tenant(tenant)?
            .modules
            .get(name)
            .and_then(|module| module.versions.get(&version))
            .ok_or_else(|| Refused::missing(format!("module `{tenant}/{name}@{version}`")))
    }

    /// The number that the next version of a module gets.
    pub fn next_version(&self, tenant: &str, name: &str) -> Result<u32, Refused> {
        let tenant = self.tenant(tenant)?;
        Ok(tenant.modules.get(name).map_or(1, |m| m.next_version))
    }

    /// The newest version of a module that has these bytes: pushing them again changes nothing.
    pub fn find_digest(&self, tenant: &str, name: &str, digest: &str) -> Option<u32> {
        let module = self.tenants.get(tenant)?.modules.get(name)?;
        let mut newest_first = module.versions.iter().rev();
        newest_first
            .find(|(_, version)| version.digest == digest)
            .map(|(number, _)| *number)
    }

    /// The digests of all modules that something refers to.
    pub fn digests(&self) -> BTreeSet<&str> {
        let tenants = || self.tenants.values();
        let modules = tenants().flat_map(|tenant| tenant.modules.values());
        let pushed = modules.flat_map(|module| module.versions.values());
        let pushed = pushed.map(|version| version.digest.as_str());
        // An invariant says that these are among the others; nobody should lose bytes over a fault of that.
        let jobs = tenants().flat_map(|tenant| tenant.jobs.values());
        let deployed = jobs.flat_map(|job| job.versions.values());
        let deployed = deployed.flat_map(|version| version.modules.values());
        pushed.chain(deployed.map(String::as_str)).collect()
    }

    /// A tenant's job.
    pub fn job(&self, tenant: &str, job: &str) -> Result<&Job, Refused> {
        self.tenant(tenant)?
            .jobs
            .get(job)
            .ok_or_else(|| Refused::missing(format!("job `{tenant}/{job}`")))
    }

    /// A kept version of a tenant's job.
    pub fn job_version(
        &self,
        tenant: &str,
        job: &str,
        version: u32,
    ) -> Result<&JobVersion, Refused> {
        self.job(tenant, job)?
            .versions
            .get(&version)
            .ok_or_else(|| {
                Refused::missing(format!(
                    "version {version} of job `{tenant}/{job}` (any more)"
                ))
            })
    }
}

impl Tenant {
    /// The jobs and versions that refer to `tenant/name@version`, as ``job `spend` (version 2)``.
    pub fn users_of(&self, reference: &str) -> Vec<String> {
        let versions = self.jobs.iter().flat_map(|(name, job)| {
            let users = job.versions.iter();
            users.map(move |(number, version)| (name, number, version))
        });
        versions
            .filter(|(_, _, version)| version.modules.contains_key(reference))
            .map(|(name, number, _)| format!("job `{name}` (version {number})"))
            .collect()
    }
}
