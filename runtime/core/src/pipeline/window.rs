//! Window-aggregate: rows fold into one accumulator a (key, window) and task; when the watermark closes a window, the
//! module turns its accumulators into results, in (end, key) order, and the window is dropped as a whole.
//!
//! Batches change nothing: lateness is decided per row by the watermark before it. Without allowed lateness no row can
//! reach a closed window, so firing at the batch's end gives what firing row by row would. A row that a closed window
//! still takes (allowed lateness) cuts the batch: all due windows fire first, then the row, then its key's window again.

use super::StepError;
use super::chunk::{Chunk, Context};
use super::node::{Node, Segment, TOO_LARGE};
use super::side::{Origin, Rank, Side, record_bytes};
use super::verdict::{Call, RowId, Verdict};
use crate::batch::{Batch, Packed};
use crate::overlay::{Overlay, Slot};
use crate::state::{Namespace, StoreError};
use crate::time::{self, Tumbling};
use crate::udf::{Accumulated, Emitted, RowError, Udf};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Windows finished in one call at most.
const FINISH_ROWS_MAX: usize = 1024;

/// What a window operator is configured with, and which windows each of its tasks holds.
pub struct Windows {
    /// Number in state keys, from the operator's id.
    pub operator: u32,
    /// Which window a row belongs to.
    pub windows: Tumbling,
    /// How long a closed window still takes rows, in milliseconds.
    pub allowed_lateness_ms: i64,
    /// Topic number of late rows, and the largest record it takes.
    pub late_topic: Option<(usize, usize)>,
    /// By source partition.
    tasks: BTreeMap<i32, Task>,
}

/// Windows of one task by end.
#[derive(Default)]
struct Task {
    live: BTreeMap<i64, Live>,
    /// All windows that this watermark closes have fired.
    fired: Option<i64>,
}

#[derive(Clone, Copy, Default)]
struct Live {
    /// Rows folded into it.
    rows: u64,
    /// Whether `rows` changed since it was last written.
    dirty: bool,
}

/// Why the windows of a task can't be taken up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The store failed.
    #[error(transparent)]
    State(#[from] StoreError),
    /// There is an open window (start and end in milliseconds) that the spec does not have.
    #[error(
        "rows are held in an open window from {0} to {1}, which the job spec's `window` does not make any more"
    )]
    Changed(i64, i64),
}

impl Windows {
    /// No windows yet; [`Windows::restore`] brings a task's back.
    pub fn new(
        operator: u32,
        windows: Tumbling,
        allowed_lateness_ms: i64,
        late_topic: Option<(usize, usize)>,
    ) -> Self {
        Self {
            operator,
            windows,
            allowed_lateness_ms,
            late_topic,
            tasks: BTreeMap::new(),
        }
    }

    /// The windows of a task, from the store: they are listed under a namespace that no window can have.
    pub fn restore(
        &mut self,
        partition: i32,
        watermark: i64,
        state: &Overlay,
    ) -> Result<(), RestoreError> {
        let mut task = Task {
            fired: Some(watermark),
            ..Task::default()
        };
        let list = Namespace::new(self.operator, partition, i64::MIN);
        let mut failed = None;
        state.store().scan(&list.0, &mut |key, value| match self
            .listed(&key[list.0.len()..], value)
        {
            Ok((end, rows)) => {
                let dirty = false;
                task.live.insert(end, Live { rows, dirty });
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
        self.tasks.insert(partition, task);
        failed.map_or(Ok(()), Err)
    }

    /// An entry of the list: end and rows of a window. It must be a window of the present spec: the rows it holds were
    /// put together as its size said.
    fn listed(&self, end: &[u8], value: &[u8]) -> Result<(i64, u64), RestoreError> {
        let damaged = || StoreError("the list of windows is damaged".to_owned());
        let (rows, size_ms) = value.split_first_chunk::<8>().ok_or_else(damaged)?;
        let rows = u64::from_le_bytes(*rows);
        let size_ms = size_ms.try_into().map(i64::from_le_bytes);
        let size_ms = size_ms.map_err(|_| damaged())?;
        let end = end.try_into().map(u64::from_be_bytes);
        let end = (end.map_err(|_| damaged())? ^ (1 << 63)) as i64;
        let windows = &self.windows;
        let aligned = windows.end_of(windows.start_of(end)) == end || end == i64::MAX;
        if size_ms != windows.size_ms || !aligned {
            return Err(RestoreError::Changed(end.saturating_sub(size_ms), end));
        }
        Ok((end, rows))
    }

    /// Forget all tasks.
    pub fn reset(&mut self) {
        self.tasks.clear();
    }

    /// Rows in windows still held, of all tasks.
    pub fn held(&self) -> u64 {
        self.tasks
            .values()
            .flat_map(|task| task.live.values())
            .map(|live| live.rows)
            .sum()
    }

    /// Write down which windows there are, before the state is sealed.
    pub fn before_seal(&mut self, state: &mut Overlay) -> Result<(), StoreError> {
        for (partition, task) in &mut self.tasks {
            let list = Namespace::new(self.operator, *partition, i64::MIN);
            for (end, live) in task.live.iter_mut().filter(|(_, live)| live.dirty) {
                let mut value = live.rows.to_le_bytes().to_vec();
                value.extend_from_slice(&self.windows.size_ms.to_le_bytes());
                state.put(&list, &list_key(*end), Some(&value))?;
                live.dirty = false;
            }
        }
        Ok(())
    }
}

fn list_key(end: i64) -> [u8; 8] {
    ((end as u64) ^ (1 << 63)).to_be_bytes()
}

/// One window operator at work on one chunk.
struct Work<'n, 'c, 'd> {
    node: &'n mut Node,
    windows: &'n mut Windows,
    udf: &'n mut dyn Udf,
    cx: &'c mut Context<'d>,
    outputs: Vec<Chunk>,
}

/// Run a chunk through a window-aggregate, then fire what the watermark `fire_to` closes.
pub fn run(
    node: &mut Node,
    windows: &mut Windows,
    udf: &mut dyn Udf,
    chunk: Chunk,
    fire_to: i64,
    cx: &mut Context<'_>,
) -> Result<Vec<Chunk>, StepError> {
    node.account.input += chunk.len() as u64;
    let segments = node.segments(chunk, cx);
    let mut work = Work {
        node,
        windows,
        udf,
        cx,
        outputs: Vec::new(),
    };
    for segment in segments {
        match segment {
            Segment::Rows(chunk) => work.rows(chunk, false)?,
            Segment::Alone(chunk) => work.rows(chunk, true)?,
            Segment::Poison(chunk, why) => work.node.row_failed(&chunk, 0, &why, work.cx)?,
        }
    }
    work.fire_due(fire_to)?;
    Ok(work.outputs)
}

/// Where a row belongs.
enum Place {
    OnTime,
    /// Its window has fired and still takes it.
    Again(i64),
    Late,
    NoKey,
}

impl Work<'_, '_, '_> {
    fn place(&self, chunk: &Chunk, row: usize) -> Place {
        if chunk.batch.key(row).is_none() {
            return Place::NoKey;
        }
        let end = self.windows.windows.end_of(chunk.batch.timestamp(row));
        let watermark = self.cx.watermark_before(chunk.at[row]);
        if time::gone(end, self.windows.allowed_lateness_ms, watermark) {
            Place::Late
        } else if time::closed(end, watermark) {
            Place::Again(end)
        } else {
            Place::OnTime
        }
    }

    fn rows(&mut self, chunk: Chunk, alone: bool) -> Result<(), StepError> {
        let mut on_time = vec![true; chunk.len()];
        let mut from = 0;
        for row in 0..chunk.len() {
            match self.place(&chunk, row) {
                Place::OnTime => {}
                Place::Late => {
                    on_time[row] = false;
                    self.late(&chunk, row)?;
                }
                Place::NoKey => {
                    on_time[row] = false;
                    let why = "the record has no key, and this operator groups by key";
                    self.node.row_failed(&chunk, row, why, self.cx)?;
                }
                Place::Again(end) => {
                    let before = chunk.slice(from, row).select(|r| on_time[from + r]);
                    self.accumulate(before, alone)?;
                    self.fire_due(self.cx.watermark_before(chunk.at[row]))?;
                    let absorbed = self.node.account.absorbed;
                    self.accumulate(chunk.slice(row, row + 1), alone)?;
                    if self.node.account.absorbed > absorbed {
                        self.fire_again(
                            end,
                            chunk.batch.key(row).unwrap_or_default(),
                            chunk.at[row],
                        )?;
                    }
                    from = row + 1;
                }
            }
        }
        if from == 0 {
            return self.accumulate(chunk.select(|row| on_time[row]), alone);
        }
        self.accumulate(
            chunk.slice(from, chunk.len()).select(|r| on_time[from + r]),
            alone,
        )
    }

    fn late(&mut self, chunk: &Chunk, row: usize) -> Result<(), StepError> {
        if let Some((topic, bytes_max)) = self.windows.late_topic {
            let mut record = Batch::default();
            record.push_row(&chunk.batch, row);
            if record_bytes(record.key(0), record.value(0), record.headers(0)) > bytes_max {
                return self.node.row_failed(chunk, row, TOO_LARGE, self.cx);
            }
            let rank = self.node.rank(chunk, row);
            self.cx.side.push(Side {
                rank,
                topic,
                record,
            });
        }
        self.node.account.late += 1;
        Ok(())
    }

    /// Fold rows, all of windows that take them, into their accumulators.
    fn accumulate(&mut self, chunk: Chunk, alone: bool) -> Result<(), StepError> {
        if chunk.is_empty() {
            return Ok(());
        }
        let groups = self.group(&chunk.batch)?;
        Node::prepare(self.udf, alone);
        let answer = self
            .udf
            .accumulate(&groups.accumulators, &groups.of_row, &chunk.batch);
        let Accumulated {
            accumulators,
            errors,
        } = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let rows = self.node.row_ids(&chunk, self.cx);
                let call = || Call::Accumulate(groups.accumulators, groups.of_row, chunk.batch);
                return Err(self.node.failed(error, call, rows));
            }
        };
        for (number, (namespace, slot)) in groups.slots.iter().enumerate() {
            let value = accumulators.get(number);
            if value.is_some() || groups.accumulators.get(number).is_some() {
                self.cx.state.set(namespace, *slot, value);
            }
        }
        for error in &errors {
            self.node
                .row_failed(&chunk, error.row as usize, &error.message, self.cx)?;
        }
        self.count(&chunk.batch, &errors);
        Ok(())
    }

    /// Which accumulators a batch touches.
    fn group(&mut self, rows: &Batch) -> Result<Groups, StepError> {
        let task = self.windows.tasks.entry(self.cx.partition).or_default();
        let mut groups = Groups::default();
        let state = &mut *self.cx.state;
        state.begin_call();
        let (mut last_end, mut namespace) = (None, Namespace::new(0, 0, 0));
        for (row, timestamp) in rows.timestamps().iter().enumerate() {
            let end = self.windows.windows.end_of(*timestamp);
            if last_end != Some(end) {
                namespace = Namespace::new(self.windows.operator, self.cx.partition, end);
                last_end = Some(end);
                if let std::collections::btree_map::Entry::Vacant(new) = task.live.entry(end) {
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
                Err(next) => {
                    groups.accumulators.push(state.value(&namespace, slot));
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

    /// Fire, in order of their ends, all windows that this watermark closes, and drop those that it makes unreachable.
    fn fire_due(&mut self, watermark: i64) -> Result<(), StepError> {
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
        for slots in slots.chunks(FINISH_ROWS_MAX.min(self.node.rows_per_call_max)) {
            self.finish(&namespace, slots, at)?;
        }
        Ok(())
    }

    /// Result of the one key whose closed window took another row.
    fn fire_again(&mut self, end: i64, key: &[u8], at: u32) -> Result<(), StepError> {
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
        self.outputs.push(if errors.is_empty() {
            chunk
        } else {
            chunk.select(|row| !failed(row))
        });
        Ok(())
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

/// The groups that a batch touches, numbered in the order of their first row.
#[derive(Default)]
struct Groups {
    accumulators: Packed,
    of_row: Vec<u32>,
    slots: Vec<(Namespace, Slot)>,
}
