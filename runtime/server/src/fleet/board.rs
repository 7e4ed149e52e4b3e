//! What is known of one job on this host: where its shards are, and what it said. Shards write, the API reads.

use super::parts::Parts;
use super::spans::Spans;
use super::wanted::JobId;
use crate::event::ApiEvent;
use crate::logs::{LogLine, Logs};
use crate::port::{RunState, ShardStatus, Status};
use sluicebox_host::{Event, Level, Observer};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The board of one job.
pub struct Board {
    inner: Mutex<Inner>,
    logs: Logs,
    spans: Spans,
    id: JobId,
    parts: Arc<Parts>,
}

struct Inner {
    state: RunState,
    version: Option<u32>,
    message: Option<String>,
    shards: BTreeMap<i32, ShardStatus>,
}

impl Board {
    /// An empty one, of a job that stands.
    pub fn new(id: JobId, parts: Arc<Parts>) -> Self {
        Self {
            inner: Mutex::new(Inner {
                state: RunState::Idle,
                version: None,
                message: None,
                shards: BTreeMap::new(),
            }),
            logs: Logs::default(),
            spans: Spans::new(id.clone(), parts.tracer.clone()),
            id,
            parts,
        }
    }

    /// Where the job is.
    pub fn status(&self) -> Status {
        let inner = self.lock();
        Status {
            state: inner.state,
            version: inner.version,
            message: inner.message.clone(),
            shards: inner.shards.values().cloned().collect(),
        }
    }

    /// What it said.
    pub fn logs(&self) -> Logs {
        self.logs.clone()
    }

    pub(super) fn starting(&self) {
        self.set(RunState::Starting, None);
    }

    /// A version runs from now on.
    pub(super) fn runs(&self, version: u32) {
        self.lock().version = Some(version);
        self.set(RunState::Running, None);
        self.say(Level::Info, None, None, format!("version {version} runs"));
    }

    /// A version was loaded, or could not be.
    pub(super) fn loaded(&self, version: u32, took: Duration, error: Option<&str>) {
        self.spans.loaded(version, took, error);
    }

    pub(super) fn retrying(&self, why: &str, wait: Duration) {
        self.end(RunState::Restarting, Some(why));
        let text = format!("tried again in {} ms: {why}", wait.as_millis());
        self.say(Level::Warn, None, None, text);
    }

    pub(super) fn halted(&self, why: &str) {
        self.end(RunState::Halted, Some(why));
        self.say(Level::Error, None, None, format!("halted: {why}"));
    }

    /// It is not to run, and does not.
    pub(super) fn stands(&self) {
        self.end(RunState::Idle, None);
    }

    pub(super) fn stopped(&self) {
        self.stands();
        let text = "stopped; what it committed stays".to_owned();
        self.say(Level::Info, None, None, text);
    }

    pub(super) fn note(&self, text: String) {
        self.say(Level::Warn, None, None, text);
    }

    fn end(&self, state: RunState, why: Option<&str>) {
        self.lock().shards.clear();
        self.set(state, why);
    }

    fn set(&self, state: RunState, why: Option<&str>) {
        let mut inner = self.lock();
        inner.state = state;
        inner.message = why.map(str::to_owned);
    }

    fn shard(&self, shard: i32, change: impl FnOnce(&mut ShardStatus)) {
        change(
            self.lock()
                .shards
                .entry(shard)
                .or_insert_with(|| ShardStatus::unknown(shard)),
        );
    }

    /// What runs; 0 before anything does.
    fn version(&self) -> u32 {
        self.lock().version.unwrap_or_default()
    }

    fn say(&self, level: Level, shard: Option<i32>, operator: Option<&str>, text: String) {
        let line = LogLine {
            at_ms: self.parts.clock.now_ms(),
            shard,
            operator: operator.map(str::to_owned),
            level,
            text,
        };
        self.logs.push(line.clone());
        let JobId { tenant, job, .. } = self.id.clone();
        let event = ApiEvent::Job { tenant, job, line };
        self.parts.observer.event(event);
    }

    /// Each change is made under one lock, so a panic elsewhere can't leave half of one.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Board {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Started { shard, epoch, took } => {
                self.shard(shard, |status| {
                    status.state = RunState::Running;
                    status.message = None;
                    status.epoch = epoch;
                });
                self.spans.started(self.version(), shard, epoch, took);
                let text = format!("goes on after epoch {epoch}");
                self.say(Level::Info, Some(shard), None, text);
            }
            Event::Switched { shard, epoch } => {
                let text = format!(
                    "goes on with version {} after epoch {epoch}",
                    self.version()
                );
                self.say(Level::Info, Some(shard), None, text);
            }
            Event::Parked { shard } => {
                self.shard(shard, |status| {
                    status.state = RunState::Idle;
                    status.message = Some("parked: it has nothing to read".to_owned());
                });
            }
            Event::Stopped { shard } => {
                self.lock().shards.remove(&shard);
                self.spans.stopped(shard);
                self.say(Level::Info, Some(shard), None, "stopped".to_owned());
            }
            Event::Restarting {
                shard,
                why,
                wait_ms,
            } => {
                self.shard(shard, |status| {
                    status.state = RunState::Restarting;
                    status.message = Some(why.to_owned());
                });
                self.spans.restarting(shard, why);
                let text = format!("starts over in {wait_ms} ms: {why}");
                self.say(Level::Warn, Some(shard), None, text);
            }
            Event::Note { shard, text } => {
                self.say(Level::Warn, Some(shard), None, text.to_owned());
            }
            Event::ModuleLog {
                operator,
                level,
                text,
            } => self.say(level, None, Some(operator), text.to_owned()),
            Event::Progress {
                shard,
                progress,
                figures,
            } => {
                let mut committed = false;
                self.shard(shard, |status| {
                    committed = status.epoch != progress.epoch;
                    status.epoch = progress.epoch;
                    status.positions.clone_from(&progress.positions);
                    status.ends.clone_from(&figures.ends);
                    status.watermarks.clone_from(&progress.watermarks);
                    status.ledger = progress.accounts.iter().cloned().collect();
                    status.measured(figures);
                });
                if committed {
                    self.spans.epoch(self.version(), shard, progress, figures);
                }
            }
        }
    }
}
