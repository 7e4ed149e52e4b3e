//! The Kafka clusters of this host: each is connected to when it is first needed, and again after a failure.

use crate::config::Connections;
use sluicebox_core::log::Log;
use sluicebox_core::spec::{Connection, JobSpec};
use sluicebox_host::{Error, Gate, Result, Watcher};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connects to a cluster. Blocks, ten seconds at most.
pub type Connect = dyn Fn(&Connection) -> Result<Arc<dyn Log>> + Send + Sync;

/// The clusters that jobs can name.
pub struct Clusters {
    connections: Connections,
    connect: Box<Connect>,
    /// Those that were reached, by name.
    reached: Mutex<BTreeMap<String, Cluster>>,
}

/// A cluster.
#[derive(Clone)]
pub(super) struct Cluster {
    pub log: Arc<dyn Log>,
    /// Who watches it for parked shards.
    pub watcher: Arc<Watcher>,
    /// How many start at the same time.
    pub gate: Arc<Gate>,
}

impl Clusters {
    /// Clusters that are yet to be reached.
    pub fn new(connections: Connections, connect: Box<Connect>) -> Self {
        Self {
            connections,
            connect,
            reached: Mutex::default(),
        }
    }

    /// Name of the cluster that a spec means.
    pub(super) fn name(&self, spec: &JobSpec) -> Option<&str> {
        self.connections.of(spec).ok().map(|(name, _)| name)
    }

    /// The cluster that a spec means.
    pub(super) fn of(&self, spec: &JobSpec) -> Result<Cluster> {
        let (name, connection) = self
            .connections
            .of(spec)
            .map_err(|wrong| Error::input(format!("{}\n{}", wrong.message, wrong.help)))?;
        self.reach(name, connection)
    }

    /// A cluster that is down, or refuses the host's credentials, is the operator's matter and passes: no job may halt for
    /// it.
    fn reach(&self, name: &str, connection: &Connection) -> Result<Cluster> {
        if let Some(cluster) = self.reached().get(name) {
            return Ok(cluster.clone());
        }
        // Unlocked: one that does not answer must not hold up the jobs of others.
        let log = (self.connect)(connection).map_err(|error| Error::failed(error.message))?;
        let watcher = Watcher::start(log.clone())
            .map_err(|error| Error::failed(format!("no thread to watch a cluster: {error}")))?;
        let mut reached = self.reached();
        let cluster = reached.entry(name.to_owned());
        let gate = Arc::default();
        let new = Cluster { log, watcher, gate };
        Ok(cluster.or_insert(new).clone())
    }

    /// Try to reach those that were not reached yet. Answers whether all were.
    pub(super) fn reach_all(&self) -> bool {
        let mut all_reached = true;
        for (name, connection) in &self.connections.0 {
            all_reached &= self.reach(name, connection).is_ok();
        }
        all_reached
    }

    /// Whether each was reached once.
    pub(super) fn all_reached(&self) -> bool {
        let reached = self.reached();
        let mut names = self.connections.0.keys();
        names.all(|name| reached.contains_key(name))
    }

    fn reached(&self) -> MutexGuard<'_, BTreeMap<String, Cluster>> {
        // Entries are inserted whole.
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
