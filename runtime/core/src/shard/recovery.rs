//! Recovery: from what is committed to a shard that may process, always in the same order. Reading is done here; what
//! the facts mean is decided in `resolve`.

use super::resolve::{self, Facts, Resolved};
use super::{Committed, Shard, ShardError};
use crate::epoch::{self, Commit};
use crate::failpoint;
use crate::log::{self, Bounds, ShardLog, Start};
use crate::spec::StartSpec;
use crate::state::{Marker, StateStore};
use std::collections::BTreeMap;

/// How often a changelog is looked at for a commit that the positions know of; each look takes some round trips.
const LOOKS: usize = 10;

impl Shard {
    /// Fence older owners, find the last commit, bring the state to it, claim the shard, start reading there.
    ///
    /// Must be called first, and again after every new connection; what is not committed is dropped.
    pub fn recover(&mut self) -> Result<(), ShardError> {
        self.forget();
        self.log.init_transactions()?;
        failpoint::reach("after-init");
        let restored = restore(self.log.as_mut(), self.overlay.store_mut())?;
        failpoint::reach("after-restore");
        self.refuse_newer(restored.last.as_ref())?;
        let resolved = match self.resolve(restored.last) {
            Err(ShardError::Halt(_)) if self.went_on(restored.end)? => {
                return Err(ShardError::Reconnect(
                    "another owner of the shard committed while it was recovered".to_owned(),
                ));
            }
            resolved => resolved?,
        };
        self.adopt(resolved, restored.end);
        self.claim()?;
        failpoint::reach("after-claim");
        self.rebuild()
    }

    /// Whether somebody has committed since the changelog was read to `end`. The witnesses are read one after the other,
    /// and an owner that fences this one in between makes them differ: nobody has to act on that.
    fn went_on(&mut self, end: i64) -> Result<bool, ShardError> {
        // A commit is seen in the positions a moment before it is seen in the changelog.
        for _ in 0..LOOKS {
            if self.log.read_changelog(end, &mut |_| {})?.end > end {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A newer version of the job has run here: one that this host has not heard of yet must not follow it. The host
    /// comes again when it has.
    fn refuse_newer(&self, last: Option<&Commit>) -> Result<(), ShardError> {
        let ours = self.config.catalog_revision;
        match last.map(|commit| commit.record.catalog_revision) {
            Some(theirs) if theirs > ours => Err(ShardError::Reconnect(format!(
                "the shard has run a version of the job from revision {theirs} of the catalog, and this host knows that of \
                 revision {ours}: it has to read the catalog first"
            ))),
            _ => Ok(()),
        }
    }

    fn resolve(&mut self, last: Option<Commit>) -> Result<Resolved, ShardError> {
        let partitions = self.config.log.partitions.clone();
        let committed = self.log.committed(&partitions)?;
        let topic = self.log.source_topic()?;
        let mut bounds = BTreeMap::new();
        for partition in &partitions {
            bounds.insert(*partition, self.log.source_bounds(*partition)?);
        }
        let committed = partitions.iter().copied().zip(committed).collect();
        let facts = Facts {
            config: &self.config.log,
            topic,
            committed,
            bounds,
            last: last.map(|commit| commit.record),
            recover_from_changelog: self.config.recover_from_changelog,
            operators: self.pipeline.keeping_rows(),
        };
        resolve::resolve(facts).map_err(ShardError::Halt)
    }

    /// Take over what was resolved as the last commit; a new job starts where its spec says.
    fn adopt(&mut self, resolved: Resolved, changelog_end: i64) {
        self.committed = match resolved {
            Resolved::New { topic } => Committed {
                lineage: self.config.new_lineage,
                epoch: 0,
                generation: 0,
                topic,
                tasks: BTreeMap::new(),
                ledger: BTreeMap::new(),
                changelog_next: changelog_end,
            },
            Resolved::Continue { topic, last } => Committed {
                lineage: last.lineage,
                epoch: last.epoch,
                generation: last.generation,
                topic,
                tasks: last.tasks,
                ledger: last.ledger,
                changelog_next: changelog_end,
            },
        };
    }

    /// Commit the same positions under a new generation: from here on older owners can't commit anything.
    fn claim(&mut self) -> Result<(), ShardError> {
        for partition in self.config.log.partitions.clone() {
            if !self.committed.tasks.contains_key(&partition) {
                let start = start_of(&self.config.start, partition, &self.config.log.source)?;
                let offset = self.log.resolve_start(partition, start)?;
                let bounds = self.log.source_bounds(partition)?;
                if matches!(start, Start::Offset(_))
                    && !(bounds.start..=bounds.end).contains(&offset)
                {
                    let Bounds { start, end } = bounds;
                    return Err(ShardError::Halt(format!(
                        "source.kafka.start names offset {offset} of {}-{partition}, which holds {start} to {end}. Name an offset \
                         within, or start at `earliest` or `latest`.",
                        self.config.log.source
                    )));
                }
                let task = epoch::TaskRecord {
                    offset,
                    timestamp_max: None,
                    ended: false,
                };
                self.committed.tasks.insert(partition, task);
            }
        }
        self.committed.generation += 1;
        let (tasks, ledger) = (self.committed.tasks.clone(), self.committed.ledger.clone());
        self.log.begin()?;
        Ok(self.commit_epoch(tasks, ledger)?)
    }
}

fn start_of(start: &StartSpec, partition: i32, topic: &str) -> Result<Start, ShardError> {
    Ok(match start {
        StartSpec::Earliest => Start::Earliest,
        StartSpec::Latest => Start::Latest,
        StartSpec::Timestamp(at) => Start::Timestamp(*at),
        StartSpec::Offsets(offsets) => match offsets.get(&partition) {
            Some(offset) => Start::Offset(*offset),
            None => {
                return Err(ShardError::Halt(format!(
                    "source.kafka.start names no offset for partition {partition} of `{topic}`; name all partitions"
                )));
            }
        },
    })
}

/// What reading the changelog has brought.
struct Restored {
    last: Option<Commit>,
    /// End of the changelog.
    end: i64,
}

/// Bring the store to the last commit of the changelog: from where it is if it is a part of that history, else from
/// the beginning.
fn restore(log: &mut dyn ShardLog, store: &mut dyn StateStore) -> Result<Restored, ShardError> {
    if let Some(base) = store.marker()? {
        if let Replayed::Whole(restored) = replay(log, store, Some(base))? {
            return Ok(restored);
        }
        store.clear()?;
    }
    match replay(log, store, None)? {
        Replayed::Whole(restored) => Ok(restored),
        Replayed::Broken(None) => Err(ShardError::Halt(
            "the changelog does not begin with the job's first epoch and there is no snapshot: part of it was deleted. \
             Restore the changelog topic, or start the job under a new name."
                .to_owned(),
        )),
        Replayed::Broken(Some(epoch)) => Err(ShardError::Halt(format!(
            "the changelog has no successor of epoch {epoch} before the epochs that follow: part of it was deleted, or something \
             else writes to it. Restore the changelog topic, or start the job under a new name."
        ))),
    }
}

/// What replaying came to.
enum Replayed {
    Whole(Restored),
    /// The base is not part of the changelog's history, or commits are missing: after this epoch, or before the first.
    Broken(Option<u64>),
}

/// Apply the commits after `base`.
fn replay(
    log: &mut dyn ShardLog,
    store: &mut dyn StateStore,
    base: Option<Marker>,
) -> Result<Replayed, ShardError> {
    let mut replay = Replay {
        at: base,
        reader: epoch::Reader::default(),
        last: None,
        seen_base: base.is_none(),
    };
    let mut failed = None;
    let from = base.map_or(0, |marker| marker.changelog_next);
    let Bounds { end, .. } = log.read_changelog(from, &mut |record| {
        if failed.is_none() {
            failed = replay.record(record, store).err();
        }
    })?;
    let last = replay.last;
    match failed {
        Some(Stop::Failed(error)) => Err(error),
        None if replay.seen_base => Ok(Replayed::Whole(Restored { last, end })),
        None | Some(Stop::NotOurs) => {
            let epoch = last.map(|commit| commit.record.epoch);
            Ok(Replayed::Broken(epoch))
        }
    }
}

enum Stop {
    NotOurs,
    Failed(ShardError),
}

struct Replay {
    at: Option<Marker>,
    reader: epoch::Reader,
    last: Option<Commit>,
    seen_base: bool,
}

impl Replay {
    fn record(
        &mut self,
        record: log::ChangelogRecord<'_>,
        store: &mut dyn StateStore,
    ) -> Result<(), Stop> {
        let offset = record.offset;
        let commit = self.reader.push(record);
        let commit = commit
            .map_err(|e| Stop::Failed(ShardError::Halt(format!("{e}. Nothing was changed."))))?;
        let Some(commit) = commit else { return Ok(()) };
        let record = &commit.record;
        match self.at {
            // Commits before the base come again because its position is a lower bound.
            Some(at)
                if !self.seen_base && record.epoch < at.epoch && record.lineage == at.lineage =>
            {
                return Ok(());
            }
            Some(at) if !self.seen_base => {
                let same = (record.lineage, record.epoch, record.generation)
                    == (at.lineage, at.epoch, at.generation);
                if !same {
                    return Err(Stop::NotOurs);
                }
                self.seen_base = true;
                self.last = Some(commit);
                return Ok(());
            }
            at => {
                let before = at.map_or((record.lineage, 0), |at| (at.lineage, at.epoch));
                if (record.lineage, record.predecessor) != before {
                    return Err(Stop::NotOurs);
                }
            }
        }
        let marker = Marker {
            lineage: record.lineage,
            epoch: record.epoch,
            generation: record.generation,
            // The commit's own first record or one before it: reading from there finds this commit again.
            changelog_next: offset - i64::from(record.chunks),
        };
        let delta = commit
            .delta
            .as_ref()
            .map_err(|e| Stop::Failed(ShardError::from(e.clone())))?;
        store
            .apply(delta, marker)
            .map_err(|e| Stop::Failed(e.into()))?;
        failpoint::reach("mid-restore");
        self.at = Some(marker);
        self.last = Some(commit);
        Ok(())
    }
}
