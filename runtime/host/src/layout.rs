//! Names and numbers of a job in the log: which topics, groups and transactional ids are its own.

use crate::error::{Error, Result};
use sluicebox_core::log::{Log, MemberConfig, ShardConfig, Topic};
use sluicebox_core::pipeline::Plan;
use sluicebox_core::spec::JobSpec;

/// Shards of a job that does not say how many.
const SHARDS_DEFAULT_MAX: i32 = 4;
/// A transaction must end within this; an epoch takes less than half of it.
const TRANSACTION_TIMEOUT_MIN_MS: u64 = 60_000;

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
    prefix: String,
}

/// Group of a job's positions, `sluicebox.INSTALLATION.JOB` unless the spec names another.
pub fn group(spec: &JobSpec, installation: &str) -> String {
    spec.group
        .clone()
        .unwrap_or_else(|| format!("sluicebox.{installation}.{}", spec.job))
}

impl Layout {
    /// Find the job's layout in the log, or make it.
    pub fn find(log: &dyn Log, spec: &JobSpec, plan: &Plan, installation: &str) -> Result<Self> {
        let source = source(log, plan)?;
        // Layout 1: the number changes with a rescale, so that old and new owners never share an id.
        let prefix = format!("sluicebox.{installation}.{}.1", spec.job);
        let changelog = format!("{prefix}.changelog");
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
            group: group(spec, installation),
            prefix,
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
            transactional_id: format!("{}.{shard}", self.prefix),
            group: self.group.clone(),
            delivery: spec.delivery,
            epoch_interval_ms: spec.epoch.interval_ms,
            transaction_timeout_ms: (spec.epoch.interval_ms * 4).max(TRANSACTION_TIMEOUT_MIN_MS),
        }
    }

    /// Configuration of this host's membership.
    pub fn member(&self, host_id: &str) -> MemberConfig {
        MemberConfig {
            group: format!("{}.members", self.prefix),
            changelog: self.changelog.clone(),
            host_id: host_id.to_owned(),
        }
    }
}

/// The source topic; all topics that the job writes to must be there too.
fn source(log: &dyn Log, plan: &Plan) -> Result<Topic> {
    let mut missing = Vec::new();
    for name in &plan.topics {
        if log.topic(name)?.is_none() {
            missing.push(name.as_str());
        }
    }
    let source = log.topic(&plan.source_topic)?;
    if source.is_none() {
        missing.insert(0, &plan.source_topic);
    }
    match source {
        Some(source) if missing.is_empty() => Ok(source),
        _ => Err(Error::input(format!(
            "no such topic: `{}`. Jobs don't make topics of their own accord: create what is missing with the number of \
             partitions you want, or correct the name in the spec.",
            missing.join("`, `")
        ))),
    }
}
