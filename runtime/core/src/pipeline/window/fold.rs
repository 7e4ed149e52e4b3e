//! Folding rows into the accumulators of their groups.

use super::super::StepError;
use super::super::chunk::Chunk;
use super::super::node::Node;
use super::super::verdict::Call;
use super::format::{Accumulators, tagged};
use super::state::Live;
use super::{ACCUMULATOR_BYTES_MAX, Work};
use crate::batch::Batch;
use crate::overlay::Slot;
use crate::state::Namespace;
use crate::udf::{Accumulated, RowError};
use std::collections::btree_map::Entry;

impl Work<'_, '_, '_> {
    /// Fold rows, all of windows that take them, into their accumulators.
    pub(super) fn accumulate(&mut self, chunk: Chunk, alone: bool) -> Result<(), StepError> {
        let mut rest = chunk;
        while !rest.is_empty() {
            let groups = self.group(&rest.batch)?;
            let taken = groups.of_row.len();
            if taken == rest.len() {
                return self.fold(rest, groups, alone);
            }
            let next = rest.slice(taken, rest.len());
            self.fold(rest.slice(0, taken), groups, alone)?;
            rest = next;
        }
        Ok(())
    }

    fn fold(&mut self, chunk: Chunk, groups: Groups, alone: bool) -> Result<(), StepError> {
        let Groups {
            accumulators: before,
            of_row,
            slots,
        } = groups;
        let before = before.migrated(self.udf, self.node)?;
        Node::prepare(self.udf, alone, self.cx)?;
        let answer = self.udf.accumulate(&before, &of_row, &chunk.batch);
        let Accumulated {
            accumulators,
            errors,
        } = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let rows = self.node.row_ids(&chunk, self.cx);
                let call = || Call::Accumulate(before, of_row, chunk.batch);
                return Err(self.node.failed(error, call, rows));
            }
        };
        let format = self.udf.accumulator_format();
        let mut room = Vec::new();
        for (number, (namespace, slot)) in slots.iter().enumerate() {
            match accumulators.get(number) {
                Some(bytes) => {
                    let value = tagged(bytes, format, &mut room);
                    self.cx.state.set(namespace, *slot, Some(value));
                }
                None if before.get(number).is_some() => {
                    self.cx.state.set(namespace, *slot, None);
                }
                None => {}
            }
        }
        for error in &errors {
            self.node
                .row_failed(&chunk, error.row as usize, &error.message, self.cx)?;
        }
        self.count(&chunk.batch, &errors);
        Ok(())
    }

    /// Which accumulators a batch touches: of its first rows, up to where they get too large for one call.
    fn group(&mut self, rows: &Batch) -> Result<Groups, StepError> {
        let task = self.windows.tasks.entry(self.cx.partition).or_default();
        let mut groups = Groups::default();
        let format = self.udf.accumulator_format();
        let state = &mut *self.cx.state;
        state.begin_call();
        let (mut last_end, mut namespace) = (None, Namespace::new(0, 0, 0));
        for (row, timestamp) in rows.timestamps().iter().enumerate() {
            let end = self.windows.windows.end_of(*timestamp);
            if last_end != Some(end) {
                namespace = Namespace::new(self.windows.operator, self.cx.partition, end);
                last_end = Some(end);
                if let Entry::Vacant(new) = task.live.entry(end) {
                    new.insert(Live {
                        rows: 0,
                        dirty: true,
                    });
                    state.create(namespace);
                }
            }
            let key = rows.key(row).unwrap_or_default();
            let (slot, number) = state.group(&namespace, key, groups.slots.len() as u32)?;
            let number = match number {
                Ok(number) => number,
                Err(_)
                    if row > 0
                        && groups.accumulators.packed.data().len() > ACCUMULATOR_BYTES_MAX =>
                {
                    break;
                }
                Err(next) => {
                    groups
                        .accumulators
                        .push(state.value(&namespace, slot), format);
                    groups.slots.push((namespace, slot));
                    next
                }
            };
            groups.of_row.push(number);
        }
        Ok(groups)
    }

    /// Count the rows that went into windows.
    fn count(&mut self, rows: &Batch, errors: &[RowError]) {
        let task = self.windows.tasks.entry(self.cx.partition).or_default();
        let failed = |row: usize| {
            errors
                .binary_search_by_key(&(row as u32), |e| e.row)
                .is_ok()
        };
        let ends = rows
            .timestamps()
            .iter()
            .enumerate()
            .filter(|(row, _)| errors.is_empty() || !failed(*row));
        let ends: Vec<i64> = ends
            .map(|(_, timestamp)| self.windows.windows.end_of(*timestamp))
            .collect();
        for run in ends.chunk_by(|a, b| a == b) {
            let live = task.live.entry(run[0]).or_default();
            live.rows += run.len() as u64;
            live.dirty = true;
        }
        self.node.account.absorbed += ends.len() as u64;
        self.node.account.assigned += ends.len() as u64;
    }
}

/// The groups that a batch touches, numbered in the order of their first row.
#[derive(Default)]
struct Groups {
    accumulators: Accumulators,
    of_row: Vec<u32>,
    slots: Vec<(Namespace, Slot)>,
}
