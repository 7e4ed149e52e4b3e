//! What all operators have in common: calling the module around poisonous rows, row errors by policy, accounts.

use super::chunk::{Chunk, Context, Ordinals};
use super::side::{Origin, Rank, Reason, Side, dead_letter, record_bytes};
use super::verdict::{Call, FailedCall, RowId, Verdict};
use super::{StepError, Target};
use crate::batch::Batch;
use crate::ledger::Account;
use crate::spec::OnError;
use crate::udf::{CallError, RowError, Udf};

/// The parts of an operator that do not depend on what it does.
pub struct Node {
    /// Number in the plan: operators from 1; 0 is the source.
    pub number: usize,
    /// Name of the job.
    pub job: String,
    /// Id in the spec.
    pub id: String,
    /// What happens to failed rows.
    pub on_error: OnError,
    /// Topic number of dead letters, and the largest record it takes.
    pub dead_letter: Option<(usize, usize)>,
    /// Who gets the outputs.
    pub targets: Vec<Target>,
    /// Largest output record in bytes that every sink below takes.
    pub record_bytes_max: usize,
    /// An operator below groups by key: outputs must keep the key of their input.
    pub keyed_below: bool,
    /// Where the rows went.
    pub account: Account,
    /// Fewer rows than this a call, where more have trapped without any of them being guilty.
    pub rows_per_call_max: usize,
    /// Numbers of this step's outputs.
    pub output_ordinals: Ordinals,
    /// Numbers of this step's finished windows.
    pub window_ordinals: Ordinals,
}

/// A part of a chunk, by how it has to be called.
pub enum Segment {
    /// As usual.
    Rows(Chunk),
    /// One row, alone, under a fixed budget.
    Alone(Chunk),
    /// One row not to be called at all, and why.
    Poison(Chunk, String),
}

impl Node {
    /// Identity of each row of a chunk.
    pub fn row_ids(&self, chunk: &Chunk, cx: &Context<'_>) -> Vec<RowId> {
        let ids = chunk.at.iter().zip(&chunk.ordinal);
        ids.map(|(at, ordinal)| self.row_id(*at, *ordinal, false, cx))
            .collect()
    }

    /// Identity of one row, or of one window being finished.
    pub fn row_id(&self, at: u32, ordinal: u32, window: bool, cx: &Context<'_>) -> RowId {
        RowId {
            node: self.number,
            partition: cx.partition,
            offset: cx.offset(at),
            ordinal,
            window,
        }
    }

    /// Outputs as a chunk: each with the source row it comes from, numbered.
    pub fn outputs(&mut self, batch: Batch, at: Vec<u32>) -> Chunk {
        let ordinal = at.iter().map(|at| self.output_ordinals.next(*at)).collect();
        Chunk { batch, at, ordinal }
    }

    /// Cut a chunk into parts that can be called. Almost always that is the chunk itself.
    pub fn segments(&mut self, chunk: Chunk, cx: &Context<'_>) -> Vec<Segment> {
        let whole = chunk.len() <= self.rows_per_call_max;
        let named = if cx.verdicts.is_empty() {
            Vec::new()
        } else {
            self.row_ids(&chunk, cx)
        };
        let known: Vec<(usize, &Verdict)> = named
            .iter()
            .enumerate()
            .filter_map(|(row, id)| Some((row, cx.verdicts.get(id)?)))
            .collect();
        if whole && known.is_empty() {
            return vec![Segment::Rows(chunk)];
        }
        let mut segments = Vec::new();
        let mut from = 0;
        for (row, verdict) in known.into_iter().map(Some).chain([None]).map(|k| k.unzip()) {
            let to = row.unwrap_or(chunk.len());
            while from < to {
                let next = to.min(from + self.rows_per_call_max);
                segments.push(Segment::Rows(chunk.slice(from, next)));
                from = next;
            }
            match verdict {
                Some(Verdict::Poison(why)) => {
                    segments.push(Segment::Poison(chunk.slice(to, to + 1), why.clone()))
                }
                Some(Verdict::Alone) => segments.push(Segment::Alone(chunk.slice(to, to + 1))),
                None => {}
            }
            from = to + 1;
        }
        segments
    }

    /// Turn a failed call into a failed step.
    pub fn failed(
        &self,
        error: CallError,
        call: impl FnOnce() -> Call,
        rows: Vec<RowId>,
    ) -> StepError {
        match error {
            CallError::Trap(trap) => StepError::Trap(Box::new(FailedCall {
                node: self.number,
                call: call(),
                rows,
                trap,
            })),
            CallError::Module(why) => StepError::Module(format!("operator {}: {why}", self.id)),
            CallError::Host(why) => StepError::Host(format!("operator {}: {why}", self.id)),
        }
    }

    /// Place of what becomes of a row itself.
    pub fn rank(&self, rows: &Chunk, row: usize) -> Rank {
        Rank {
            at: rows.at[row],
            node: self.number,
            origin: Origin::Row,
            ordinal: rows.ordinal[row],
        }
    }

    /// A row failed: do what the job says.
    pub fn row_failed(
        &mut self,
        rows: &Chunk,
        row: usize,
        why: &str,
        cx: &mut Context<'_>,
    ) -> Result<(), StepError> {
        match self.apply_policy(&rows.batch, row, self.rank(rows, row), why, cx)? {
            OnError::DeadLetter => self.account.dead_lettered += 1,
            OnError::Skip | OnError::Fail => self.account.skipped += 1,
        }
        Ok(())
    }

    /// Do what the job says to something that failed. Answers what that was; never `Fail`.
    pub fn apply_policy(
        &self,
        rows: &Batch,
        row: usize,
        rank: Rank,
        why: &str,
        cx: &mut Context<'_>,
    ) -> Result<OnError, StepError> {
        match (self.on_error, self.dead_letter) {
            (OnError::Skip, _) => Ok(OnError::Skip),
            (OnError::DeadLetter, Some((topic, bytes_max))) => {
                let reason = Reason {
                    job: &self.job,
                    operator: &self.id,
                    error: why,
                    source: (cx.source_topic, cx.partition, cx.offset(rank.at)),
                    window_end: (rank.origin == Origin::Window)
                        .then(|| rows.timestamp(row).saturating_add(1)),
                };
                let record = dead_letter(rows, row, &reason, bytes_max);
                cx.side.push(Side {
                    rank,
                    topic,
                    record,
                });
                Ok(OnError::DeadLetter)
            }
            _ => Err(StepError::RowFailed(self.describe(rank.at, why, cx))),
        }
    }

    fn describe(&self, at: u32, why: &str, cx: &Context<'_>) -> String {
        let record = match cx.offset(at) {
            i64::MAX => format!("the end of {}-{}", cx.source_topic, cx.partition),
            offset => format!("{}-{} offset {offset}", cx.source_topic, cx.partition),
        };
        let what_to_do = match self.number {
            0 => {
                "Nothing of the open transaction was committed. To let such records go by set `on_invalid: skip` (or \
                 dead_letter) in source.timestamp."
            }
            _ => {
                "Nothing of the open transaction was committed. Correct the module, or let such records go by: set \
                 `on_error: skip` or `on_error: dead_letter` on this operator."
            }
        };
        let id = &self.id;
        format!("operator `{id}` failed on the record at {record}: {why}\n{what_to_do}")
    }

    /// Check the outputs of a map or of windows: an output that no sink below takes, or that has another key than its
    /// parent where one below groups by key, fails its input row.
    pub fn check_outputs(
        &self,
        same_key: impl Fn(usize) -> bool,
        output: &Batch,
        parents: &[u32],
        errors: &mut Vec<RowError>,
    ) {
        if self.keyed_below {
            let changed = parents
                .iter()
                .enumerate()
                .filter(|(row, _)| !same_key(*row));
            let changed: Vec<u32> = changed.map(|(_, parent)| *parent).collect();
            add_errors(errors, changed, KEY_CHANGED);
        }
        if self.record_bytes_max != usize::MAX {
            self.check_sizes(output, parents.iter().copied().enumerate(), errors);
        }
    }

    /// Rows of which an output (given with its input row) is larger than what every sink below takes.
    pub fn check_sizes(
        &self,
        output: &Batch,
        rows: impl Iterator<Item = (usize, u32)>,
        errors: &mut Vec<RowError>,
    ) {
        let size = |row| record_bytes(output.key(row), output.value(row), output.headers(row));
        let large: Vec<u32> = rows
            .filter(|(row, _)| size(*row) > self.record_bytes_max)
            .map(|(_, of)| of)
            .collect();
        add_errors(errors, large, TOO_LARGE);
    }

    /// Call with a fresh instance under a fixed budget if this row needs it; not at all if it is too late.
    pub fn prepare(udf: &mut dyn Udf, alone: bool, cx: &Context<'_>) -> Result<(), StepError> {
        if !cx.out.in_time() {
            let (partition, offset) = (cx.partition, cx.offset(0));
            return Err(StepError::Late { partition, offset });
        }
        if alone {
            udf.drop_instance();
            udf.next_call_under_fuel();
        }
        Ok(())
    }
}

const KEY_CHANGED: &str = "the key was changed, but an operator after this one groups by key, which needs a repartition \
that does not exist yet; write to a topic with the new key and group in a second job";
/// Why a row fails that a topic can't take.
pub const TOO_LARGE: &str = "an output is larger than max.message.bytes of the topic it goes to; raise that limit or emit less";

fn add_errors(errors: &mut Vec<RowError>, rows: Vec<u32>, message: &str) {
    if rows.is_empty() {
        return;
    }
    errors.extend(rows.into_iter().map(|row| RowError {
        row,
        message: message.to_owned(),
    }));
    errors.sort_by_key(|error| error.row);
    errors.dedup_by_key(|error| error.row);
}
