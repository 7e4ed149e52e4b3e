//! The end of an epoch: delta, epoch record, positions and outputs commit as one; only then does the store follow.

use super::{POLL_ROWS_MAX, Shard, ShardError, Turn};
use crate::epoch::{self, EpochRecord, TaskRecord, Witness, topic_id_text};
use crate::failpoint;
use crate::ledger::Account;
use crate::log::{self, Kind, Position};
use crate::state::Marker;
use std::collections::BTreeMap;

impl Shard {
    pub(super) fn end_epoch(&mut self) -> Result<Turn, ShardError> {
        self.sealed_at = self.clock.now();
        if !self.open {
            self.log.begin()?;
            self.open = true;
            self.began = self.sealed_at;
        }
        let took = self.sealed_at.saturating_sub(self.began);
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
                self.late_alone = false;
                if took < self.time_max() / 4 {
                    self.rows_limit = (self.rows_limit * 2).min(POLL_ROWS_MAX);
                }
                self.rows_max = (self.rows_max * 2).min(self.rows_limit);
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
    pub(super) fn commit_epoch(
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
            catalog_revision: self.config.catalog_revision,
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

    pub(super) fn abort(&mut self) {
        if std::mem::take(&mut self.open) {
            // Whatever comes of it: an open transaction is also ended by the next init_transactions.
            let _ = self.log.abort();
        }
    }
}

/// Why an epoch was not committed (or was, but the connection can't be used any more).
pub(super) enum CommitError {
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
