//! What all jobs of a host share: where modules run and come from, the clusters, the data folder, names.

use super::wanted::{JobId, Wanted};
use crate::clock::Clock;
use crate::config::Connections;
use crate::event::ApiObserver;
use sluicebox_core::log::Log;
use sluicebox_core::spec::{Connection, JobSpec, ModuleRef};
use sluicebox_host::{DataDir, Error, Job, Result, changelog, members};
use sluicebox_wasm::Sandbox;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Gets the bytes of a module by its digest. Blocks.
pub type ReadModule = dyn Fn(&str) -> Result<Vec<u8>> + Send + Sync;
/// Connects to a cluster. Blocks, ten seconds at most.
pub type Connect = dyn Fn(&Connection) -> Result<Arc<dyn Log>> + Send + Sync;

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
    pub connections: Connections,
    /// How to reach them.
    pub connect: Box<Connect>,
    /// Those that were reached.
    pub logs: Mutex<BTreeMap<String, Arc<dyn Log>>>,
    /// The time, for log lines.
    pub clock: Arc<dyn Clock>,
    /// Who is told what jobs say.
    pub observer: Arc<dyn ApiObserver>,
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

    /// The cluster that a spec means.
    pub(super) fn log(&self, spec: &JobSpec) -> Result<Arc<dyn Log>> {
        let (name, connection) = self
            .connections
            .of(spec)
            .map_err(|wrong| Error::input(format!("{}\n{}", wrong.message, wrong.help)))?;
        if let Some(log) = self.logs().get(name) {
            return Ok(log.clone());
        }
        // Unlocked: a cluster that does not answer must not hold up the jobs of others.
        let log = (self.connect)(connection).map_err(out_of_reach)?;
        Ok(self.logs().entry(name.to_owned()).or_insert(log).clone())
    }

    /// Whether each cluster was reached once.
    pub(super) fn connected(&self) -> bool {
        let logs = self.logs();
        self.connections
            .0
            .keys()
            .all(|name| logs.contains_key(name))
    }

    /// Try to reach the clusters that were not reached yet.
    pub(super) fn connect_all(&self) {
        for (name, connection) in &self.connections.0 {
            if !self.logs().contains_key(name)
                && let Ok(log) = (self.connect)(connection)
            {
                self.logs().entry(name.clone()).or_insert(log);
            }
        }
    }

    fn logs(&self) -> MutexGuard<'_, BTreeMap<String, Arc<dyn Log>>> {
        // Entries are inserted whole.
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut groups = vec![members(&base)];
        // A group that the spec names may be used by others too: its offsets stay.
        if wanted.spec.group.is_none() {
            groups.push(base.clone());
        }
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        self.log(&wanted.spec)?.delete(&changelog(&base), &groups)?;
        let folder = self.state_dir(&wanted.id);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("delete", &folder, &error))
            }
            _ => Ok(()),
        }
    }
}

/// A cluster that is down, or refuses the host's credentials, is the operator's matter and passes; no job may halt for it.
fn out_of_reach(error: Error) -> Error {
    Error::failed(error.message)
}
