//! Window-aggregate: rows fold into one accumulator a (key, window) and task; when the watermark closes a window, the
//! module turns its accumulators into results, in (end, key) order, and the window is dropped as a whole.
//!
//! Batches change nothing: lateness is decided per row by the watermark before it. Without allowed lateness no row can
//! reach a closed window, so firing at the batch's end gives what firing row by row would. A row that a closed window
//! still takes (allowed lateness) cuts the batch: all due windows fire first, then the row, then its key's window again.

mod fire;
mod fold;
mod format;
mod state;

pub use state::{RestoreError, Windows};

use super::StepError;
use super::chunk::{Chunk, Context};
use super::flow::Flow;
use super::node::{Node, Segment, TOO_LARGE};
use super::side::{Side, record_bytes};
use crate::batch::Batch;
use crate::time;
use crate::udf::Udf;

/// Most bytes of accumulators (with their keys, when they are finished) handed to a module in one call; a larger one goes
/// alone. Bounds memory on both sides.
const ACCUMULATOR_BYTES_MAX: usize = 8 << 20;

/// One window operator at work.
struct Work<'n, 'f, 'd> {
    node: &'n mut Node,
    windows: &'n mut Windows,
    udf: &'n mut dyn Udf,
    below: &'n mut Flow<'f>,
    cx: &'n mut Context<'d>,
}

/// Run a chunk through a window-aggregate.
pub fn run(
    node: &mut Node,
    windows: &mut Windows,
    udf: &mut dyn Udf,
    chunk: Chunk,
    below: &mut Flow<'_>,
    cx: &mut Context<'_>,
) -> Result<(), StepError> {
    node.account.input += chunk.len() as u64;
    let passed = chunk.at.last().map(|at| cx.watermark_before(*at));
    let segments = node.segments(chunk, cx);
    let mut work = Work {
        node,
        windows,
        udf,
        below,
        cx,
    };
    for segment in segments {
        match segment {
            Segment::Rows(chunk) => work.rows(chunk, false)?,
            Segment::Alone(chunk) => work.rows(chunk, true)?,
            Segment::Poison(chunk, why) => work.node.row_failed(&chunk, 0, &why, work.cx)?,
        }
    }
    // Due already: what is gone need not stay in memory until the source batch ends.
    passed.map_or(Ok(()), |watermark| work.fire_due(watermark))
}

/// The source batch is over: fire what its watermark closes.
pub fn end(
    node: &mut Node,
    windows: &mut Windows,
    udf: &mut dyn Udf,
    below: &mut Flow<'_>,
    cx: &mut Context<'_>,
) -> Result<(), StepError> {
    let watermark = cx.watermark_after();
    let mut work = Work {
        node,
        windows,
        udf,
        below,
        cx,
    };
    work.fire_due(watermark)
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
}
