//! What flows between operators within one source batch, and what an operator needs to know about that batch.

use crate::batch::Batch;
use crate::log;
use crate::overlay::Overlay;
use crate::pipeline::side::Side;
use crate::pipeline::verdict::Verdicts;

/// Rows on their way, each with the source row whose processing caused it (never decreasing). A row made by the
/// end of the input has the number of rows of the source batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The rows.
    pub batch: Batch,
    /// For each the number of its source row.
    pub at: Vec<u32>,
    /// For each its number among the rows of that source row, at this place of the plan.
    pub ordinal: Vec<u32>,
}

/// Numbers rows by the source row that caused them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ordinals {
    last: Option<u32>,
    next: u32,
}

impl Ordinals {
    /// Number of the next row caused by `at`.
    pub fn next(&mut self, at: u32) -> u32 {
        self.next = if self.last == Some(at) {
            self.next + 1
        } else {
            0
        };
        self.last = Some(at);
        self.next
    }
}

impl Chunk {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.at.len()
    }
    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }
    /// The rows for which `keep` answers true.
    pub fn select(self, keep: impl Fn(usize) -> bool) -> Self {
        let kept = |list: Vec<u32>| {
            list.into_iter()
                .enumerate()
                .filter(|(row, _)| keep(*row))
                .map(|(_, x)| x)
                .collect()
        };
        let (at, ordinal) = (kept(self.at), kept(self.ordinal));
        Self {
            batch: self.batch.select(keep),
            at,
            ordinal,
        }
    }
    /// The rows `from..to`.
    pub fn slice(&self, from: usize, to: usize) -> Self {
        Self {
            batch: self.batch.slice(from, to),
            at: self.at[from..to].to_vec(),
            ordinal: self.ordinal[from..to].to_vec(),
        }
    }
}

/// Where the pipeline's outputs go: one call a record, in order.
pub trait Emit {
    /// Send a record to topic number `topic` of the plan.
    fn emit(&mut self, record: log::OutRecord<'_>) -> log::Result<()>;
    /// Whether there is still time for calls before what was sent has to be committed.
    fn in_time(&self) -> bool {
        true
    }
}

/// The source batch being processed, and everything around it.
pub struct Context<'a> {
    /// Source topic, for messages and headers.
    pub source_topic: &'a str,
    /// Source partition.
    pub partition: i32,
    /// Offset of each source row.
    pub offsets: &'a [i64],
    /// Watermark before each source row; then, after the last one; then, at the end of the input, after that.
    pub watermarks: Vec<i64>,
    /// State.
    pub state: &'a mut Overlay,
    /// Outputs.
    pub out: &'a mut dyn Emit,
    /// Late rows and dead letters of this batch, not yet in order.
    pub side: Vec<Side>,
    /// Rows known to be poisonous.
    pub verdicts: &'a Verdicts,
}

impl Context<'_> {
    /// Watermark that decides whether a row caused by source row `at` is late.
    pub fn watermark_before(&self, at: u32) -> i64 {
        self.watermarks[at as usize]
    }
    /// Watermark after the whole batch.
    pub fn watermark_after(&self) -> i64 {
        self.watermarks
            .last()
            .copied()
            .unwrap_or(crate::time::WATERMARK_MIN)
    }
    /// Offset of a source row; `i64::MAX` for the end of the input.
    pub fn offset(&self, at: u32) -> i64 {
        self.offsets.get(at as usize).copied().unwrap_or(i64::MAX)
    }
    /// The source row that brought the watermark to `watermark` or beyond.
    pub fn caused_by(&self, watermark: i64) -> u32 {
        let reached = self.watermarks.partition_point(|w| *w < watermark);
        reached.saturating_sub(1) as u32
    }
}
