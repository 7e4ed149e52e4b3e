//! Firing: results of closed windows, and dropping those that no row can reach any more.

use super::super::StepError;
use super::super::node::Node;
use super::super::side::{Origin, Rank};
use super::super::verdict::{Call, RowId, Verdict};
use super::state::list_key;
use super::{ACCUMULATOR_BYTES_MAX, Work};
use crate::batch::{Batch, Packed};
use crate::overlay::Slot;
use crate::state::Namespace;
use crate::time;
use crate::udf::Emitted;

/// Windows finished in one call at most.
const FINISH_ROWS_MAX: usize = 1024;

impl Work<'_, '_, '_> {
    /// Fire, in order of their ends, all windows that this watermark closes, and drop those that it makes unreachable.
    pub(super) fn fire_due(&mut self, watermark: i64) -> Result<(), StepError> {
        let partition = self.cx.partition;
        let lateness = self.windows.allowed_lateness_ms;
        let task = self.windows.tasks.entry(partition).or_default();
        let fired = task.fired;
        if fired.is_some_and(|fired| fired >= watermark) {
            return Ok(());
        }
        task.fired = Some(watermark);
        let closed: Vec<i64> = task
            .live
            .keys()
            .copied()
            .take_while(|end| time::closed(*end, watermark))
            .collect();
        for end in closed {
            if fired.is_none_or(|fired| !time::closed(end, fired)) {
                let at = self.cx.caused_by(end.saturating_sub(1));
                self.fire(end, at)?;
            }
            if time::gone(end, lateness, watermark) {
                self.release(end)?;
            }
        }
        Ok(())
    }

    /// The window can't be reached any more.
    fn release(&mut self, end: i64) -> Result<(), StepError> {
        let partition = self.cx.partition;
        self.cx
            .state
            .drop_namespace(&Namespace::new(self.windows.operator, partition, end));
        let list = Namespace::new(self.windows.operator, partition, i64::MIN);
        self.cx.state.put(&list, &list_key(end), None)?;
        let task = self.windows.tasks.entry(partition).or_default();
        self.node.account.released += task.live.remove(&end).map_or(0, |live| live.rows);
        Ok(())
    }

    /// Results of a window's keys, caused by source row `at`.
    fn fire(&mut self, end: i64, at: u32) -> Result<(), StepError> {
        let namespace = Namespace::new(self.windows.operator, self.cx.partition, end);
        let slots = self.cx.state.sorted(&namespace)?;
        let mut rest = slots.as_slice();
        while !rest.is_empty() {
            let (some, others) = rest.split_at(self.finish_at_once(&namespace, rest));
            self.finish(&namespace, some, at)?;
            rest = others;
        }
        Ok(())
    }

    /// How many of these windows to finish in one call; at least one.
    fn finish_at_once(&self, namespace: &Namespace, slots: &[Slot]) -> usize {
        let most = FINISH_ROWS_MAX
            .min(self.node.rows_per_call_max)
            .min(slots.len());
        let mut bytes = 0;
        let size = |slot: &Slot| self.cx.state.value(namespace, *slot).map_or(0, <[u8]>::len);
        let fits = slots[..most].iter().take_while(|slot| {
            bytes += size(slot);
            bytes <= ACCUMULATOR_BYTES_MAX
        });
        fits.count().max(1)
    }

    /// Result of the one key whose closed window took another row.
    pub(super) fn fire_again(&mut self, end: i64, key: &[u8], at: u32) -> Result<(), StepError> {
        let namespace = Namespace::new(self.windows.operator, self.cx.partition, end);
        self.cx.state.begin_call();
        let (slot, _) = self.cx.state.group(&namespace, key, 0)?;
        match self.cx.state.value(&namespace, slot) {
            Some(_) => self.finish(&namespace, &[slot], at),
            None => Ok(()),
        }
    }

    fn finish(&mut self, namespace: &Namespace, slots: &[Slot], at: u32) -> Result<(), StepError> {
        let ordinals = slots
            .iter()
            .map(|_| self.node.window_ordinals.next(at))
            .collect::<Vec<u32>>();
        let ids: Vec<_> = ordinals
            .iter()
            .map(|o| self.node.row_id(at, *o, true, self.cx))
            .collect();
        let verdicts: Vec<Option<Verdict>> = ids
            .iter()
            .map(|id| self.cx.verdicts.get(id).cloned())
            .collect();
        let mut from = 0;
        for to in (0..slots.len())
            .filter(|i| verdicts[*i].is_some())
            .chain([slots.len()])
        {
            self.finish_some(namespace, &slots[from..to], at, false, &ids[from..to])?;
            from = to + 1;
            match verdicts.get(to) {
                Some(Some(Verdict::Alone)) => {
                    self.finish_some(namespace, &slots[to..=to], at, true, &ids[to..=to])?
                }
                Some(Some(Verdict::Poison(why))) => {
                    self.window_failed(namespace, slots[to], at, ids[to], why)?
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn finish_some(
        &mut self,
        namespace: &Namespace,
        slots: &[Slot],
        at: u32,
        alone: bool,
        ids: &[RowId],
    ) -> Result<(), StepError> {
        if slots.is_empty() {
            return Ok(());
        }
        let end = namespace.window_end();
        let (mut keys, mut accumulators, mut windows) =
            (Packed::default(), Packed::default(), Vec::new());
        for slot in slots {
            keys.push(Some(self.cx.state.key(namespace, *slot)));
            accumulators.push(self.cx.state.value(namespace, *slot));
            windows.extend_from_slice(&[self.windows.windows.start_of(end), end]);
        }
        Node::prepare(self.udf, alone);
        let Emitted {
            output,
            parents,
            mut errors,
        } = match self.udf.finish(&keys, &windows, &accumulators) {
            Ok(answer) => answer,
            Err(error) => {
                return Err(self.node.failed(
                    error,
                    || Call::Finish(keys, windows, accumulators),
                    ids.to_vec(),
                ));
            }
        };
        let same_key = |row: usize| output.key(row) == keys.get(parents[row] as usize);
        self.node
            .check_outputs(same_key, &output, &parents, &mut errors);
        for error in &errors {
            let row = error.row as usize;
            self.window_failed(namespace, slots[row], at, ids[row], &error.message)?;
        }
        let at = vec![at; output.len()];
        let chunk = self.node.outputs(output, at);
        let failed = |row: usize| {
            errors
                .binary_search_by_key(&parents[row], |e| e.row)
                .is_ok()
        };
        let chunk = match errors.is_empty() {
            true => chunk,
            false => chunk.select(|row| !failed(row)),
        };
        self.below.forward(self.node, chunk, self.cx)
    }

    /// A closed window's result failed. Its rows are accounted for already, so only the policy counts here.
    fn window_failed(
        &mut self,
        namespace: &Namespace,
        slot: Slot,
        at: u32,
        id: RowId,
        why: &str,
    ) -> Result<(), StepError> {
        let mut row = Batch::default();
        let key = self.cx.state.key(namespace, slot);
        let end = namespace.window_end();
        row.push(
            Some(key),
            self.cx.state.value(namespace, slot),
            None,
            end.saturating_sub(1),
        );
        let why = format!(
            "window {}..{end}: {why}",
            self.windows.windows.start_of(end)
        );
        let rank = Rank {
            at,
            node: self.node.number,
            origin: Origin::Window,
            ordinal: id.ordinal,
        };
        self.node
            .apply_policy(&row, 0, rank, &why, self.cx)
            .map(drop)
    }
}
