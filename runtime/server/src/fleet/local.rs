//! All jobs of this host, and the port through which the API asks about them.

use super::accumulators;
use super::board::Board;
use super::budgets::Budgets;
use super::metrics::{self, Measured};
use super::parts::Parts;
use super::topics::Topics;
use super::wanted::{JobId, Wanted, all, memory};
use super::worker::Worker;
use crate::logs::Logs;
use crate::port::{Candidate, Checked, Fleet, InspectError, Inspected, Lag, Status, Used, Version};
use sluicebox_catalog::{Catalog, Quotas};
use sluicebox_core::log::Log;
use sluicebox_core::pipeline::source_topic;
use sluicebox_core::spec::JobSpec;
use sluicebox_host::letters::{self, Listed, Requeue, Requeued, Which};
use sluicebox_host::{Error, Result, changelog, check_on, lag_on};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The jobs of this host.
pub struct Local {
    parts: Arc<Parts>,
    jobs: Mutex<BTreeMap<JobId, Running>>,
    budgets: Budgets,
    topics: Topics,
}

struct Running {
    /// As of the last look at the catalog.
    wanted: Arc<Wanted>,
    /// There since the job was to run for the first time.
    worker: Option<Worker>,
    board: Arc<Board>,
}

impl Local {
    /// Nothing runs yet.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            jobs: Mutex::default(),
            budgets: Budgets::default(),
            topics: Topics::default(),
        }
    }

    /// Make what runs what the catalog wants. Never waits; what has to stop first is started by a later call, so it has
    /// to be made again and again.
    pub fn reconcile(&self, catalog: &Catalog) {
        let connection = |spec: &JobSpec| self.parts.clusters.name(spec).map(str::to_owned);
        let mut all = all(catalog, &connection);
        self.budgets.follow(catalog);
        let mut jobs = self.jobs();
        jobs.retain(|id, running| all.contains_key(id) || !self.gone(running));
        for (id, running) in jobs.iter_mut() {
            match all.remove(id) {
                Some(Some(wanted)) => self.adjust(running, wanted),
                Some(None) => Self::leave(running),
                // On its way out.
                None => {}
            }
        }
        for (id, wanted) in all {
            let Some(wanted) = wanted else { continue };
            let board = Board::new(id.clone(), self.parts.clone());
            let mut running = Running {
                wanted: Arc::new(wanted),
                worker: None,
                board: Arc::new(board),
            };
            self.begin(&mut running);
            jobs.insert(id, running);
        }
    }

    /// Let a job run that does not, or say why it stands.
    fn begin(&self, running: &mut Running) {
        let wanted = &running.wanted;
        match &wanted.denied {
            _ if wanted.runs => {
                let (parts, board) = (self.parts.clone(), running.board.clone());
                let budget = self.budgets.of(&wanted.id.tenant);
                let worker = Worker::start(parts, wanted.clone(), board, budget);
                running.worker = Some(worker);
            }
            Some(why) => running.board.halted(why),
            None => running.board.stands(),
        }
    }

    /// From what a job is to what it should be.
    fn adjust(&self, running: &mut Running, wanted: Wanted) {
        let news = !running.wanted.same(&wanted);
        let before = &running.wanted;
        let other = news || (before.runs, &before.denied) != (wanted.runs, &wanted.denied);
        if other {
            running.wanted = Arc::new(wanted);
        }
        let now = running.wanted.clone();
        match &running.worker {
            None if other => self.begin(running),
            None => {}
            Some(worker) if worker.finished() => {
                // A job that has halted waits for a new wish; one that was stopped starts again.
                let again = worker.stopping() || !worker.wanted().same(&running.wanted);
                if (now.runs && again) || (other && !now.runs) {
                    self.begin(running);
                }
            }
            Some(worker) if !now.runs => match &now.denied {
                Some(why) => worker.deny(why),
                None => worker.stop(),
            },
            Some(worker) if news && !worker.stopping() => worker.switch(now),
            Some(_) => {}
        }
    }

    /// A newer host has deployed what this one can't read: leave the shards to hosts that can, and delete nothing.
    fn leave(running: &mut Running) {
        if running.wanted.runs {
            let stands = Wanted {
                runs: false,
                denied: None,
                ..running.wanted.as_ref().clone()
            };
            running.wanted = Arc::new(stands);
            running.board.note(
                "a newer host deployed a version that this one can't read: other hosts run it; upgrade this one"
                    .to_owned(),
            );
        }
        if let Some(worker) = &running.worker {
            worker.stop();
        }
    }

    /// A job that is no longer in the catalog; true once it has stopped and its remains are being deleted.
    fn gone(&self, running: &Running) -> bool {
        if let Some(worker) = &running.worker
            && !worker.finished()
        {
            worker.stop();
            return false;
        }
        Worker::forget(self.parts.clone(), running.wanted.clone());
        true
    }

    /// Try to reach the clusters that were not reached yet; answers whether all were. Blocks.
    pub fn connect(&self) -> bool {
        self.parts.clusters.reach_all()
    }

    /// See how well the topics of the jobs that run are kept. Blocks.
    pub fn look_at_topics(&self) {
        let running = |running: &Running| running.wanted.runs.then(|| running.wanted.clone());
        let jobs: Vec<_> = self.jobs().values().filter_map(running).collect();
        self.topics.look(&self.parts, &jobs);
    }

    /// Tell all jobs to end their epochs and leave.
    pub fn stop(&self) {
        let jobs = self.jobs();
        jobs.values()
            .filter_map(|running| running.worker.as_ref())
            .for_each(Worker::stop);
    }

    /// Whether nothing is left to do as long as the catalog does not change.
    pub fn settled(&self) -> bool {
        let stands = |running: &Running| match &running.worker {
            Some(worker) => !worker.stopping() || (worker.finished() && !running.wanted.runs),
            None => true,
        };
        self.jobs().values().all(stands)
    }

    /// Whether every job has ended.
    pub fn idle(&self) -> bool {
        let jobs = self.jobs();
        let mut workers = jobs.values().filter_map(|running| running.worker.as_ref());
        workers.all(Worker::finished)
    }

    /// What a new version of a job can't change: its state and positions belong to its source and shards.
    fn check_upgrade(&self, candidate: &Candidate<'_>, log: &dyn Log, base: &str) -> Result<()> {
        let source = self.find(candidate.tenant, candidate.job, |running| {
            source_topic(&running.wanted.spec.source)
        });
        let wanted = source_topic(&candidate.spec.source);
        if let Some(source) = source.filter(|source| *source != wanted) {
            return Err(Error::input(format!(
                "the job reads topic `{source}`, and its positions and state belong to that: deploy a job that reads \
                 `{wanted}` under another name"
            )));
        }
        let changelog = log.topic(&changelog(base))?;
        let shards = changelog.map(|topic| topic.partitions);
        match (candidate.spec.shards, shards) {
            (Some(wanted), Some(shards)) if i32::from(wanted) != shards => {
                Err(Error::input(format!(
                    "the job has {shards} shards, and that can't change yet: write `shards: {shards}`, or deploy it under another name"
                )))
            }
            _ => Ok(()),
        }
    }

    fn find<T>(&self, tenant: &str, job: &str, what: impl FnOnce(&Running) -> T) -> Option<T> {
        let jobs = self.jobs();
        let mut found = jobs
            .iter()
            .filter(|(id, _)| id.tenant == tenant && id.job == job);
        // The newest of that name: an older one is on its way out.
        found.next_back().map(|(_, running)| what(running))
    }

    /// A job, its cluster, and what its names there begin with.
    fn at_log(&self, tenant: &str, job: &str) -> Result<(Arc<Wanted>, Arc<dyn Log>, String)> {
        let wanted = self.find(tenant, job, |running| running.wanted.clone());
        let wanted = wanted.ok_or_else(|| Error::failed("this host does not know the job yet"))?;
        let log = self.parts.clusters.of(&wanted.spec)?.log;
        let base = self.parts.base(&wanted.id);
        Ok((wanted, log, base))
    }

    /// The map is whole whenever it is unlocked.
    fn jobs(&self) -> MutexGuard<'_, BTreeMap<JobId, Running>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fleet for Local {
    fn inspect(
        &self,
        wasm: &[u8],
        quotas: &Quotas,
    ) -> std::result::Result<Inspected, InspectError> {
        let (bytes, limit) = (wasm.len(), quotas.module_bytes_max as usize);
        if bytes > limit {
            return Err(sluicebox_wasm::ModuleError::TooLarge { bytes, limit }.into());
        }
        let module = self.parts.sandbox.load(wasm)?;
        let found = module.inspection();
        Ok(Inspected {
            digest: found.digest.clone(),
            exports: found.exported.clone(),
            imports: found.imports.clone(),
            size_bytes: found.size_bytes as u64,
        })
    }

    fn check(&self, candidate: &Candidate<'_>) -> Result<Checked> {
        let mut job = self.parts.load_candidate(&Version {
            spec: candidate.spec,
            modules: candidate.modules,
        })?;
        job.instance_memory_bytes_max = memory(candidate.quotas);
        let log = self.parts.clusters.of(candidate.spec)?.log;
        let base = self.parts.base(&JobId {
            tenant: candidate.tenant.to_owned(),
            job: candidate.job.to_owned(),
            uid: candidate.uid.unwrap_or_default(),
        });
        if candidate.uid.is_some() {
            self.check_upgrade(candidate, log.as_ref(), &base)?;
        }
        check_on(Some(log.as_ref()), &job, &base)?;
        Ok(Checked {
            plan_hash: format!("{:016x}", job.plan.hash),
        })
    }

    fn check_accumulators(&self, old: &Version<'_>, new: &Version<'_>) -> Result<()> {
        accumulators::check(&self.parts, old, new)
    }

    fn status(&self, tenant: &str, job: &str) -> Option<Status> {
        let board = self.find(tenant, job, |running| running.board.clone())?;
        Some(board.status())
    }

    fn lag(&self, tenant: &str, job: &str) -> Result<Vec<Lag>> {
        let (wanted, log, base) = self.at_log(tenant, job)?;
        lag_on(log.as_ref(), &wanted.spec, &base)
    }

    fn letters(&self, tenant: &str, job: &str, which: &Which) -> Result<Listed> {
        let (wanted, log, base) = self.at_log(tenant, job)?;
        letters::list(log.as_ref(), &wanted.spec, &base, which)
    }

    fn requeue(&self, tenant: &str, job: &str, wish: &Requeue) -> Result<Requeued> {
        let (wanted, log, base) = self.at_log(tenant, job)?;
        letters::requeue(log.as_ref(), &wanted.spec, &base, wish)
    }

    fn logs(&self, tenant: &str, job: &str) -> Option<Logs> {
        self.find(tenant, job, |running| running.board.logs())
    }

    fn ready(&self) -> bool {
        self.parts.clusters.all_reached()
    }

    fn used(&self, tenant: &str) -> Option<Used> {
        self.budgets.used(tenant).map(Used::from)
    }

    fn metrics(&self) -> String {
        let measured = |(id, running): (&JobId, &Running)| Measured {
            tenant: id.tenant.clone(),
            job: id.job.clone(),
            status: running.board.status(),
        };
        let jobs: Vec<Measured> = self.jobs().iter().map(measured).collect();
        let now_ms = self.parts.clock.now_ms();
        metrics::text(&jobs, &self.budgets.all(), now_ms) + &self.topics.text()
    }
}
