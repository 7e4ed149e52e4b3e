//! The shard loop: one thread, one connection to the log, one store. `source → pipeline → outputs`, and at the epoch's end
//! `state → changelog → commit → store`. Whatever fails, the shard goes back to its last commit.

mod recovery;
mod resolve;
#[cfg(test)]
mod tests;

use crate::epoch::{self, EpochRecord, TaskRecord, Witness, topic_id_text};
use crate::failpoint;
use crate::ledger::Account;
use crate::log::{self, Kind, OutRecord, Position, ShardConfig, ShardLog, SourceBatch, TopicId};
use crate::overlay::Overlay;
use crate::pipeline::{Emit, Pipeline, Plan, RECORD_OVERHEAD_BYTES, StepError, TopicLimits};
use crate::spec::StartSpec;
use crate::state::{Marker, StateStore, StoreError};
use crate::udf::Udf;
use std::collections::BTreeMap;
use std::time::Duration;

/// Records taken from the log at once at most; a batch never has more.
const POLL_ROWS_MAX: usize = crate::batch::ROWS_MAX;
/// How long a poll waits where nothing else sets a limit: bounds how fast a stop is noticed.
const POLL_WAIT: Duration = Duration::from_millis(50);
/// Positions are committed again after this long without a commit: brokers forget those of a week ago.
const RECOMMIT_AFTER: Duration = Duration::from_secs(12 * 3600);
/// Aborted attempts in a row, without a commit between them, before the shard gives up.
const ATTEMPTS_MAX: u32 = 100;
/// Notes kept until they are taken.
const NOTES_MAX: usize = 1000;

/// Monotonic time. Only decides when epochs end, never what they contain.
pub trait Clock: Send {
    /// Time since some fixed moment.
    fn now(&self) -> Duration;
}

/// What a shard is configured with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Connection to the log.
    pub log: ShardConfig,
    /// Partitions of the source topic.
    pub source_partitions: i32,
    /// Where a new job starts.
    pub start: StartSpec,
    /// An epoch ends after this long...
    pub epoch_interval: Duration,
    /// ...or when the changed state takes this many bytes.
    pub overlay_bytes_max: usize,
    /// Committed state cached in memory, in bytes.
    pub cache_bytes_max: usize,
    /// Take the changelog's word where committed positions are missing.
    pub recover_from_changelog: bool,
    /// Lineage for the case that the job is new: any number that no other job had.
    pub new_lineage: u64,
}

/// Why a shard can't go on with its connection.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The connection is fenced, broken or tainted, or the host is short of something: wait (longer each time), confirm
    /// that the shard is still ours, open another connection, recover.
    #[error("{0}")]
    Reconnect(String),
    /// Somebody must act.
    #[error("{0}")]
    Halt(String),
}

impl From<log::Error> for ShardError {
    fn from(error: log::Error) -> Self {
        match error.kind {
            Kind::Halt => Self::Halt(error.message),
            Kind::Retriable | Kind::Abortable | Kind::Fenced => Self::Reconnect(error.message),
        }
    }
}

impl From<StoreError> for ShardError {
    fn from(error: StoreError) -> Self {
        Self::Halt(format!(
            "{error}. What is committed is in the changelog: free the disk or remove the data folder, then start again."
        ))
    }
}

impl From<epoch::ChangelogError> for ShardError {
    fn from(error: epoch::ChangelogError) -> Self {
        Self::Halt(error.to_string())
    }
}

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

/// What one turn of the loop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing arrived.
    Idle,
    /// Records were processed.
    Worked,
    /// An epoch was committed.
    Committed,
    /// The transaction was aborted and the shard is back at its last commit.
    Aborted,
    /// The (bounded) input has ended and everything is committed.
    Ended,
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
    arrived: Vec<SourceBatch>,
    /// What traps were found to come from, for the job's log.
    notes: Vec<String>,
}

/// Sends a pipeline's outputs to the log.
struct Outputs<'a>(&'a mut dyn ShardLog);

impl Emit for Outputs<'_> {
    fn emit(&mut self, record: OutRecord<'_>) -> log::Result<()> {
        self.0.send(record)
    }
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
        let mut topics = Vec::new();
        for topic in 0..plan.topics.len() {
            let partitions = log.sink_partitions(topic)?;
            topics.push(TopicLimits {
                partitions,
                record_bytes_max: log.record_bytes_max(Some(topic))?,
            });
        }
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
        self.pipeline.reset(&self.committed.ledger);
        let mut read = Vec::new();
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
            read.push((*partition, task.offset));
        }
        self.log.assign(&read)?;
        self.sealed_at = self.clock.now();
        Ok(())
    }

    /// Take what has arrived, process it, end the epoch if it is time. `stop` ends the epoch now.
    pub fn turn(&mut self, stop: bool) -> Result<Turn, ShardError> {
        let wait = match self.progress {
            _ if stop => Duration::ZERO,
            true => self.due_in().min(POLL_WAIT),
            false => POLL_WAIT,
        };
        let mut arrived = std::mem::take(&mut self.arrived);
        let polled = if stop {
            Ok(())
        } else {
            self.log.poll(POLL_ROWS_MAX, wait, &mut arrived)
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
        let memory_max =
            (self.config.cache_bytes_max).saturating_add(changed_max.saturating_mul(4));
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
            }
            self.progress = true;
            let (partition, next_offset) = (batch.partition, batch.next_offset);
            self.pipeline
                .step(batch, &mut self.overlay, &mut Outputs(self.log.as_mut()))?;
            self.positions.insert(partition, next_offset);
            failpoint::reach("mid-epoch");
        }
        Ok(worked)
    }

    fn end_epoch(&mut self) -> Result<Turn, ShardError> {
        self.sealed_at = self.clock.now();
        if !self.open {
            self.log.begin()?;
            self.open = true;
        }
        self.pipeline.before_seal(&mut self.overlay)?;
        let ledger: BTreeMap<String, Account> = self.pipeline.accounts().into_iter().collect();
        if let Some((id, why)) = ledger
            .iter()
            .find_map(|(id, account)| Some((id, account.imbalance()?)))
        {
            self.abort();
            return Err(ShardError::Halt(format!(
                "the ledger of operator `{id}` does not balance: {why}. Nothing of this epoch was committed. This is a \
                 bug in sluicebox: please report it with the job spec."
            )));
        }
        let tasks = self.positions.iter().map(|(partition, offset)| {
            let (timestamp_max, ended) = self.pipeline.task(*partition);
            (
                *partition,
                TaskRecord {
                    offset: *offset,
                    timestamp_max,
                    ended,
                },
            )
        });
        let tasks = tasks.collect();
        match self.commit_epoch(tasks, ledger) {
            Ok(()) => {
                self.attempts = 0;
                self.hurry = false;
                for (partition, offset) in &self.positions {
                    self.pipeline.forget_verdicts(*partition, *offset);
                }
                Ok(Turn::Committed)
            }
            Err(CommitError::Abortable(why)) => self.back_to_last_commit(&why),
            Err(CommitError::Shard(error)) => Err(error),
        }
    }

    /// Write delta and epoch record, commit, apply the delta. A transaction is open.
    fn commit_epoch(
        &mut self,
        tasks: BTreeMap<i32, TaskRecord>,
        ledger: BTreeMap<String, Account>,
    ) -> Result<(), CommitError> {
        let delta = self.overlay.seal();
        let last = &self.committed;
        let record = EpochRecord {
            format: epoch::FORMAT,
            lineage: last.lineage,
            epoch: last.epoch + 1,
            predecessor: last.epoch,
            generation: last.generation,
            catalog_revision: 0,
            plan_hash: self.plan.hash,
            source_topic_id: topic_id_text(&last.topic),
            source_partitions: self.config.source_partitions,
            tasks,
            ledger,
            chunks: 0,
            delta_bytes: 0,
            digest: 0,
        };
        let witness = Witness {
            lineage: record.lineage,
            epoch: record.epoch,
            generation: record.generation,
        };
        let positions = record.tasks.iter().map(|(partition, task)| Position {
            partition: *partition,
            offset: task.offset,
            metadata: witness.text(),
        });
        let positions: Vec<Position> = positions.collect();
        let (tasks, ledger) = (record.tasks.clone(), record.ledger.clone());
        let sealed = epoch::seal(record, &delta, self.chunk_bytes_max).map_err(ShardError::from)?;
        failpoint::reach("before-changelog");
        for (key, value) in &sealed.records {
            self.log.append_changelog(key, value)?;
        }
        failpoint::reach("after-changelog");
        let tainted = self.log.commit(&positions, &self.committed.topic)?;
        failpoint::reach("after-commit");
        self.open = false;
        self.progress = false;
        let marker = Marker {
            lineage: witness.lineage,
            epoch: witness.epoch,
            generation: witness.generation,
            changelog_next: self.committed.changelog_next,
        };
        self.committed.epoch = witness.epoch;
        self.committed.tasks = tasks;
        self.committed.ledger = ledger;
        // Records and one transaction marker; what aborted transactions left there only moves the truth further on.
        self.committed.changelog_next += sealed.records.len() as i64 + 1;
        self.overlay
            .committed(&delta, marker)
            .map_err(ShardError::from)?;
        failpoint::reach("after-apply");
        if tainted {
            return Err(ShardError::Reconnect(
                "the connection to the brokers was slow or broke during a commit".to_owned(),
            )
            .into());
        }
        Ok(())
    }

    fn abort(&mut self) {
        if std::mem::take(&mut self.open) {
            // Whatever comes of it: an open transaction is also ended by the next init_transactions.
            let _ = self.log.abort();
        }
    }

    fn step_failed(&mut self, error: StepError) -> Result<Turn, ShardError> {
        match error {
            StepError::Trap(failed) => {
                let note = failed.trap.clone();
                self.back_to_last_commit(&note)?;
                self.hurry = true;
                let learned = match self.pipeline.investigate(*failed) {
                    Ok(learned) => learned,
                    Err(error) => return self.step_failed(error),
                };
                if learned.anything {
                    // Rows are finite: this can't go on for ever.
                    self.attempts = 0;
                }
                learned.notes.into_iter().for_each(|note| self.note(note));
                Ok(Turn::Aborted)
            }
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

    fn back_to_last_commit(&mut self, why: &str) -> Result<Turn, ShardError> {
        self.attempts += 1;
        if self.attempts > ATTEMPTS_MAX {
            self.abort();
            return Err(ShardError::Halt(format!(
                "{ATTEMPTS_MAX} attempts in a row failed, the last one with: {why}"
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

/// Where a shard is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Last committed epoch.
    pub epoch: u64,
    /// Next offset of each source partition (not yet committed).
    pub positions: BTreeMap<i32, i64>,
    /// Watermark of each source partition, in milliseconds.
    pub watermarks: BTreeMap<i32, i64>,
    /// Where the rows went, by operator in plan order (not yet committed).
    pub accounts: Vec<(String, Account)>,
    /// The same as of the last commit.
    pub committed_accounts: BTreeMap<String, Account>,
}

/// Why an epoch was not committed (or was, but the connection can't be used any more).
enum CommitError {
    /// Abort and rebuild.
    Abortable(String),
    Shard(ShardError),
}

impl From<ShardError> for CommitError {
    fn from(error: ShardError) -> Self {
        Self::Shard(error)
    }
}

impl From<log::Error> for CommitError {
    fn from(error: log::Error) -> Self {
        match error.kind {
            Kind::Abortable | Kind::Retriable => Self::Abortable(error.message),
            Kind::Fenced | Kind::Halt => Self::Shard(error.into()),
        }
    }
}

impl From<CommitError> for ShardError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Abortable(why) => Self::Reconnect(why),
            CommitError::Shard(error) => error,
        }
    }
}
