//! What a record costs: the calls of a case again, in batches as production makes them.

use sluicebox_core::batch::{Batch, Packed};
use sluicebox_core::pipeline::Call;
use sluicebox_core::udf::{CallError, Udf};
use sluicebox_wasm::thread_cpu_time;
use std::collections::HashMap;
use std::time::Duration;

/// Rows of a batch.
pub const ROWS: usize = 1_024;
/// Enough CPU time to tell, and enough calls.
const ENOUGH: Duration = Duration::from_millis(150);
const CALLS_MAX: usize = 200;

/// CPU time of one record in nanoseconds, and the instance's memory after it in bytes; nothing where no rows came, or where they
/// trap.
pub fn measure(udf: &mut dyn Udf, calls: &[Call]) -> Option<(u64, usize)> {
    let call = repeated(calls)?;
    // Warm: a guest's first call grows its memory.
    run(udf, &call).ok()?;
    let mut took = Vec::new();
    let began = thread_cpu_time();
    while took.len() < CALLS_MAX
        && (took.len() < 3 || thread_cpu_time().saturating_sub(began) < ENOUGH)
    {
        let before = thread_cpu_time();
        run(udf, &call).ok()?;
        took.push(thread_cpu_time().saturating_sub(before));
    }
    took.sort_unstable();
    let median = took.get(took.len() / 2)?;
    Some((median.as_nanos() as u64 / ROWS as u64, udf.memory_bytes()))
}

/// The rows of these calls over and over, in one call.
fn repeated(calls: &[Call]) -> Option<Call> {
    let mut rows = Batch::default();
    let mut groups = Vec::new();
    let mut numbers: HashMap<(usize, u32), u32> = HashMap::new();
    while rows.len() < ROWS {
        let before = rows.len();
        for (number, call) in calls.iter().enumerate() {
            let (batch, of) = match call {
                Call::Filter(batch) | Call::Map(batch) => (batch, None),
                Call::Accumulate(_, of, batch) => (batch, Some(of)),
                Call::Finish(..) => continue,
            };
            for row in 0..batch.len().min(ROWS - rows.len()) {
                rows.push_row(batch, row);
                if let Some(of) = of {
                    let next = numbers.len() as u32;
                    groups.push(*numbers.entry((number, of[row])).or_insert(next));
                }
            }
        }
        if rows.len() == before {
            return None;
        }
    }
    match calls.first()? {
        Call::Filter(_) => Some(Call::Filter(rows)),
        Call::Map(_) => Some(Call::Map(rows)),
        Call::Accumulate(..) | Call::Finish(..) => {
            let mut accumulators = Packed::default();
            (0..numbers.len()).for_each(|_| accumulators.push(None));
            Some(Call::Accumulate(accumulators, groups, rows))
        }
    }
}

fn run(udf: &mut dyn Udf, call: &Call) -> Result<(), CallError> {
    match call {
        Call::Filter(rows) => udf.filter(rows).map(drop),
        Call::Map(rows) => udf.map(rows).map(drop),
        Call::Accumulate(accumulators, groups, rows) => {
            udf.accumulate(accumulators, groups, rows).map(drop)
        }
        Call::Finish(keys, windows, accumulators) => {
            udf.finish(keys, windows, accumulators).map(drop)
        }
    }
}
