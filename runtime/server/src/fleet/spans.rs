//! Spans of one job on this host: what it took to load a version, to start a shard, to process and commit an epoch.

use super::wanted::JobId;
use crate::telemetry::{Attributes, Tracer, Value};
use sluicebox_core::shard::Progress;
use sluicebox_host::Figures;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Makes a job's spans.
pub struct Spans {
    tracer: Tracer,
    id: JobId,
    shards: Mutex<BTreeMap<i32, Before>>,
}

/// What a shard had done when its last epoch ended: figures only ever grow.
#[derive(Default)]
struct Before {
    /// By operator: another version may have others.
    busy: BTreeMap<String, Duration>,
    aborts: u64,
    /// Why it had to start over, until it has.
    reason: Option<String>,
}

impl Spans {
    /// Those of this job.
    pub fn new(id: JobId, tracer: Tracer) -> Self {
        Self {
            tracer,
            id,
            shards: Mutex::default(),
        }
    }

    /// A version's modules were read, compiled and checked, or could not be.
    pub fn loaded(&self, version: u32, took: Duration, error: Option<&str>) {
        let error = error.map(str::to_owned);
        (self.tracer).did("load version", took, error, || self.attributes(version));
    }

    /// A shard could not go on.
    pub fn restarting(&self, shard: i32, why: &str) {
        let before = Before {
            reason: Some(why.to_owned()),
            ..Before::default()
        };
        self.lock().insert(shard, before);
    }

    /// A shard is connected and recovered.
    pub fn started(&self, version: u32, shard: i32, epoch: u64, took: Duration) {
        let before = self.lock().insert(shard, Before::default());
        self.tracer.did("start shard", took, None, || {
            let mut attributes = self.of_shard(version, shard, epoch);
            if let Some(reason) = before.and_then(|before| before.reason) {
                attributes.push(("sluicebox.reason".to_owned(), Value::Text(reason)));
            }
            attributes
        });
    }

    /// A shard was stopped.
    pub fn stopped(&self, shard: i32) {
        self.lock().remove(&shard);
    }

    /// A shard has just committed an epoch.
    pub fn epoch(&self, version: u32, shard: i32, progress: &Progress, figures: &Figures) {
        let operators = figures.operators.iter();
        let now = Before {
            busy: operators.map(|o| (o.id.clone(), o.calls.sum)).collect(),
            aborts: figures.aborts,
            reason: None,
        };
        let before = self.lock().insert(shard, now).unwrap_or_default();
        let last = figures.last_epoch;
        let attributes = || {
            let mut attributes = self.of_shard(version, shard, progress.epoch);
            let numbers = [
                ("sluicebox.records", last.records),
                ("sluicebox.changelog_bytes", last.changelog_bytes),
                (
                    "sluicebox.aborts",
                    figures.aborts.saturating_sub(before.aborts),
                ),
            ];
            attributes.extend(numbers.map(|(key, number)| (key.to_owned(), int(number))));
            for operator in &figures.operators {
                let earlier = before.busy.get(&operator.id).copied().unwrap_or_default();
                let busy = operator.calls.sum.saturating_sub(earlier);
                let key = format!("sluicebox.operator.{}.busy_seconds", operator.id);
                attributes.push((key, Value::Float(busy.as_secs_f64())));
            }
            attributes
        };
        let epoch = self.tracer.did("epoch", last.took, None, attributes);
        if let Some(epoch) = epoch {
            self.tracer.part(epoch, "commit", last.commit);
        }
    }

    fn attributes(&self, version: u32) -> Attributes {
        let JobId { tenant, job, .. } = &self.id;
        [
            ("sluicebox.tenant", Value::Text(tenant.clone())),
            ("sluicebox.job", Value::Text(job.clone())),
            ("sluicebox.version", int(version.into())),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    fn of_shard(&self, version: u32, shard: i32, epoch: u64) -> Attributes {
        let mut attributes = self.attributes(version);
        attributes.push(("sluicebox.shard".to_owned(), Value::Int(shard.into())));
        attributes.push(("sluicebox.epoch".to_owned(), int(epoch)));
        attributes
    }

    /// Each change is made under one lock, so a panic elsewhere can't leave half of one.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<i32, Before>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn int(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
