//! What a deployment builds on. Two people who deploy at once were each told what their change means; only one of them
//! was told the truth, so only one may win.

use sluicebox_catalog::{Catalog, Job, JobVersion, Refused};

/// The job as it was when the deployment began: what it was compared with has to be what it replaces.
pub struct Base<'a> {
    /// None: it is new.
    pub job: Option<&'a Job>,
}

impl<'a> Base<'a> {
    /// The job as it is in this catalog.
    pub fn of(catalog: &'a Catalog, tenant: &str, job: &str) -> Self {
        Self {
            job: catalog.job(tenant, job).ok(),
        }
    }

    /// The version that is to be replaced.
    pub fn version(&self) -> Option<&'a JobVersion> {
        self.job?.current()
    }

    /// The number that the next version gets.
    pub fn next_version(&self) -> u32 {
        self.job.map_or(1, |job| job.current.saturating_add(1))
    }

    /// Refuse if this is not the version that the client knows; 0: that there is none.
    pub fn expect(&self, expected: Option<u32>) -> Result<(), Refused> {
        let current = self.job.map_or(0, |job| job.current);
        match expected {
            Some(expected) if expected != current => Err(Refused::conflict(match current {
                0 => format!("version {expected} was expected, and there is no such job"),
                _ => format!(
                    "version {expected} was expected, and version {current} runs: look at what changed, then deploy again"
                ),
            })),
            _ => Ok(()),
        }
    }

    /// Refuse if the job is not the same any more.
    pub fn still(&self, catalog: &Catalog, tenant: &str, job: &str) -> Result<(), Refused> {
        let key = |job: Option<&Job>| job.map(|job| (job.uid, job.current));
        match key(catalog.job(tenant, job).ok()) == key(self.job) {
            true => Ok(()),
            false => Err(Refused::conflict(format!(
                "somebody else deployed or deleted job `{tenant}/{job}` meanwhile: look at what changed, then deploy again"
            ))),
        }
    }

    /// The current version, if it is this one or repeats it.
    pub fn repeats(&self, version: u32) -> Option<u32> {
        let job = self.job?;
        let same = job.current == version || job.current()?.rollback_of == Some(version);
        same.then_some(job.current)
    }
}
