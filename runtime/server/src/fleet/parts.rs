//! What all jobs of a host share: where modules run and come from, the clusters, the data folder, names.

use super::clusters::Clusters;
use super::wanted::{JobId, Wanted};
use crate::clock::Clock;
use crate::event::ApiObserver;
use crate::port::Version;
use crate::telemetry::Tracer;
use sluicebox_core::spec::{JobSpec, ModuleRef};
use sluicebox_host::{DataDir, Error, Job, Result, changelog, members, requeue_group};
use sluicebox_wasm::Sandbox;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Gets the bytes of a module by its digest. Blocks.
pub type ReadModule = dyn Fn(&str) -> Result<Vec<u8>> + Send + Sync;

/// What all jobs of this host share.
pub struct Parts {
    /// Part of all names in the log.
    pub installation: String,
    /// Identity, local state and compiled code.
    pub data_dir: DataDir,
    /// Where modules run.
    pub sandbox: Arc<Sandbox>,
    /// The registry.
    pub read_module: Box<ReadModule>,
    /// The clusters that jobs can name.
    pub clusters: Clusters,
    /// A shard without records is parked after this long.
    pub park_after: Duration,
    /// The time, for log lines.
    pub clock: Arc<dyn Clock>,
    /// Who is told what jobs say.
    pub observer: Arc<dyn ApiObserver>,
    /// Who is told what jobs took.
    pub tracer: Tracer,
}

impl Parts {
    /// Load the modules of a job.
    pub(super) fn load(&self, wanted: &Wanted) -> Result<Job> {
        let mut job = self.load_with(wanted.spec.clone(), &|module| {
            let name = module.of(&wanted.id.tenant);
            let digest = wanted.modules.get(&name);
            let digest = digest
                .ok_or_else(|| Error::failed(format!("the catalog has no digest of {name}")))?;
            (self.read_module)(digest)
        })?;
        job.revision = wanted.revision;
        job.instance_memory_bytes_max = wanted.instance_memory_bytes_max;
        Ok(job)
    }

    /// The same, with modules from elsewhere.
    pub(super) fn load_with(
        &self,
        spec: JobSpec,
        read: &dyn Fn(&ModuleRef) -> Result<Vec<u8>>,
    ) -> Result<Job> {
        Job::load(spec, self.sandbox.clone(), read)
    }

    /// Load a version whose modules were handed over.
    pub(super) fn load_candidate(&self, version: &Version<'_>) -> Result<Job> {
        let operators = version.spec.operators.iter().zip(version.modules);
        let modules: BTreeMap<String, &[u8]> = operators
            .map(|(operator, module)| (operator.module.to_string(), module.bytes.as_ref()))
            .collect();
        self.load_with(version.spec.clone(), &|module| {
            let bytes = modules.get(&module.to_string());
            let missing = || Error::failed(format!("{module} was not handed over"));
            bytes.map(|bytes| bytes.to_vec()).ok_or_else(missing)
        })
    }

    /// What all names of a job in the log begin with.
    pub(super) fn base(&self, id: &JobId) -> String {
        let JobId { tenant, job, uid } = id;
        format!("sluicebox.{}.{tenant}.{job}.{uid}", self.installation)
    }

    /// Folder of a job's local state.
    pub(super) fn state_dir(&self, id: &JobId) -> PathBuf {
        let JobId { tenant, job, uid } = id;
        self.data_dir.state(&format!("{tenant}.{job}.{uid}"))
    }

    /// Delete what a job has left on this host and in the log. Others may be doing the same.
    pub(super) fn forget(&self, wanted: &Wanted) -> Result<()> {
        let base = self.base(&wanted.id);
        let mut groups = vec![members(&base), requeue_group(&base)];
        // A group that the spec names may be used by others too: its offsets stay.
        if wanted.spec.group.is_none() {
            groups.push(base.clone());
        }
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let log = self.clusters.of(&wanted.spec)?.log;
        log.delete(&changelog(&base), &groups)?;
        let folder = self.state_dir(&wanted.id);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("delete", &folder, &error))
            }
            _ => Ok(()),
        }
    }
}
