//! One job on this host: a thread that loads what the catalog wants of it, joins the job's members, and runs its shards
//! until the catalog wants something else.

use super::board::Board;
use super::parts::Parts;
use super::wanted::Wanted;
use crate::event::ApiEvent;
use sluicebox_host::{Budget, Deployment, Error, Job, Kind, Observer, Parking, Result, Slot};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// First and longest wait before a job that failed is tried again.
const RETRY_WAIT_MIN: Duration = Duration::from_millis(200);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(30);
/// How often, and how fast, it is tried to delete what a job has left behind.
const FORGET_TRIES: u32 = 30;
const FORGET_PAUSE: Duration = Duration::from_secs(2);
/// How often a job looks around without having been woken. A host has many.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How fast a stop is noticed while waiting.
const TICK: Duration = Duration::from_millis(50);

/// A job's thread and what it is told.
pub struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    parts: Arc<Parts>,
    board: Arc<Board>,
    budget: Arc<Budget>,
    stop: AtomicBool,
    /// Why it was told to, if somebody has to know.
    denied: Mutex<Option<String>>,
    /// Newest version the catalog wants.
    wanted: Mutex<Arc<Wanted>>,
    /// There while shards run.
    slot: Mutex<Option<Arc<Slot>>>,
}

impl Worker {
    /// Begin to run a job.
    pub fn start(
        parts: Arc<Parts>,
        wanted: Arc<Wanted>,
        board: Arc<Board>,
        budget: Arc<Budget>,
    ) -> Self {
        board.starting();
        let shared = Arc::new(Shared {
            parts,
            board,
            budget,
            stop: AtomicBool::new(false),
            denied: Mutex::default(),
            wanted: Mutex::new(wanted.clone()),
            slot: Mutex::new(None),
        });
        let name = format!("job-{}", wanted.id.job);
        let spawned = std::thread::Builder::new().name(name).spawn({
            let shared = shared.clone();
            move || shared.run()
        });
        let thread = match spawned {
            Ok(thread) => Some(thread),
            Err(error) => {
                let why = format!("can't start a thread: {error}");
                shared.board.halted(&why);
                None
            }
        };
        Self { shared, thread }
    }

    /// What it was last told to run.
    pub fn wanted(&self) -> Arc<Wanted> {
        lock(&self.shared.wanted).clone()
    }

    /// Run this version of the same job from the next epoch on.
    pub fn switch(&self, wanted: Arc<Wanted>) {
        *lock(&self.shared.wanted) = wanted.clone();
        let shared = self.shared.clone();
        // Compiling takes seconds, and the old version goes on meanwhile.
        if let Err(error) = aside(move || shared.switch(&wanted)) {
            let text = format!("no thread to load a new version: {error}");
            self.shared.board.note(text);
        }
    }

    /// End the epochs and leave, because the job must not run.
    pub fn deny(&self, why: &str) {
        *lock(&self.shared.denied) = Some(why.to_owned());
        self.stop();
    }

    /// End the epochs and leave; `finished` says when that is done.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(slot) = lock(&self.shared.slot).as_ref() {
            slot.wake();
        }
    }

    /// Whether it was told to stop.
    pub fn stopping(&self) -> bool {
        self.shared.stopping()
    }

    /// Delete what a job that is no more has left behind, in the background. Other hosts may still be leaving it.
    pub fn forget(parts: Arc<Parts>, wanted: Arc<Wanted>) {
        let tell = {
            let (observer, id) = (parts.observer.clone(), wanted.id.clone());
            move |why: String| {
                let request = format!("deleting what {}/{} has left in Kafka", id.tenant, id.job);
                observer.event(ApiEvent::Failed { request, why });
            }
        };
        let told = tell.clone();
        let forget = move || {
            let mut told = false;
            let mut why = String::new();
            for _ in 0..FORGET_TRIES {
                let Err(error) = parts.forget(&wanted) else {
                    return;
                };
                why = error.message;
                // Somebody has to act, and may in time.
                if error.kind != Kind::Failed && !told {
                    told = true;
                    tell(why.clone());
                }
                std::thread::sleep(FORGET_PAUSE);
            }
            if !told {
                tell(why);
            }
        };
        if let Err(error) = aside(forget) {
            told(error.to_string());
        }
    }

    /// Whether its thread has ended: stopped, or halted.
    pub fn finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Shared {
    fn run(&self) {
        let mut wait = RETRY_WAIT_MIN;
        while !self.stopping() {
            self.board.starting();
            let error = match self.once() {
                Ok(()) => break,
                Err(error) => error,
            };
            lock(&self.slot).take();
            if error.kind != Kind::Failed {
                return self.board.halted(&error.message);
            }
            self.board.retrying(&error.message, wait);
            self.pause(wait);
            wait = (wait * 2).min(RETRY_WAIT_MAX);
        }
        lock(&self.slot).take();
        match lock(&self.denied).take() {
            Some(why) => self.board.halted(&why),
            None => self.board.stopped(),
        }
    }

    /// Run until told to stop, until somebody must act, or until something outside fails.
    fn once(&self) -> Result<()> {
        let (wanted, slot) = loop {
            let wanted = lock(&self.wanted).clone();
            let slot = Arc::new(Slot::new(self.load(&wanted)?));
            // Unless something newer came in the meantime.
            let newest = lock(&self.wanted);
            if Arc::ptr_eq(&newest, &wanted) {
                *lock(&self.slot) = Some(slot.clone());
                break (wanted, slot);
            }
        };
        self.board.runs(wanted.version);
        let observer: Arc<dyn Observer> = self.board.clone();
        let cluster = self.parts.clusters.of(&slot.job().spec)?;
        let deployment = Deployment {
            log: cluster.log,
            base: self.parts.base(&wanted.id),
            state_dir: self.parts.state_dir(&wanted.id),
            host_id: self.parts.data_dir.host_id().to_owned(),
            observer,
            recover_from_changelog: false,
            budget: self.budget.clone(),
            parking: Some(Parking {
                after: self.parts.park_after,
                watcher: cluster.watcher,
            }),
            gate: cluster.gate,
            look_every: LOOK_EVERY,
        };
        deployment.run(&slot, &self.stop).map(drop)
    }

    /// Load a newer version and hand it to the running shards; where none run, the thread takes it when it starts. What
    /// failed outside is tried again: other hosts may run that version already, and theirs must not be followed by an
    /// older one.
    fn switch(&self, wanted: &Arc<Wanted>) {
        let mut wait = RETRY_WAIT_MIN;
        while !self.stopping() && Arc::ptr_eq(&lock(&self.wanted), wanted) {
            let Error { kind, message } = match self.load(wanted) {
                Ok(job) => return self.adopt(wanted, job),
                Err(error) => error,
            };
            self.board.note(format!(
                "version {} can't be loaded, and the one before it goes on: {message}",
                wanted.version
            ));
            if kind != Kind::Failed {
                return;
            }
            self.pause(wait);
            wait = (wait * 2).min(RETRY_WAIT_MAX);
        }
    }

    fn load(&self, wanted: &Wanted) -> Result<Job> {
        let started = Instant::now();
        let loaded = self.parts.load(wanted);
        let error = loaded.as_ref().err().map(|error| error.message.as_str());
        self.board.loaded(wanted.version, started.elapsed(), error);
        loaded
    }

    fn adopt(&self, wanted: &Arc<Wanted>, job: Job) {
        let newest = lock(&self.wanted);
        if !Arc::ptr_eq(&newest, wanted) {
            return;
        }
        if let Some(slot) = lock(&self.slot).as_ref() {
            slot.replace(job);
            self.board.runs(wanted.version);
        }
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn pause(&self, wait: Duration) {
        let mut left = wait;
        while !left.is_zero() && !self.stopping() {
            let step = left.min(TICK);
            std::thread::sleep(step);
            left -= step;
        }
    }
}

/// Do something that takes a while on a thread of its own.
fn aside(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().spawn(work).map(drop)
}

/// What is behind these locks is replaced whole, so a panic elsewhere can't have broken it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
