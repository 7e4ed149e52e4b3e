//! The shard loop: one thread, one connection to the log, one store. `source → pipeline → outputs`, and at the epoch's end
//! `state → changelog → commit → store`. Whatever fails, the shard goes back to its last commit.

mod api;
mod commit;
mod late;
mod recovery;
mod resolve;
mod switch;

pub use api::{Clock, Config, Progress, ShardError, Turn};
pub use switch::Version;

use crate::epoch::TaskRecord;
use crate::failpoint;
use crate::ledger::Account;
use crate::log::{self, Kind, OutRecord, ShardLog, SourceBatch, TopicId};
use crate::overlay::Overlay;
use crate::pipeline::{
    Emit, Investigation, Pipeline, Plan, RECORD_OVERHEAD_BYTES, StepError, TopicLimits,
};
use crate::state::StateStore;
use crate::udf::Udf;
use std::collections::BTreeMap;
use std::time::Duration;

/// Records taken from the log at once at most. More would not make calls cheaper, but leave the batch colder in the
/// processor's cache (docs/benchmarks.md).
const POLL_ROWS_MAX: usize = 1024;
/// How long a poll waits where nothing else sets a limit: bounds how fast a stop is noticed.
const POLL_WAIT: Duration = Duration::from_millis(50);
/// Positions are committed again after this long without a commit: brokers forget those of a week ago.
const RECOMMIT_AFTER: Duration = Duration::from_secs(12 * 3600);
/// Aborted attempts in a row, without a commit between them, before whoever runs the shard has to wait and reconnect:
/// brokers that are restarting need time, and nobody to act.
const ATTEMPTS_MAX: u32 = 5;
/// Notes kept until they are taken.
const NOTES_MAX: usize = 1000;

/// The last commit.
#[derive(Clone, Debug, Default)]
struct Committed {
    lineage: u64,
    epoch: u64,
    generation: u64,
    topic: TopicId,
    tasks: BTreeMap<i32, TaskRecord>,
    ledger: BTreeMap<String, Account>,
    /// The next commit's first record will stand at this changelog offset or after it.
    changelog_next: i64,
}

/// One shard of a job.
pub struct Shard {
    config: Config,
    plan: Plan,
    log: Box<dyn ShardLog>,
    overlay: Overlay,
    pipeline: Pipeline,
    clock: Box<dyn Clock>,
    /// Largest piece of a delta that the changelog takes.
    chunk_bytes_max: usize,
    committed: Committed,
    positions: BTreeMap<i32, i64>,
    /// A transaction is open.
    open: bool,
    /// Something is to be committed.
    progress: bool,
    sealed_at: Duration,
    attempts: u32,
    /// A module trapped since the last commit: commit as soon as a batch works, so that a trap costs one epoch at most.
    hurry: bool,
    /// Of the last trap.
    investigation: Option<Investigation>,
    /// Records taken from the log at once: half as many after each trap, and twice as many after each commit. So where
    /// many are poisonous there are commits between them.
    rows_max: usize,
    /// Most that it may be: less after a batch that took longer than a transaction may, until batches are far from that.
    rows_limit: usize,
    /// A single record took longer than that since the last commit.
    late_alone: bool,
    /// When the open transaction began.
    began: Duration,
    arrived: Vec<SourceBatch>,
    /// What traps were found to come from, for the job's log.
    notes: Vec<String>,
}

/// Sends a pipeline's outputs to the log.
struct Outputs<'a> {
    log: &'a mut dyn ShardLog,
    clock: &'a dyn Clock,
    until: Duration,
}

impl Emit for Outputs<'_> {
    fn emit(&mut self, record: OutRecord<'_>) -> log::Result<()> {
        self.log.send(record)
    }
    fn in_time(&self) -> bool {
        self.clock.now() < self.until
    }
}

/// What the log says about the topics of a plan.
fn topic_limits(plan: &Plan, log: &mut dyn ShardLog) -> log::Result<Vec<TopicLimits>> {
    let limits = |topic| {
        Ok(TopicLimits {
            partitions: log.sink_partitions(topic)?,
            record_bytes_max: log.record_bytes_max(Some(topic))?,
        })
    };
    (0..plan.topics.len()).map(limits).collect()
}

impl Shard {
    /// A shard that has yet to [`Shard::recover`]. Asks the log about the topics it writes to.
    pub fn new(
        config: Config,
        plan: Plan,
        mut log: Box<dyn ShardLog>,
        store: Box<dyn StateStore>,
        udfs: Vec<Box<dyn Udf>>,
        clock: Box<dyn Clock>,
    ) -> Result<Self, ShardError> {
        let topics = topic_limits(&plan, log.as_mut())?;
        let chunk_bytes_max = log
            .record_bytes_max(None)?
            .saturating_sub(RECORD_OVERHEAD_BYTES);
        let pipeline = Pipeline::new(&plan, udfs, topics);
        let overlay = Overlay::new(store, config.cache_bytes_max);
        let sealed_at = clock.now();
        Ok(Self {
            config,
            plan,
            log,
            overlay,
            pipeline,
            clock,
            chunk_bytes_max,
            committed: Committed::default(),
            positions: BTreeMap::new(),
            open: false,
            progress: false,
            sealed_at,
            attempts: 0,
            hurry: false,
            investigation: None,
            rows_max: POLL_ROWS_MAX,
            rows_limit: POLL_ROWS_MAX,
            late_alone: false,
            began: Duration::ZERO,
            arrived: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// Go on with a new connection (then [`Shard::recover`]). Store, modules and verdicts stay.
    pub fn reconnect(&mut self, log: Box<dyn ShardLog>) {
        self.log = log;
        self.forget();
    }

    /// Drop everything that is not committed, as far as memory goes.
    fn forget(&mut self) {
        self.open = false;
        self.progress = false;
        self.arrived.clear();
        self.overlay.reset();
        self.pipeline.reset(&BTreeMap::new());
    }

    /// Go back to the last commit with this connection.
    fn rebuild(&mut self) -> Result<(), ShardError> {
        self.forget();
        self.restore()?;
        let positions: Vec<(i32, i64)> = self.positions.iter().map(|(p, at)| (*p, *at)).collect();
        self.log.assign(&positions)?;
        self.sealed_at = self.clock.now();
        Ok(())
    }

    /// Take up all tasks where the last commit left them.
    fn restore(&mut self) -> Result<(), ShardError> {
        self.pipeline.reset(&self.committed.ledger);
        self.positions.clear();
        for (partition, task) in &self.committed.tasks {
            let (timestamp_max, ended) = (task.timestamp_max, task.ended);
            self.pipeline
                .restore(*partition, timestamp_max, ended, &self.overlay)
                .map_err(|error| match error {
                    StepError::State(error) => ShardError::from(error),
                    other => ShardError::Halt(other.to_string()),
                })?;
            self.positions.insert(*partition, task.offset);
        }
        Ok(())
    }

    /// Take what has arrived, process it, end the epoch if it is time. `stop` ends the epoch now. After a trap, look for who is
    /// guilty before anything else is taken.
    pub fn turn(&mut self, stop: bool) -> Result<Turn, ShardError> {
        if !stop && let Some(investigation) = self.investigation.take() {
            return self.investigate(investigation);
        }
        let wait = match self.progress {
            _ if stop => Duration::ZERO,
            true => self.due_in().min(POLL_WAIT),
            false => POLL_WAIT,
        };
        let mut arrived = std::mem::take(&mut self.arrived);
        let polled = if stop {
            Ok(())
        } else {
            let rows_max = self.rows_max.min(self.pipeline.rows_max());
            self.log.poll(rows_max, wait, &mut arrived)
        };
        let worked = match polled {
            Ok(()) => self.process(&mut arrived),
            // Nothing happened but what arrived before it; the next turn polls again.
            Err(error) if error.kind == Kind::Retriable => {
                self.note(error.message);
                self.process(&mut arrived)
            }
            Err(error) => Err(StepError::Log(error)),
        };
        arrived.clear();
        self.arrived = arrived;
        match worked {
            Ok(worked) => {
                if self.epoch_is_over(stop) {
                    return self.end_epoch();
                }
                Ok(match worked {
                    _ if self.all_ended() => Turn::Ended,
                    true => Turn::Worked,
                    false => Turn::Idle,
                })
            }
            Err(error) => self.step_failed(error),
        }
    }

    /// Take nothing, but end the epoch if it is time: for a shard that has used up what it may for now.
    pub fn rest(&mut self) -> Result<Turn, ShardError> {
        match self.epoch_is_over(false) {
            true => self.end_epoch(),
            false => Ok(Turn::Idle),
        }
    }

    fn epoch_is_over(&self, stop: bool) -> bool {
        let old = self.clock.now().saturating_sub(self.sealed_at) >= RECOMMIT_AFTER;
        let over = || {
            stop || self.hurry || self.overlay_full() || self.due_in().is_zero() || self.all_ended()
        };
        old || (self.progress && over())
    }

    /// Whether the changes take as much as they may, or all state in memory has grown far beyond that (by reading):
    /// a commit brings both back under their limits.
    fn overlay_full(&self) -> bool {
        let changed_max = self.config.overlay_bytes_max;
        let memory_max = Config::memory_bytes_max(self.config.cache_bytes_max, changed_max);
        self.overlay.dirty_bytes() >= changed_max || self.overlay.memory_bytes() >= memory_max
    }

    /// Time until the epoch should end. Counted from the last seal, so that what arrives during a commit does not wait
    /// longer than an interval.
    fn due_in(&self) -> Duration {
        (self.sealed_at + self.config.epoch_interval).saturating_sub(self.clock.now())
    }

    fn all_ended(&self) -> bool {
        !self.positions.is_empty()
            && self
                .positions
                .keys()
                .all(|partition| self.pipeline.task(*partition).1)
    }

    fn process(&mut self, arrived: &mut Vec<SourceBatch>) -> Result<bool, StepError> {
        let worked = !arrived.is_empty();
        for batch in arrived.drain(..) {
            if !self.open {
                self.log.begin()?;
                self.open = true;
                self.began = self.clock.now();
            }
            self.progress = true;
            let (partition, next_offset) = (batch.partition, batch.next_offset);
            let mut outputs = Outputs {
                until: self.began + self.time_max(),
                log: self.log.as_mut(),
                clock: self.clock.as_ref(),
            };
            self.pipeline.step(batch, &mut self.overlay, &mut outputs)?;
            self.positions.insert(partition, next_offset);
            failpoint::reach("mid-epoch");
        }
        Ok(worked)
    }

    fn step_failed(&mut self, error: StepError) -> Result<Turn, ShardError> {
        match error {
            StepError::Trap(failed) => {
                let note = failed.trap.clone();
                self.back_to_last_commit(&note)?;
                self.hurry = true;
                self.rows_max = (self.rows_max / 2).max(1);
                self.investigation = Some(Investigation::new(*failed));
                Ok(Turn::Aborted)
            }
            StepError::Late { partition, offset } => self.late(partition, offset),
            StepError::Log(error) if matches!(error.kind, Kind::Abortable | Kind::Retriable) => {
                self.back_to_last_commit(&error.message)
            }
            StepError::Log(error) => {
                self.abort();
                Err(error.into())
            }
            StepError::State(error) => {
                self.abort();
                Err(error.into())
            }
            // What the host lacks now it lacks a moment later as well: whoever reconnects waits before.
            StepError::Host(why) => {
                self.abort();
                Err(ShardError::Reconnect(why))
            }
            StepError::RowFailed(why) | StepError::Module(why) | StepError::Plan(why) => {
                self.abort();
                Err(ShardError::Halt(why))
            }
        }
    }

    fn investigate(&mut self, mut of: Investigation) -> Result<Turn, ShardError> {
        match self.pipeline.investigate(&mut of) {
            Ok(None) => self.investigation = Some(of),
            Ok(Some(learned)) => {
                if learned.anything {
                    // Rows are finite: this can't go on for ever.
                    self.attempts = 0;
                }
                learned.notes.into_iter().for_each(|note| self.note(note));
            }
            Err(error) => return self.step_failed(error),
        }
        Ok(Turn::Searched)
    }

    fn back_to_last_commit(&mut self, why: &str) -> Result<Turn, ShardError> {
        self.attempts += 1;
        if self.attempts > ATTEMPTS_MAX {
            let attempts = std::mem::take(&mut self.attempts);
            self.abort();
            return Err(ShardError::Reconnect(format!(
                "{attempts} attempts in a row failed, the last one with: {why}"
            )));
        }
        if std::mem::take(&mut self.open) {
            self.log.abort()?;
        }
        self.rebuild()?;
        Ok(Turn::Aborted)
    }

    /// Something to tell; what is said over and over is said once.
    fn note(&mut self, note: String) {
        if self.notes.last() != Some(&note) && self.notes.len() < NOTES_MAX {
            self.notes.push(note);
        }
    }

    /// What there is to tell since the last call: poisonous records and the like.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Positions of a shard that has nothing to do: all is committed, and each position is its partition's end. `None`: it
    /// has. Asks the log.
    pub fn at_rest(&mut self) -> Result<Option<BTreeMap<i32, i64>>, ShardError> {
        if self.open || self.progress {
            return Ok(None);
        }
        for (partition, position) in &self.positions {
            if self.log.source_bounds(*partition)?.end != *position {
                return Ok(None);
            }
        }
        Ok(Some(self.positions.clone()))
    }

    /// End of each source partition, as of the last fetch from it.
    pub fn fetched_ends(&self) -> BTreeMap<i32, i64> {
        let partitions = self.positions.keys();
        partitions
            .filter_map(|p| Some((*p, self.log.fetched_end(*p)?)))
            .collect()
    }

    /// About how many bytes its committed state takes.
    pub fn state_bytes(&self) -> u64 {
        self.overlay.store().bytes()
    }

    /// Where the shard is.
    pub fn progress(&self) -> Progress {
        Progress {
            epoch: self.committed.epoch,
            positions: self.positions.clone(),
            watermarks: self
                .positions
                .keys()
                .map(|p| (*p, self.pipeline.watermark(*p)))
                .collect(),
            accounts: self.pipeline.accounts(),
            committed_accounts: self.committed.ledger.clone(),
        }
    }
}
