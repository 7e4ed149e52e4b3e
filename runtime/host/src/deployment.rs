//! A job at work on this host: its membership, its shards, and which version of it they run.

use crate::budget::Budget;
use crate::error::Result;
use crate::event::Observer;
use crate::gate::Gate;
use crate::job::Job;
use crate::layout::Layout;
use crate::parking::Parking;
use crate::shard::Task;
use crate::supervisor::Supervisor;
use sluicebox_core::ledger::Account;
use sluicebox_core::log::{Log, Waker};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a job ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The input has ended and everything is committed (else the job was stopped).
    pub ended: bool,
    /// Where the rows of this host's shards went since the job began, by operator in plan order.
    pub accounts: Vec<(String, Account)>,
}

/// The version of a job that its shards run. Replacing it makes each shard end its epoch and go on with the new one: with its
/// connection and state as they are, or, where the new version needs others, after a recovery.
pub struct Slot {
    job: Mutex<Arc<Job>>,
    /// Wakes who runs it.
    waker: Mutex<Option<Waker>>,
}

impl Slot {
    /// A slot with a first version.
    pub fn new(job: Job) -> Self {
        Self {
            job: Mutex::new(Arc::new(job)),
            waker: Mutex::default(),
        }
    }

    /// What shards that start now run.
    pub fn job(&self) -> Arc<Job> {
        lock(&self.job).clone()
    }

    /// Run this version from now on. It must read the same source with the same number of shards, and keep every
    /// operator that holds rows: else its shards halt, with nothing changed.
    pub fn replace(&self, job: Job) {
        *lock(&self.job) = Arc::new(job);
        self.wake();
    }

    /// Let whoever runs it look at once whether it should stop.
    pub fn wake(&self) {
        let waker = lock(&self.waker).clone();
        waker.iter().for_each(|wake| wake());
    }

    fn tells(&self, waker: Waker) {
        *lock(&self.waker) = Some(waker);
    }
}

/// What is behind these locks is replaced whole, so a panic elsewhere can't have broken it.
fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a job runs, and under which names.
pub struct Deployment {
    /// The log.
    pub log: Arc<dyn Log>,
    /// What all names of the job in the log begin with.
    pub base: String,
    /// Folder of its local state.
    pub state_dir: PathBuf,
    /// Identity of this host, kept over restarts.
    pub host_id: String,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// Take the changelog's word where committed positions are missing.
    pub recover_from_changelog: bool,
    /// What it may use, together with the other jobs of its tenant.
    pub budget: Arc<Budget>,
    /// How idle shards are parked, if they are.
    pub parking: Option<Parking>,
    /// How many jobs and shards of the log start at the same time.
    pub gate: Arc<Gate>,
    /// How often it is looked whether it should stop, if nobody wakes the slot.
    pub look_every: Duration,
}

impl Deployment {
    /// Run until `stop` (which ends the epoch), until a shard halts, or until the input has ended.
    pub fn run(self, slot: &Arc<Slot>, stop: &AtomicBool) -> Result<Summary> {
        // Refuse what can be refused before anything starts.
        let job = slot.job();
        job.instantiate(&self.observer)?;
        let Some(pass) = self.gate.enter(stop) else {
            return Ok(Summary::default());
        };
        let layout = Layout::find(self.log.as_ref(), &job.spec, &job.plan, &self.base)?;
        drop(pass);
        let membership = self.log.join(&layout.member(&self.host_id))?;
        let (shards, observer) = (layout.shards, self.observer.clone());
        let make = |shard: i32, stop: Arc<AtomicBool>, woken: bool| Task {
            job: slot.job(),
            slot: slot.clone(),
            layout: layout.clone(),
            log: self.log.clone(),
            shard,
            state_dir: self.state_dir.join(format!("shard-{shard}")),
            observer: self.observer.clone(),
            stop,
            recover_from_changelog: self.recover_from_changelog,
            budget: self.budget.clone(),
            parking: self.parking.clone(),
            woken,
            gate: self.gate.clone(),
        };
        slot.tells(membership.waker());
        let supervisor =
            Supervisor::new(&make, slot, observer, membership.waker(), self.look_every);
        let (last, ended) = supervisor.run(membership, shards, stop)?;
        let mut accounts: Vec<(String, Account)> = Vec::new();
        for progress in last.values() {
            for (id, account) in &progress.accounts {
                match accounts.iter_mut().find(|(known, _)| known == id) {
                    Some((_, sum)) => sum.add(account),
                    None => accounts.push((id.clone(), *account)),
                }
            }
        }
        Ok(Summary { ended, accounts })
    }
}
