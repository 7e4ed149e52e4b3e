//! Firing: results of closed windows, page by page, and dropping those that no row can reach any more.

use super::super::StepError;
use super::super::node::Node;
use super::super::side::{Origin, Rank};
use super::super::verdict::{Call, RowId, Verdict};
use super::format::Accumulators;
use super::state::list_key;
use super::{ACCUMULATOR_BYTES_MAX, Work};
use crate::batch::{Batch, Packed};
use crate::state::Namespace;
use crate::time;
use crate::udf::Emitted;
use std::ops::ControlFlow;

/// Windows finished in one call at most: a page.
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

    /// Results of a window's keys, caused by source row `at`: page by page, for the window may be larger than memory.
    fn fire(&mut self, end: i64, at: u32) -> Result<(), StepError> {
        let namespace = Namespace::new(self.windows.operator, self.cx.partition, end);
        let format = self.udf.accumulator_format();
        let mut cursor = self.cx.state.cursor(&namespace);
        loop {
            let mut read = Read::new(FINISH_ROWS_MAX.min(self.node.rows_per_call_max), format);
            let mut visit = |key: &[u8], value: &[u8]| read.push(key, value);
            self.cx.state.visit(&mut cursor, &mut visit)?;
            if read.keys.is_empty() {
                return Ok(());
            }
            self.finish(end, read, at)?;
        }
    }

    /// Result of the one key whose closed window took another row.
    pub(super) fn fire_again(&mut self, end: i64, key: &[u8], at: u32) -> Result<(), StepError> {
        let namespace = Namespace::new(self.windows.operator, self.cx.partition, end);
        self.cx.state.begin_call();
        let (slot, _) = self.cx.state.group(&namespace, key, 0)?;
        let Some(value) = self.cx.state.value(&namespace, slot) else {
            return Ok(());
        };
        let mut read = Read::new(1, self.udf.accumulator_format());
        let _ = read.push(key, value);
        self.finish(end, read, at)
    }

    /// Finish the windows of a page, in calls that go around those known to be poisonous.
    fn finish(&mut self, end: i64, read: Read, at: u32) -> Result<(), StepError> {
        let page = Page {
            keys: read.keys,
            accumulators: read.accumulators.migrated(self.udf, self.node)?,
        };
        let mut id = || {
            let ordinal = self.node.window_ordinals.next(at);
            self.node.row_id(at, ordinal, true, self.cx)
        };
        let ids: Vec<RowId> = (0..page.len()).map(|_| id()).collect();
        let verdicts = self.cx.verdicts;
        let verdict = |(row, id)| Some((row, verdicts.get(id)?));
        let known: Vec<(usize, &Verdict)> = ids.iter().enumerate().filter_map(verdict).collect();
        if known.is_empty() {
            return self.finish_some(end, page, at, false, &ids);
        }
        let mut from = 0;
        for (row, verdict) in known {
            self.finish_some(end, page.slice(from, row), at, false, &ids[from..row])?;
            let (this, id) = (page.slice(row, row + 1), ids[row]);
            match verdict {
                Verdict::Alone => self.finish_some(end, this, at, true, &[id])?,
                Verdict::Poison(why) => self.window_failed(end, &this, 0, at, id, why)?,
            }
            from = row + 1;
        }
        let rest = page.slice(from, page.len());
        self.finish_some(end, rest, at, false, &ids[from..])
    }

    fn finish_some(
        &mut self,
        end: i64,
        page: Page,
        at: u32,
        alone: bool,
        ids: &[RowId],
    ) -> Result<(), StepError> {
        if page.is_empty() {
            return Ok(());
        }
        let Page { keys, accumulators } = &page;
        let windows = [self.windows.windows.start_of(end), end].repeat(page.len());
        Node::prepare(self.udf, alone, self.cx)?;
        let Emitted {
            output,
            parents,
            mut errors,
        } = match self.udf.finish(keys, &windows, accumulators) {
            Ok(answer) => answer,
            Err(error) => {
                let call = || Call::Finish(page.keys, windows, page.accumulators);
                return Err(self.node.failed(error, call, ids.to_vec()));
            }
        };
        let same_key = |row: usize| output.key(row) == keys.get(parents[row] as usize);
        self.node
            .check_outputs(same_key, &output, &parents, &mut errors);
        for error in &errors {
            let row = error.row as usize;
            self.window_failed(end, &page, row, at, ids[row], &error.message)?;
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
        end: i64,
        page: &Page,
        row: usize,
        at: u32,
        id: RowId,
        why: &str,
    ) -> Result<(), StepError> {
        let mut failed = Batch::default();
        let (key, accumulator) = (page.keys.get(row), page.accumulators.get(row));
        failed.push(key, accumulator, None, end.saturating_sub(1));
        let start = self.windows.windows.start_of(end);
        let why = format!("window {start}..{end}: {why}");
        let rank = Rank {
            at,
            node: self.node.number,
            origin: Origin::Window,
            ordinal: id.ordinal,
        };
        self.node
            .apply_policy(&failed, 0, rank, &why, self.cx)
            .map(drop)
    }
}

/// Windows read to be finished in one call, of one end, in key order.
struct Read {
    keys: Packed,
    accumulators: Accumulators,
    rows_max: usize,
    /// The module's format of accumulators.
    format: u8,
}

impl Read {
    fn new(rows_max: usize, format: u8) -> Self {
        Self {
            keys: Packed::default(),
            accumulators: Accumulators::default(),
            rows_max,
            format,
        }
    }

    /// Take a window, unless it would be too many of them, or too many bytes; at least one is taken.
    fn push(&mut self, key: &[u8], value: &[u8]) -> ControlFlow<()> {
        let bytes = self.keys.data().len() + self.accumulators.packed.data().len();
        let full = self.keys.len() >= self.rows_max
            || bytes + key.len() + value.len() > ACCUMULATOR_BYTES_MAX;
        if full && !self.keys.is_empty() {
            return ControlFlow::Break(());
        }
        self.keys.push(Some(key));
        self.accumulators.push(Some(value), self.format);
        ControlFlow::Continue(())
    }
}

/// The same with accumulators that the module can read.
#[derive(Default)]
struct Page {
    keys: Packed,
    accumulators: Packed,
}

impl Page {
    fn len(&self) -> usize {
        self.keys.len()
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn slice(&self, from: usize, to: usize) -> Self {
        let mut some = Self::default();
        for row in from..to {
            some.keys.push(self.keys.get(row));
            some.accumulators.push(self.accumulators.get(row));
        }
        some
    }
}
