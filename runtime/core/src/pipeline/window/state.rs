//! What a window operator keeps: its configuration, and for each task which windows are open.

use crate::overlay::Overlay;
use crate::state::{Namespace, StoreError};
use crate::time::Tumbling;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

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
    pub(super) tasks: BTreeMap<i32, Task>,
}

/// Windows of one task by end.
#[derive(Default)]
pub(super) struct Task {
    pub live: BTreeMap<i64, Live>,
    /// All windows that this watermark closes have fired.
    pub fired: Option<i64>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Live {
    /// Rows folded into it.
    pub rows: u64,
    /// Whether `rows` changed since it was last written.
    pub dirty: bool,
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
        let mut visit = |key: &[u8], value: &[u8]| match self.listed(&key[list.0.len()..], value) {
            Ok((end, rows)) => {
                let dirty = false;
                task.live.insert(end, Live { rows, dirty });
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        };
        state.store().scan(&list.0, &[], &mut visit)?;
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

/// Key of a window in the list of a task's windows.
pub(super) fn list_key(end: i64) -> [u8; 8] {
    ((end as u64) ^ (1 << 63)).to_be_bytes()
}
