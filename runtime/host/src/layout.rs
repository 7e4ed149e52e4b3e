//! Names and numbers of a job in the log: which topics, groups and transactional ids are its own.

use crate::error::{Error, Result};
use sluicebox_core::log::{Log, MemberConfig, ShardConfig, Topic};
use sluicebox_core::pipeline::Plan;
use sluicebox_core::spec::JobSpec;

/// Shards of a job that does not say how many, where its source has as many partitions.
pub const SHARDS_DEFAULT_MAX: i32 = 4;
/// A transaction must end within this; an epoch takes less than half of it.
const TRANSACTION_TIMEOUT_MIN_MS: u64 = 60_000;

/// Group of the hosts that share a job.
pub fn members(base: &str) -> String {
    format!("{}.members", prefix(base))
}

/// Group that says which dead letters of a job were dealt with, and transactional id of whoever does that.
pub fn requeue(base: &str) -> String {
    format!("{}.requeue", prefix(base))
}

/// How a job is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Number of shards, fixed when the changelog was made.
    pub shards: i32,
    /// The source topic.
    pub source: Topic,
    /// Changelog topic.
    pub changelog: String,
    /// Group that holds the positions.
    pub group: String,
    base: String,
}

/// What the names of a job in the log begin with, where no catalog gives it one of its own.
pub fn base(installation: &str, job: &str) -> String {
    format!("sluicebox.{installation}.{job}")
}

/// Group of a job's positions: the base of its names, unless the spec names another.
pub fn group(spec: &JobSpec, base: &str) -> String {
    spec.group.clone().unwrap_or_else(|| base.to_owned())
}

/// Layout 1: the number changes with a rescale, so that old and new owners never share an id.
fn prefix(base: &str) -> String {
    format!("{base}.1")
}

/// Name of a job's changelog topic.
pub fn changelog(base: &str) -> String {
    format!("{}.changelog", prefix(base))
}

impl Layout {
    /// Find the job's layout in the log, or make it. `base`: what all of its names begin with.
    pub fn find(log: &dyn Log, spec: &JobSpec, plan: &Plan, base: &str) -> Result<Self> {
        let mut topics = topics(log, plan)?;
        let (_, source) = topics.swap_remove(0);
        let changelog = changelog(base);
        let wanted = match spec.shards {
            Some(shards) => i32::from(shards),
            None => source.partitions.min(SHARDS_DEFAULT_MAX),
        };
        if wanted > source.partitions {
            return Err(Error::input(format!(
                "`shards: {wanted}` is more than the {} partitions of topic `{}`; a shard has at least one",
                source.partitions, plan.source_topic
            )));
        }
        let shards = log.ensure_changelog(&changelog, wanted)?;
        if spec.shards.is_some() && shards != wanted {
            return Err(Error::halted(format!(
                "the job was started with {shards} shards and its spec says {wanted} now. Changing that is a rescale, which \
                 does not exist yet: set `shards: {shards}`, or start the job under a new name."
            )));
        }
        Ok(Self {
            shards,
            source,
            changelog,
            group: group(spec, base),
            base: base.to_owned(),
        })
    }

    /// Configuration of one shard's connection.
    pub fn shard(&self, spec: &JobSpec, plan: &Plan, shard: i32) -> ShardConfig {
        ShardConfig {
            source: plan.source_topic.clone(),
            partitions: (0..self.source.partitions)
                .filter(|partition| partition % self.shards == shard)
                .collect(),
            sinks: plan.topics.clone(),
            changelog: self.changelog.clone(),
            shard,
            transactional_id: format!("{}.{shard}", prefix(&self.base)),
            group: self.group.clone(),
            delivery: spec.delivery,
            epoch_interval_ms: spec.epoch.interval_ms,
            transaction_timeout_ms: (spec.epoch.interval_ms * 4).max(TRANSACTION_TIMEOUT_MIN_MS),
        }
    }

    /// Configuration of this host's membership.
    pub fn member(&self, host_id: &str) -> MemberConfig {
        MemberConfig {
            group: members(&self.base),
            changelog: self.changelog.clone(),
            host_id: host_id.to_owned(),
        }
    }
}

/// The topics of a job, the source first; all must be there.
pub fn topics(log: &dyn Log, plan: &Plan) -> Result<Vec<(String, Topic)>> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for name in std::iter::once(&plan.source_topic).chain(&plan.topics) {
        match log.topic(name)? {
            Some(topic) => found.push((name.clone(), topic)),
            None => missing.push(name.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    Err(Error::input(format!(
        "no such topic: `{}`. Jobs don't make topics of their own accord: create what is missing with the number of \
         partitions you want, or correct the name in the spec.",
        missing.join("`, `")
    )))
}
