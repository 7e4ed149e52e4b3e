//! One shard's thread: open, recover, turn until told to stop.

use crate::at_rest::AtRest;
use crate::budget::{Budget, Held};
use crate::deployment::Slot;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::gate::Gate;
use crate::job::Job;
use crate::layout::Layout;
use crate::meter::Meter;
use crate::metered::{MeteredLog, MeteredUdf};
use crate::parking::{PARKED_MAX, Parked, Parking};
use crate::{data_dir, memory, store};
use sluicebox_core::log::Log;
use sluicebox_core::shard::{Clock, Config, Progress, Shard, ShardError, Turn};
use sluicebox_core::spec::{Input, StartSpec};
use sluicebox_wasm::thread_cpu_time;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often progress is told where no commit tells it.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// Longest rest of a shard whose tenant has used up its budget, before epoch and stop are looked at again. Looking costs CPU
/// time as well: much more often, and the smallest budget would be spent on it alone.
const HOLD_MAX: Duration = Duration::from_millis(100);

/// Everything a shard's thread needs.
pub struct Task {
    /// The version of the job that it runs.
    pub job: Arc<Job>,
    /// The version that it should run.
    pub slot: Arc<Slot>,
    /// Its layout.
    pub layout: Layout,
    /// The log.
    pub log: Arc<dyn Log>,
    /// Number of the shard.
    pub shard: i32,
    /// Folder of its state.
    pub state_dir: PathBuf,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// Set to end the epoch and leave.
    pub stop: Arc<AtomicBool>,
    /// Take the changelog's word where committed positions are missing.
    pub recover_from_changelog: bool,
    /// What the shard may use, together with the tenant's others.
    pub budget: Arc<Budget>,
    /// How idle shards are parked, if they are.
    pub parking: Option<Parking>,
    /// How many start at the same time.
    pub gate: Arc<Gate>,
    /// It was parked before: it has something to do.
    pub woken: bool,
}

/// How a shard's thread ended.
pub enum Outcome {
    /// As told; before it had begun, if there is no progress.
    Stopped(Option<Progress>),
    /// The bounded input has ended; everything is committed.
    Ended(Progress),
    /// Nothing to do: start again once it is woken, or has to run another version than this.
    Parked(Parked, Arc<Job>),
    /// Start again if the shard is still ours.
    Restart(String),
    /// Somebody must act.
    Halted(Error),
}

struct Monotonic(Instant);

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Task {
    /// The thread's body.
    pub fn run(mut self) -> Outcome {
        let held = Held::new(self.budget.clone(), &self.layout.changelog, self.shard);
        match self.process() {
            Ok(Outcome::Parked(mut parked, job)) => {
                parked.holds(held);
                Outcome::Parked(parked, job)
            }
            Ok(outcome) => outcome,
            Err(Stop::Shard(ShardError::Reconnect(why))) => Outcome::Restart(why),
            Err(Stop::Shard(ShardError::Halt(why))) => Outcome::Halted(Error::halted(why)),
            Err(Stop::Host(error)) => Outcome::Halted(error),
        }
    }

    fn process(&mut self) -> Result<Outcome, Stop> {
        let meter = Arc::new(Meter::new(self.job.operators()));
        if !self.woken
            && let Some(parked) = self.still_at_rest()
        {
            return Ok(Outcome::Parked(parked, self.job.clone()));
        }
        AtRest::forget(&self.state_dir);
        let Some(pass) = self.gate.enter(&self.stop) else {
            return Ok(Outcome::Stopped(None));
        };
        let (mut cpu, begun) = (thread_cpu_time(), Instant::now());
        let mut shard = self.open(&meter)?;
        drop(pass);
        shard.recover()?;
        self.observer.event(Event::Started {
            shard: self.shard,
            epoch: shard.progress().epoch,
            took: begun.elapsed(),
        });
        let mut told = Instant::now();
        let mut worked = Instant::now();
        loop {
            let stopping = self.stop.load(Ordering::Relaxed);
            let next = self.next();
            let turned = self.turn(&mut shard, stopping || next.is_some(), &meter);
            let cpu_before = std::mem::replace(&mut cpu, thread_cpu_time());
            let used = cpu.saturating_sub(cpu_before);
            match turned {
                Ok((_, true)) => self.budget.rested(used),
                // What fails costs as well, and a shard that starts again and again costs most.
                Ok((_, false)) | Err(_) => self.budget.cpu(used),
            }
            meter.add(|figures| figures.cpu += used);
            let (turn, _) = turned?;
            for note in shard.take_notes() {
                self.observer.event(Event::Note {
                    shard: self.shard,
                    text: &note,
                });
            }
            if turn == Turn::Committed || turn == Turn::Ended || told.elapsed() >= PROGRESS_EVERY {
                told = Instant::now();
                let state_bytes = shard.state_bytes();
                let ends = shard.fetched_ends();
                meter.add(|figures| (figures.state_bytes, figures.ends) = (state_bytes, ends));
                self.observer.event(Event::Progress {
                    shard: self.shard,
                    progress: &shard.progress(),
                    figures: &meter.figures(),
                });
                (self.budget)
                    .state(&self.layout.changelog, self.shard, state_bytes)
                    .map_err(Error::halted)?;
            }
            if turn != Turn::Idle {
                worked = Instant::now();
            } else if let Some(parking) = &self.parking
                && !stopping
                && worked.elapsed() >= parking.after
            {
                // Asked again only after another such while.
                worked = Instant::now();
                if let Some(positions) = shard.at_rest()? {
                    let ends = positions.into_iter().collect();
                    return Ok(Outcome::Parked(self.park(parking, ends), self.job.clone()));
                }
            }
            match turn {
                Turn::Ended => return Ok(Outcome::Ended(shard.progress())),
                Turn::Worked | Turn::Searched => {}
                _ if stopping => return Ok(Outcome::Stopped(Some(shard.progress()))),
                Turn::Idle | Turn::Committed | Turn::Aborted => {
                    if let Some(next) = next
                        && !self.switch(&mut shard, next, &meter)?
                    {
                        return Ok(Outcome::Stopped(Some(shard.progress())));
                    }
                }
            }
        }
    }

    fn park(&self, parking: &Parking, ends: Vec<(i32, i64)>) -> Parked {
        let at_rest = AtRest {
            revision: self.job.revision,
            topic: self.job.plan.source_topic.clone(),
            ends,
        };
        at_rest.write(&self.state_dir);
        parking.watcher.park(&at_rest.topic, at_rest.ends)
    }

    /// Park it where it was parked before this host started. Whatever came since wakes it, as if it had been watched all the
    /// time.
    fn still_at_rest(&self) -> Option<Parked> {
        let parking = self.parking.as_ref()?;
        let at_rest = AtRest::read(&self.state_dir, PARKED_MAX)?;
        let config = (self.layout).shard(&self.job.spec, &self.job.plan, self.shard);
        let same = at_rest.revision == self.job.revision
            && at_rest.topic == config.source
            && (at_rest.ends.iter().map(|(p, _)| p)).eq(&config.partitions)
            && !self.recover_from_changelog;
        same.then(|| parking.watcher.park(&at_rest.topic, at_rest.ends))
    }

    /// One turn of the shard, or a rest where the tenant's budget is used up. The second answer says that it rested and did
    /// nothing.
    fn turn(
        &self,
        shard: &mut Shard,
        stopping: bool,
        meter: &Meter,
    ) -> Result<(Turn, bool), ShardError> {
        let started = Instant::now();
        let waited_before = meter.waited();
        let hold = match stopping {
            true => Duration::ZERO,
            false => self.budget.wait().min(HOLD_MAX),
        };
        let turn = match hold.is_zero() {
            true => shard.turn(stopping)?,
            false => {
                std::thread::sleep(hold);
                self.budget.throttled(hold);
                shard.rest()?
            }
        };
        let took = started.elapsed().saturating_sub(hold);
        meter.add(|figures| {
            let waited = (figures.idle + figures.back_pressured).saturating_sub(waited_before);
            figures.throttled += hold;
            figures.busy += took.saturating_sub(waited);
        });
        Ok((turn, !hold.is_zero() && turn == Turn::Idle))
    }

    fn open(&self, meter: &Arc<Meter>) -> Result<Shard, Stop> {
        let Job { spec, plan, .. } = self.job.as_ref();
        let start = match &spec.source.input {
            Input::Kafka { start, .. } => start.clone(),
            Input::File { .. } | Input::Stdin { .. } => StartSpec::Earliest,
        };
        let config = Config {
            log: self.layout.shard(spec, plan, self.shard),
            source_partitions: self.layout.source.partitions,
            start,
            epoch_interval: Duration::from_millis(spec.epoch.interval_ms),
            overlay_bytes_max: spec.epoch.overlay_bytes_max,
            cache_bytes_max: memory::cache_bytes_max(spec),
            catalog_revision: self.job.revision,
            recover_from_changelog: self.recover_from_changelog,
            new_lineage: data_dir::random(),
        };
        let note = |text: &str| {
            self.observer.event(Event::Note {
                shard: self.shard,
                text,
            })
        };
        let store = store::open(spec.state, &self.state_dir, self.layout.shards, note)?;
        let udfs = self.job.instantiate(&self.observer)?;
        let log = self.log.open(&config.log).map_err(ShardError::from)?;
        let log = MeteredLog::new(log, meter.clone(), self.budget.clone());
        Ok(Shard::new(
            config,
            plan.clone(),
            Box::new(log),
            store,
            MeteredUdf::all(udfs, meter),
            Box::new(Monotonic(Instant::now())),
        )?)
    }
}

enum Stop {
    Shard(ShardError),
    Host(Error),
}

impl From<ShardError> for Stop {
    fn from(error: ShardError) -> Self {
        Self::Shard(error)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}
