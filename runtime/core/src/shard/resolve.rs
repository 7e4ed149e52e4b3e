//! What the facts found at recovery mean: a new job, one to continue, or a halt with what to do. No I/O.

use crate::epoch::{EpochRecord, Witness, topic_id_text};
use crate::ledger::Account;
use crate::log::{self, Bounds, ShardConfig, Topic, TopicId};
use std::collections::BTreeMap;

/// What was found.
pub struct Facts<'a> {
    /// The shard.
    pub config: &'a ShardConfig,
    /// The source topic as it is now.
    pub topic: Topic,
    /// Committed position of each of the shard's partitions: the first witness.
    pub committed: BTreeMap<i32, Option<log::Committed>>,
    /// What each partition holds.
    pub bounds: BTreeMap<i32, Bounds>,
    /// The changelog's last epoch record: the second witness.
    pub last: Option<EpochRecord>,
    /// Take the changelog's positions where the committed ones are missing or differ.
    pub recover_from_changelog: bool,
    /// Operators of the plan that keep rows.
    pub operators: Vec<String>,
}

/// What it means.
#[derive(Debug, PartialEq, Eq)]
pub enum Resolved {
    /// A job that never committed.
    New {
        /// Identity of its source topic.
        topic: TopicId,
    },
    /// A job to go on with after this commit.
    Continue {
        /// Identity of its source topic.
        topic: TopicId,
        /// The commit.
        last: EpochRecord,
    },
}

/// Decide. The error says what is wrong and what to do.
pub fn resolve(facts: Facts<'_>) -> Result<Resolved, String> {
    let topic = facts.topic.id;
    let Some(last) = &facts.last else {
        let found = facts
            .committed
            .iter()
            .find_map(|(p, c)| c.as_ref().map(|c| (*p, c)));
        return match found {
            None => Ok(Resolved::New { topic }),
            Some((partition, committed)) => {
                Err(without_changelog(facts.config, partition, committed))
            }
        };
    };
    // A topic that was made again has lost its committed positions too: say what came first.
    same_topic(&facts, last)?;
    same_partitions(&facts, last)?;
    if !facts.recover_from_changelog {
        witnesses_agree(&facts, last)?;
    }
    within_bounds(&facts, last)?;
    operators_kept(&facts.operators, &last.ledger)?;
    match facts.last {
        Some(last) => Ok(Resolved::Continue { topic, last }),
        None => Ok(Resolved::New { topic }),
    }
}

fn without_changelog(config: &ShardConfig, partition: i32, committed: &log::Committed) -> String {
    let ShardConfig {
        group,
        source,
        changelog,
        shard,
        ..
    } = config;
    match Witness::parse(&committed.metadata) {
        Some(witness) => format!(
            "group `{group}` has epoch {} committed for {source}-{partition}, but the changelog {changelog}-{shard} is empty: \
             it was deleted. The state is lost; to begin anew delete the group's offsets or give the job another name.",
            witness.epoch
        ),
        None => format!(
            "group `{group}` has offset {} committed for {source}-{partition} by something else. Choose another `group` or \
             job name, or delete the group's offsets; to start at those positions name them in source.kafka.start.",
            committed.offset
        ),
    }
}

/// Committed positions and epoch record must tell of the same commit.
fn witnesses_agree(facts: &Facts<'_>, last: &EpochRecord) -> Result<(), String> {
    let ShardConfig {
        group,
        source,
        changelog,
        shard,
        ..
    } = facts.config;
    for (partition, task) in &last.tasks {
        let committed = facts.committed.get(partition).and_then(Option::as_ref);
        let Some(committed) = committed else {
            return Err(format!(
                "no offset of {source}-{partition} is committed in group `{group}`, but the changelog {changelog}-{shard} has epoch {} at \
                 offset {}: the offsets were deleted or have expired. To go on from the changelog run again with \
                 --recover-from-changelog.",
                last.epoch, task.offset
            ));
        };
        let witness = Witness::parse(&committed.metadata);
        let same = witness
            == Some(Witness {
                lineage: last.lineage,
                epoch: last.epoch,
                generation: last.generation,
            })
            && committed.offset == task.offset;
        if !same {
            return Err(format!(
                "two witnesses disagree about {source}-{partition}: group `{group}` says offset {} ({}), the changelog \
                 {changelog}-{shard} says offset {} (epoch {}, generation {}). Somebody changed the offsets. To go on from the \
                 changelog run again with --recover-from-changelog.",
                committed.offset, committed.metadata, task.offset, last.epoch, last.generation
            ));
        }
    }
    Ok(())
}

fn same_topic(facts: &Facts<'_>, last: &EpochRecord) -> Result<(), String> {
    let source = &facts.config.source;
    if topic_id_text(&facts.topic.id) != last.source_topic_id {
        return Err(format!(
            "topic `{source}` was deleted and made again since epoch {} (its id was {}, now it is {}). Offsets of the old one mean \
             nothing in the new one: start the job under a new name.",
            last.epoch,
            last.source_topic_id,
            topic_id_text(&facts.topic.id)
        ));
    }
    if facts.topic.partitions != last.source_partitions {
        return Err(format!(
            "topic `{source}` had {} partitions when the job began and has {} now. Keys move between partitions then, and a \
             rescale does not exist yet: start the job under a new name.",
            last.source_partitions, facts.topic.partitions
        ));
    }
    Ok(())
}

/// The shard must have the partitions it had: others have their state and positions elsewhere.
fn same_partitions(facts: &Facts<'_>, last: &EpochRecord) -> Result<(), String> {
    let ShardConfig {
        source,
        partitions,
        changelog,
        shard,
        ..
    } = facts.config;
    let mut now = partitions.clone();
    now.sort_unstable();
    let before: Vec<i32> = last.tasks.keys().copied().collect();
    if now != before {
        return Err(format!(
            "shard {shard} of {changelog} had partitions {before:?} of `{source}` and is given {now:?}: the number of shards was \
             changed, and a rescale does not exist yet. Set `shards` back, or start the job under a new name."
        ));
    }
    Ok(())
}

fn within_bounds(facts: &Facts<'_>, last: &EpochRecord) -> Result<(), String> {
    let source = &facts.config.source;
    for (partition, task) in &last.tasks {
        let Some(Bounds { start, end }) = facts.bounds.get(partition) else {
            continue;
        };
        if task.offset < *start {
            return Err(format!(
                "{source}-{partition} begins at offset {start}, but the job is at {}: {} records were deleted (retention) before it \
                 read them. Start the job under a new name, or give the topic a longer retention.",
                task.offset,
                start - task.offset
            ));
        }
        if task.offset > *end {
            return Err(format!(
                "{source}-{partition} ends at offset {end}, but the job has read to {}: the topic was truncated or restored from \
                 an older copy. Start the job under a new name.",
                task.offset
            ));
        }
    }
    Ok(())
}

/// An operator that is gone from the plan must not take rows with it.
pub fn operators_kept(
    operators: &[String],
    ledger: &BTreeMap<String, Account>,
) -> Result<(), String> {
    for (id, account) in ledger {
        if account.held > 0 && !operators.contains(id) {
            return Err(format!(
                "operator `{id}` holds {} rows in open windows, but the job spec has no window-aggregate of that id any more. \
                 Bring it back, or start the job under a new name.",
                account.held
            ));
        }
    }
    Ok(())
}
